"""How a manifest is written: whole, for a model's first release; from then on, only the fields that slipway owns.

Those are the release (key, commit, metrics, run and mark in the annotations, the image of the model's container), the
traffic and the replicas. All else is people's: it stays as it is, to the last space and comment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from slipway.delivery.document import Document, Items, Node, Scalar, Table, parse
from slipway.delivery.fields import Step, comparable
from slipway.delivery.form import Form
from slipway.delivery.kserve import first as kserve
from slipway.delivery.manifest import CANARY, DEFAULT, Release, Serving, form, read
from slipway.delivery.seldon import first as seldon
from slipway.errors import InputError
from slipway.spec import DeploymentMode, Platform
from slipway.training.faults import Fault


def first(
    model: str,
    release: Release,
    *,
    replicas: int,
    platform: Platform = Platform.SELDON,
    mode: DeploymentMode = DeploymentMode.STANDARD,
    environment: str = "",
) -> bytes:
    """The manifest of a model that was never released to this environment.

    `environment` is part of the address of a KServe model, where two of them are behind one gateway. `InputError` for
    a name that the platform does not take.
    """
    if platform is Platform.SELDON:
        content = seldon.first(model, release, replicas=replicas)
    else:
        content = kserve.first(model, release, replicas=replicas, mode=mode, environment=environment)
    read(content, model)  # a release without a digest must not be written either
    return content


def moved(
    manifest: bytes,
    file: str,
    model: str,
    *,
    platform: Platform,
    mode: DeploymentMode,
    environment: str = "",
) -> bytes:
    """The manifest of the same release and replicas on another platform; the same bytes if it is there.

    Nobody verified it there, so it loses that mark; what people wrote in the old manifest is theirs to carry over.
    `InputError` while a release is on trial: its trial would start anew, beside a default that never ran there.
    """
    now = read(manifest, file)
    if now.is_on(platform, mode):
        return manifest
    if now.canary is not None:
        hint = "Wait till it is promoted or reverted: slipway status"
        raise InputError(Fault(file=file, what="a release is on trial: its platform stays till then", hint=hint))
    release = replace(now.default, verified=False)
    return first(model, release, replicas=now.replicas, platform=platform, mode=mode, environment=environment)


def with_canary(manifest: bytes, file: str, release: Release, *, percent: int) -> bytes:
    """The release on trial beside the default predictor, in place of any that was.

    The canary is the default predictor as people set it up, with another release in it; which is not verified, or it
    would not be on trial.
    """
    before, release = _parsed(manifest, file), replace(release, verified=False)
    after = replace(before.serving, canary=release, canary_percent=percent)
    return _written(manifest, before, before.form.trial(before.serving, release, percent), after)


def promoted(manifest: bytes, file: str, *, verified: bool = False) -> bytes:
    """The canary's release in the default predictor, with all the traffic; `InputError` if none is on trial."""
    now = read(manifest, file)
    if now.canary is None:
        raise InputError(Fault(file=file, what="no release is on trial", hint="Release it again: slipway release"))
    return restored(manifest, file, replace(now.canary, verified=verified))


def verified(manifest: bytes, file: str) -> bytes:
    """The mark on the default predictor's release that it was verified there; one on trial stays as it is."""
    before = _parsed(manifest, file)
    after = replace(before.serving, default=replace(before.serving.default, verified=True))
    return _written(manifest, before, before.form.marked(before.serving), after)


def restored(manifest: bytes, file: str, release: Release) -> bytes:
    """The release in the default predictor, with all the traffic, and nothing on trial."""
    before = _parsed(manifest, file)
    after = replace(before.serving, default=release, canary=None, canary_percent=None)
    return _written(manifest, before, before.form.live(before.serving, release), after)


def rebuilt(manifest: bytes, file: str, key: str, image: str) -> bytes:
    """Another image of a key, wherever it is served; nothing else."""
    before = _parsed(manifest, file)
    now = before.serving
    served = {DEFAULT: now.default, CANARY: now.canary}
    new = {name: replace(release, image=image) for name, release in served.items() if release and release.key == key}
    after = replace(now, default=new.get(DEFAULT, now.default), canary=new.get(CANARY, now.canary))
    steps = [step for name in new for step in before.form.rebuilt(now, name, image)]
    return _written(manifest, before, steps, after)


def without_canary(manifest: bytes, file: str) -> bytes:
    """What was live before the trial, with all the traffic."""
    before = _parsed(manifest, file)
    after = replace(before.serving, canary=None, canary_percent=None)
    return _written(manifest, before, before.form.ended(before.serving), after)


def configured(manifest: bytes, file: str, *, replicas: int, percent: int) -> bytes:
    """As many replicas of each predictor, and the share of the traffic for a canary that is on trial."""
    before = _parsed(manifest, file)
    share = percent if before.serving.canary else None
    after = replace(before.serving, replicas=replicas, canary_percent=share)
    return _written(manifest, before, before.form.configured(before.serving, replicas, share), after)


@dataclass(frozen=True, kw_only=True)
class _Before:
    """A manifest that is to be edited."""

    document: Document
    form: Form
    serving: Serving


def _parsed(manifest: bytes, file: str) -> _Before:
    document = parse(manifest, file)
    kind = form(document)
    return _Before(document=document, form=kind, serving=kind.serving(document))


def _written(manifest: bytes, before: _Before, steps: Iterable[Step], expected: Serving) -> bytes:
    """The text after all the steps, read again: an edit that went astray must not reach Git."""
    start = before.document
    document = _stepped(start, steps)
    if document is start:
        return manifest
    astray = _comparable(before.form.serving(document)) != _comparable(expected)
    if astray or _unowned(before.form, document) != _unowned(before.form, start):
        raise _not_editable(start.file)
    byte_order_mark = manifest[: len(manifest) - len(start.text.encode())]
    return byte_order_mark + document.text.encode()


def _stepped(document: Document, steps: Iterable[Step]) -> Document:
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
    return comparable(now.default), comparable(now.canary), now.replicas, now.canary_percent


def _unowned(form: Form, document: Document) -> object:
    """What the document says beside the fields that slipway owns."""
    return _plain(document.root, {id(node) for node in form.owned(document)})


def _plain(node: Node, owned: set[int]) -> object:
    match node:
        case Scalar():
            return node.text, bool(node.style)
        case Table():
            return {k: _plain(v, owned) for k, (_, v) in node.entries.items() if id(v) not in owned}
        case Items():
            return [_plain(item, owned) for item in node.items if id(item) not in owned]
    return None
