"""Remarks on the lines of a change's own files: rows that an expectation rejects, and what is wrong with a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from slipway.forge.interface import Annotation, Level
from slipway.report import tables
from slipway.report.pull_request.entry import Entry, Standing
from slipway.report.text import clean
from slipway.results import Severity, Validation

MOST = 200
_LAST_LINE = 2**31 - 1
_TITLE = 120
_LEVELS = {Severity.CRITICAL: Level.FAILURE, Severity.WARNING: Level.WARNING, Severity.INFO: Level.NOTICE}
_FAULT = re.compile(
    r"^(?P<path>[^\s:][^:\n]*):(?P<line>[1-9][0-9]{0,9}): (?P<what>.+)(?:\n  (?P<hint>\S.*))?", re.MULTILINE
)
"""As `Fault` writes itself."""


def remarks(entries: Sequence[Entry]) -> tuple[Annotation, ...]:
    """The worst first, and no more than somebody would look through."""
    order = [Level.FAILURE, Level.WARNING, Level.NOTICE]
    found = [remark for entry in entries for remark in _of(entry)]
    return tuple(sorted(found, key=lambda remark: order.index(remark.level))[:MOST])


def _of(entry: Entry) -> Iterator[Annotation]:
    if entry.report is not None:
        yield from _rows(entry.model, entry.report.validation)
    elif entry.standing is Standing.ERROR:
        yield from _faults(entry.model, entry.error)


def _rows(model: str, validation: Validation) -> Iterator[Annotation]:
    path = validation.data_file
    if not path.endswith(".csv") or not _is_own(model, path):
        return
    for check, row in tables.failing_rows(validation):
        if not 1 <= row.line <= _LAST_LINE:
            continue
        severity = check.severity if check else validation.leakage.severity
        column = f"{clean(check.column or 'the table', 60)}: " if check else ""
        expected = check.expected if check else "not on the training side as well"
        title = clean(f"{column}{expected}", _TITLE)
        yield Annotation(path=path, line=row.line, level=_LEVELS[severity], title=title, message=_found(row.value))


def _found(value: str) -> str:
    return f"found: {clean(value, 200) or '(empty)'}"


def _faults(model: str, error: str) -> Iterator[Annotation]:
    for fault in _FAULT.finditer(error):
        if _is_own(model, fault["path"]) and int(fault["line"]) <= _LAST_LINE:
            said = "\n".join(clean(part) for part in (fault["what"], fault["hint"]) if part)
            title = f"{clean(model)} cannot be reviewed"
            yield Annotation(
                path=fault["path"], line=int(fault["line"]), level=Level.FAILURE, title=title, message=said
            )


def _is_own(model: str, path: str) -> bool:
    """Whether it is a file of the model's folder, named without tricks."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(parts)
    return plain and len(parts) > 2 and parts[:2] == ["data", model]  # noqa: PLR2004
