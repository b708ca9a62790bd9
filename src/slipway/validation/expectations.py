"""Great Expectations on a table, expectation by expectation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from slipway.results import Check, FailingRow
from slipway.training.dataset import is_temporal
from slipway.validation import library, words
from slipway.validation.suite import Entry, configuration

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 10
"""Failing rows that are shown of a check."""

Lines = Callable[[Sequence[int]], Sequence[int]]
"""Rows of a table, from 0, to the lines of the file."""

_GATE = {"result_format": "BASIC", "partial_unexpected_count": 0}
_WITH_ROWS = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
_MANY = 1_000_000
"""Rows from which on it pays to free each frame before the next is made."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class _Finding:
    entry: Entry
    passed: bool
    observed: str
    failing_rows: int = 0
    rows: tuple[tuple[int, str], ...] = ()


def run(entries: Sequence[Entry], table: pa.Table, lines: Lines) -> tuple[Check, ...]:
    """Check a table; the checks come in the suite's order, each whatever came of the others.

    The columns become pandas frames a few at a time, as the expectations need them: memory stays near
    that of the table, and Great Expectations, which copies whole frames, copies little.
    """
    with library.quietly():
        findings = [finding for group in _groups(entries, table) for finding in _findings(group, table)]
    findings.sort(key=lambda finding: finding.entry.number)
    wanted = [row for finding in findings for row, _ in finding.rows]
    located = dict(zip(wanted, lines(wanted), strict=True)) if wanted else {}
    return tuple(_check(finding, located) for finding in findings)


def _check(finding: _Finding, located: Mapping[int, int]) -> Check:
    entry = finding.entry
    columns = entry.columns
    return Check(
        type=entry.type,
        column=entry.kwargs.get("column") or (", ".join(columns) if columns else None),
        severity=entry.severity,
        passed=finding.passed,
        expected=words.expected(entry),
        observed=finding.observed,
        failing_rows=finding.failing_rows,
        examples=tuple(FailingRow(line=located[row], value=value) for row, value in finding.rows),
    )


def _groups(entries: Sequence[Entry], table: pa.Table) -> Iterator[list[Entry]]:
    """The entries that need the same frame, together."""
    narrow = frozenset(field.name for field in table.schema if _wide_type(field.type) != field.type)
    groups: defaultdict[tuple[tuple[str, ...] | None, bool], list[Entry]] = defaultdict(list)
    for entry in entries:
        exact = entry.about_type and not narrow.isdisjoint(entry.columns or narrow)
        groups[entry.columns, exact].append(entry)
    yield from groups.values()


def _findings(group: Sequence[Entry], table: pa.Table) -> Iterator[_Finding]:
    frame = _frame(table, group[0])
    entries = [_at_midnight(entry, table) for entry in group]
    for entry, result in zip(entries, _validate(entries, frame, _GATE), strict=True):
        failed = not result["success"] and not result["error"]
        yield _finding(entry, _validate([entry], frame, _WITH_ROWS)[0] if failed else result)
    del frame
    if table.num_rows >= _MANY:
        library.release()


def _frame(table: pa.Table, entry: Entry) -> pd.DataFrame:
    """What an expectation looks at, and as much of it as it needs."""
    import pandas as pd

    if entry.columns == ():  # only its names and its length are looked at: no value is copied
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    narrow = table if entry.columns is None else table.select(entry.columns)
    return (narrow if entry.about_type else _wide(narrow)).to_pandas(split_blocks=True, date_as_object=False)


def _wide(table: pa.Table) -> pa.Table:
    """Numbers in 64 bits and dates in nanoseconds: others the library compares one by one, in Python."""
    columns = {field.name: table.column(field.name) for field in table.schema}
    for name, column in columns.items():
        with suppress(pa.ArrowInvalid):  # a date beyond the year 2262, say: slow, but right
            columns[name] = column.cast(_wide_type(column.type))
    return pa.table(columns)


def _wide_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    return pa.timestamp("ns") if is_temporal(kind) else kind


def _at_midnight(entry: Entry, table: pa.Table) -> Entry:
    """A bare date as a bound of a column of dates; the library compares them with times only."""
    column = entry.kwargs.get("column")
    if column not in table.column_names or not is_temporal(table.column(column).type):
        return entry
    bounds = {
        key: f"{bound}T00:00:00"
        for key in ("min_value", "max_value")
        if isinstance(bound := entry.kwargs.get(key), str) and _DATE.fullmatch(bound)
    }
    return replace(entry, kwargs={**entry.kwargs, **bounds})


def _validate(entries: Sequence[Entry], frame: pd.DataFrame, form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A result for each entry, in their order; one that cannot be checked has an `error`."""
    try:
        results = library.validator(frame).graph_validate(
            configurations=[configuration(entry) for entry in entries],
            runtime_configuration={"result_format": dict(form)},
        )
    except Exception as error:  # noqa: BLE001  an expectation may raise whatever its metrics raise
        if len(entries) > 1:
            return [result for entry in entries for result in _validate([entry], frame, form)]
        return [{"success": False, "error": str(error) or type(error).__name__}]
    found = {result.expectation_config.meta["entry"]: _plain(result) for result in results}
    return [found[entry.number] for entry in entries]


def _plain(result: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**(result.result or {}), "success": bool(result.success), "error": _error(result.exception_info or {})}


def _error(info: Mapping[str, Any]) -> str:
    """The message of what was raised: the library keeps one, or one for each metric."""
    parts = [info, *(part for part in info.values() if isinstance(part, Mapping))]
    return next((str(part["exception_message"]) for part in parts if part.get("exception_message")), "")


def _finding(entry: Entry, result: Mapping[str, Any]) -> _Finding:
    if result["error"]:
        observed = f"could not be checked: {words.sentence(result['error'])}"
        return _Finding(entry=entry, passed=False, observed=observed)
    passed = result["success"]
    of_rows = "element_count" in result
    return _Finding(
        entry=entry,
        passed=passed,
        observed=words.observed(result, passed=passed),
        failing_rows=(result.get("unexpected_count") or 0) if of_rows else 0,
        rows=_rows(result) if of_rows and not passed else (),
    )


def _rows(result: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    """The first rows that fail, with their values. Frames are numbered from 0, so an index is a row."""
    rows = result.get("partial_unexpected_index_list") or ()
    values = result.get("partial_unexpected_list") or ()
    return tuple((int(row), words.value(value)) for row, value in zip(rows, values, strict=False))
