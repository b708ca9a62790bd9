"""Edits of single fields of a release: each gives another value to what is there, or nothing where it says the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from slipway.delivery import edits
from slipway.delivery.document import Document, Scalar, Table
from slipway.delivery.edits import Edit
from slipway.delivery.served import (
    COMMIT_ANNOTATION,
    KEY_ANNOTATION,
    METRICS_ANNOTATION,
    RUN_ANNOTATION,
    VERIFIED_ANNOTATION,
    Release,
)

type Step = Callable[[Document], Edit | None]
"""One edit, decided from the text as the edits before it left it."""

QUOTES: Final = {
    KEY_ANNOTATION: '"',
    COMMIT_ANNOTATION: '"',
    METRICS_ANNOTATION: "'",
    RUN_ANNOTATION: '"',
    VERIFIED_ANNOTATION: '"',
}
"""The annotations in their order, each with the quotes that it gets: unquoted, some keys would be numbers."""


def annotated(release: Release) -> dict[str, str]:
    """What a release's annotations say, in their order; nothing where there is nothing to say."""
    metrics, mark = compact(release.metrics) if release.metrics else "", "true" if release.verified else ""
    return dict(zip(QUOTES, (release.key, release.commit, metrics, release.run, mark), strict=True))


def comparable(release: Release | None) -> object:
    """What two releases must share to be one, as it is written."""
    return release and (release.image, annotated(release))


def annotate(document: Document, table: Table, field: str, value: str) -> Edit | None:
    """An annotation's new value; what is not known has no annotation."""
    if field in table.entries:
        return set_value(table, field, value) if value else edits.remove_entry(document, table, field)
    if not value:
        return None
    names = list(QUOTES)
    before = names[: names.index(field)] if field in QUOTES else names
    after = next(name for name in reversed(before) if name in table.entries)
    return edits.insert_entry(document, table, after, field, quoted(value, '"' if table.flow else quotes(field)))


def set_value(table: Table | None, field: str, value: str) -> Edit | None:
    """Another value in the quotes of the old one; nothing to do where the old one says the same."""
    old = table.get(field) if table else None
    if not isinstance(old, Scalar) or _said(field, old.text) == value:
        return None
    return edits.replace(old, quoted(value, old.style if old.style in {'"', "'"} else QUOTES.get(field, "")))


def count(document: Document, table: Table, field: str, value: int, *, after: str) -> Edit | None:
    """A number's new value, behind another field if it was not there."""
    if table.get(field):
        return set_value(table, field, str(value))
    return edits.insert_entry(document, table, after, field, str(value))


def quotes(field: str) -> str:
    """The quotes of an annotation: JSON is read best in single ones."""
    return QUOTES.get(field, "'")


def quoted(value: str, style: str) -> str:
    """A value as it is written in quotes of that style."""
    match style:
        case '"':
            return json.dumps(value)
        case "'":
            return "'" + value.replace("'", "''") + "'"
        case _:
            return value


def compact(metrics: Mapping[str, float]) -> str:
    """One line, six significant digits: enough to compare with what was reviewed, and short in a diff."""
    return json.dumps(rounded(metrics), separators=(",", ":"), allow_nan=False)


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics with as many digits as a manifest keeps."""
    return {name: float(f"{value:.6g}") for name, value in metrics.items()}


def _said(field: str, text: str) -> str:
    return compact(json.loads(text, parse_int=float)) if field == METRICS_ANNOTATION else text
