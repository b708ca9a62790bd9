"""How a manifest is written: whole, for a model's first release; from then on, only the fields that slipway owns.

Those are the release (key, commit, metrics and run in the annotations, the image of the model's container), the
traffic and the replicas. All else is people's: it stays as it is, to the last space and comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from slipway.delivery import edits
from slipway.delivery.document import Document, Items, Node, Scalar, Table, parse
from slipway.delivery.edits import Edit
from slipway.delivery.manifest import (
    CANARY,
    COMMIT_ANNOTATION,
    DEFAULT,
    FULL,
    KEY_ANNOTATION,
    METRICS_ANNOTATION,
    RUN_ANNOTATION,
    VERIFIED_ANNOTATION,
    Release,
    Serving,
    container,
    predictors,
    read,
    serving,
)
from slipway.delivery.template import FIRST
from slipway.errors import InputError
from slipway.training.faults import Fault

type Step = Callable[[Document], Edit | None]
"""One edit, decided from the text as the edits before it left it."""

_QUOTES = {
    KEY_ANNOTATION: '"',
    COMMIT_ANNOTATION: '"',
    METRICS_ANNOTATION: "'",
    RUN_ANNOTATION: '"',
    VERIFIED_ANNOTATION: '"',
}
"""The annotations in their order, each with the quotes that it gets: unquoted, some keys would be numbers."""
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9-]{3,}")


def first(model: str, release: Release, *, replicas: int) -> bytes:
    """The manifest of a model that was never released to this environment."""
    name = model if _PLAIN_NAME.fullmatch(model) and model not in {"true", "false", "null"} else json.dumps(model)
    annotations = "".join(
        f"        {field}: {_quoted(value, _QUOTES[field])}\n" for field, value in _annotations(release) if value
    )
    content = FIRST.format(
        model=model, name=name, annotations=annotations, replicas=replicas, image=release.image
    ).encode()
    read(content, model)  # a release without a digest must not be written either
    return content


def with_canary(manifest: bytes, file: str, release: Release, *, percent: int) -> bytes:
    """The release on trial beside the default predictor, in place of any that was.

    The canary is the default predictor as people set it up, with another release in it; which is not verified, or it
    would not be on trial.
    """
    before, release = _parsed(manifest, file), replace(release, verified=False)
    steps = [_remove_canary, _copy_default, *_release(CANARY, release), *_traffic(percent)]
    return _written(manifest, before, steps, replace(before[1], canary=release, canary_percent=percent))


def promoted(manifest: bytes, file: str, *, verified: bool = False) -> bytes:
    """The canary's release in the default predictor, with all the traffic; `InputError` if none is on trial."""
    now = serving(parse(manifest, file))
    if now.canary is None:
        raise InputError(Fault(file=file, what="no release is on trial", hint="Release it again: slipway release"))
    return restored(manifest, file, replace(now.canary, verified=verified))


def verified(manifest: bytes, file: str) -> bytes:
    """The mark on the default predictor's release that it was verified there; one on trial stays as it is."""
    before = _parsed(manifest, file)
    after = replace(before[1], default=replace(before[1].default, verified=True))
    return _written(manifest, before, [partial(_annotate, DEFAULT, VERIFIED_ANNOTATION, "true")], after)


def restored(manifest: bytes, file: str, release: Release) -> bytes:
    """The release in the default predictor, with all the traffic, and nothing on trial."""
    before = _parsed(manifest, file)
    steps = [_remove_canary, *_release(DEFAULT, release), *_traffic(0)]
    return _written(manifest, before, steps, replace(before[1], default=release, canary=None, canary_percent=None))


def rebuilt(manifest: bytes, file: str, key: str, image: str) -> bytes:
    """Another image of a key, wherever it is served; nothing else."""
    before = _parsed(manifest, file)
    now = before[1]
    served = {DEFAULT: now.default, CANARY: now.canary}
    names = [name for name, release in served.items() if release and release.key == key]
    new = {name: replace(release, image=image) for name, release in served.items() if release and name in names}
    after = replace(now, default=new.get(DEFAULT, now.default), canary=new.get(CANARY, now.canary))
    return _written(manifest, before, [partial(_set_image, name, image) for name in names], after)


def without_canary(manifest: bytes, file: str) -> bytes:
    """What was live before the trial, with all the traffic."""
    before = _parsed(manifest, file)
    after = replace(before[1], canary=None, canary_percent=None)
    return _written(manifest, before, [_remove_canary, *_traffic(0)], after)


def configured(manifest: bytes, file: str, *, replicas: int, percent: int) -> bytes:
    """As many replicas of each predictor, and the share of the traffic for a canary that is on trial."""
    before = _parsed(manifest, file)
    trial = before[1].canary is not None
    steps = [*_replicas(replicas), *(_traffic(percent) if trial else [])]
    after = replace(before[1], replicas=replicas, canary_percent=percent if trial else None)
    return _written(manifest, before, steps, after)


def _parsed(manifest: bytes, file: str) -> tuple[Document, Serving]:
    document = parse(manifest, file)
    return document, serving(document)


def _written(manifest: bytes, before: tuple[Document, Serving], steps: Sequence[Step], expected: Serving) -> bytes:
    """The text after all the steps, read again: an edit that went astray must not reach Git."""
    start, _ = before
    document = _stepped(start, steps)
    if document is start:
        return manifest
    if _comparable(serving(document)) != _comparable(expected) or _unowned(document) != _unowned(start):
        raise _not_editable(start.file)
    byte_order_mark = manifest[: len(manifest) - len(start.text.encode())]
    return byte_order_mark + document.text.encode()


def _stepped(document: Document, steps: Sequence[Step]) -> Document:
    for step in steps:
        if (edit := step(document)) is not None:
            try:
                document = parse(edit.apply(document.text).encode(), document.file)
            except InputError:
                raise _not_editable(document.file) from None
    return document


def _not_editable(file: str) -> InputError:
    what = "slipway cannot edit this manifest without changing what people wrote in it"
    hint = "End the file with a line end, and write one field a line, as in other models' manifests."
    return InputError(Fault(file=file, what=what, hint=hint))


def _comparable(now: Serving) -> object:
    def fields(release: Release | None) -> object:
        return release and (release.image, _annotations(release))

    return fields(now.default), fields(now.canary), now.replicas, now.canary_percent


def _unowned(document: Document) -> object:
    """What the document says beside the fields that slipway owns."""
    found = predictors(document)
    annotations = document.table(found.default, "annotations")
    owned = [found.canary, container(document, found.default).get("image")]
    owned += [found.default.get(name) for name in ("traffic", "replicas")]
    owned += [annotations.get(name) for name in _QUOTES]
    return _plain(document.root, {id(node) for node in owned if node})


def _plain(node: Node, owned: set[int]) -> object:
    match node:
        case Scalar():
            return node.text, bool(node.style)
        case Table():
            return {k: _plain(v, owned) for k, (_, v) in node.entries.items() if id(v) not in owned}
        case Items():
            return [_plain(item, owned) for item in node.items if id(item) not in owned]
    return None


# ---- steps


def _remove_canary(document: Document) -> Edit | None:
    found = predictors(document)
    return edits.remove_item(document, found.listed, found.canary) if found.canary else None


def _copy_default(document: Document) -> Edit:
    found = predictors(document)
    name = document.scalar(found.default, "name")
    return edits.copy_item(document, found.listed, found.default, edits.replace(name, _quoted(CANARY, name.style)))


def _release(predictor: str, release: Release) -> Iterator[Step]:
    """The fields of a release, in the order in which they are written."""
    for field, value in _annotations(release):
        yield partial(_annotate, predictor, field, value)
    yield partial(_set_image, predictor, release.image)


def _set_image(predictor: str, image: str, document: Document) -> Edit | None:
    return _set(container(document, predictors(document).named[predictor]), "image", image)


def _traffic(percent: int) -> Iterator[Step]:
    """The shares of the two; the default predictor has what a canary has not."""
    yield lambda document: _set(predictors(document).canary, "traffic", str(percent))
    yield lambda document: _set(predictors(document).default, "traffic", str(FULL - percent))


def _replicas(count: int) -> Iterator[Step]:
    for predictor in (DEFAULT, CANARY):
        yield partial(_count_replicas, predictor, count)


def _count_replicas(predictor: str, count: int, document: Document) -> Edit | None:
    table = predictors(document).named.get(predictor)
    if table is None or table.get("replicas"):
        return _set(table, "replicas", str(count))
    return edits.insert_entry(document, table, "name", "replicas", str(count))


def _annotate(predictor: str, field: str, value: str, document: Document) -> Edit | None:
    """An annotation's new value; what is not known has no annotation."""
    table = document.table(predictors(document).named[predictor], "annotations")
    if field in table.entries:
        return _set(table, field, value) if value else edits.remove_entry(document, table, field)
    if not value:
        return None
    names = list(_QUOTES)
    after = next(name for name in reversed(names[: names.index(field)]) if name in table.entries)
    return edits.insert_entry(document, table, after, field, _quoted(value, '"' if table.flow else _QUOTES[field]))


def _set(table: Table | None, field: str, value: str) -> Edit | None:
    """Another value in the quotes of the old one; nothing to do where the old one says the same."""
    old = table.get(field) if table else None
    if not isinstance(old, Scalar) or _said(field, old.text) == value:
        return None
    return edits.replace(old, _quoted(value, old.style if old.style in {'"', "'"} else _QUOTES.get(field, "")))


def _said(field: str, text: str) -> str:
    return _compact(json.loads(text, parse_int=float)) if field == METRICS_ANNOTATION else text


def _quoted(value: str, style: str) -> str:
    match style:
        case '"':
            return json.dumps(value)
        case "'":
            return "'" + value.replace("'", "''") + "'"
        case _:
            return value


def _annotations(release: Release) -> tuple[tuple[str, str], ...]:
    metrics, mark = _compact(release.metrics) if release.metrics else "", "true" if release.verified else ""
    return tuple(zip(_QUOTES, (release.key, release.commit, metrics, release.run, mark), strict=True))


def _compact(metrics: Mapping[str, float]) -> str:
    """One line, six significant digits: enough to compare with what was reviewed, and short in a diff."""
    rounded = {name: float(f"{value:.6g}") for name, value in metrics.items()}
    return json.dumps(rounded, separators=(",", ":"), allow_nan=False)
