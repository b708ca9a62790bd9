"""What a table must be before it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

Line = Callable[[int], int | None]
"""A row, from 0, to its line of the file; None where the file has no lines."""

EXACT = 2**53
"""Whole numbers up to here are told apart by a 64-bit float."""
NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_MOSTLY = 0.5
"""From this share of numbers on, a text in a column is a slip of the pen rather than a name."""
_MORE = "A model needs more to learn from."
_CODES = "Correct it. Codes belong in [data] categorical, another spelling of a missing value in [data] nulls."


def check_names(names: Sequence[str], line: int = 1) -> None:
    """Each column has a name of its own; else `DataError`."""
    faults = [
        Fault(line=line, what=f"{count} columns are called {name!r}", hint="Give each its own name.")
        for name, count in Counter(names).items()
        if count > 1 and name.strip()
    ]
    faults += [
        Fault(
            line=line,
            what=f"column {n} has no name",
            hint="Name it in the header; if it only counts the rows, write the file without it (index=False).",
        )
        for n, name in enumerate(names, start=1)
        if not name.strip()
    ]
    if faults:
        raise DataError(faults)


def check_size(table: pa.Table) -> None:
    """There is more than one row; else `DataError`."""
    if table.num_rows == 0:
        raise DataError(no_rows())
    if table.num_rows == 1:
        raise DataError(Fault(what="the file has one row", hint=_MORE))


def no_rows() -> Fault:
    """A header and nothing below it."""
    return Fault(what="the file has no rows", hint=_MORE)


def check_values(table: pa.Table, options: DataTable, line: Line) -> None:
    """Each column holds values that can be used as they are; else `DataError` with a fault for each."""
    faults = [
        fault
        for name in table.column_names
        for fault in _column_faults(name, table.column(name), options, line)
    ]  # fmt: skip
    if faults:
        raise DataError(faults)


def usable(kind: pa.DataType) -> bool:
    """Whether the rest of slipway knows what to do with values of this type."""
    tests = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string,
        pa.types.is_date, pa.types.is_timestamp,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def first(condition: pa.ChunkedArray) -> int:
    """The first row for which a condition is true; -1 if there is none."""
    return int(pc.index(condition, value=True).as_py())


def _column_faults(name: str, column: pa.ChunkedArray, options: DataTable, line: Line) -> Iterator[Fault]:
    kind = column.type
    if not usable(kind):
        what = f"column {name!r} holds values of type {kind}, which no model can use"
        yield Fault(what=what, hint="Take it out, or turn it into numbers or text.")
    elif name in options.drop:
        return
    elif pa.types.is_floating(kind):
        yield from _infinite(name, column, line)
    elif pa.types.is_integer(kind):
        yield from _inexact(name, column, line)
    elif pa.types.is_string(kind) and name not in options.categorical:
        yield from _mixed(name, column, line)


_FINITE = "Leave the cell empty if the value is not known. Models calculate in 32 bits: beyond 3.4e38 all is infinite."


def _infinite(name: str, column: pa.ChunkedArray, line: Line) -> Iterator[Fault]:
    infinite = pc.is_inf(column.cast(pa.float32(), safe=False))
    if count := pc.sum(infinite).as_py():
        row = first(infinite)
        what = f"column {name!r} has {counted(count, 'infinite value')}, the first in row {row + 1:,}"
        yield Fault(line=line(row), what=what, hint=_FINITE)


def _inexact(name: str, column: pa.ChunkedArray, line: Line) -> Iterator[Fault]:
    """Whole numbers that a model, which calculates with floats, could not tell from their neighbours."""
    ends = pc.min_max(column).as_py()
    if ends["min"] is None or (ends["min"] >= -EXACT and ends["max"] <= EXACT):
        return
    beyond = pc.greater(column, pa.scalar(EXACT, column.type))
    if ends["min"] < -EXACT:
        beyond = pc.or_(beyond, pc.less(column, pa.scalar(-EXACT, column.type)))
    row = first(beyond)
    yield inexact(name, str(column[row].as_py()), line(row))


def inexact(name: str, value: str, line: int | None) -> Fault:
    """A whole number with more digits than a float can hold."""
    what = f"column {name!r} holds whole numbers beyond 2^53, the first being {value[:40]}: no model tells them apart"
    return Fault(line=line, what=what, hint="If they name things, put the column into [data] categorical or drop.")


def _mixed(name: str, column: pa.ChunkedArray, line: Line) -> Iterator[Fault]:
    """Text in a column of numbers or dates, as a slip of the pen leaves it."""
    frequencies = column.drop_null().value_counts()
    values, counts = frequencies.field("values"), frequencies.field("counts")
    total = pc.sum(counts).as_py() or 0
    tests = (("number", pc.match_substring_regex(values, NUMBER)), ("date", _is_date(values)))
    for spoken, fits in tests:
        fitting = pc.sum(counts.filter(fits)).as_py() or 0
        if fitting == total or fitting < total * _MOSTLY:
            continue
        odd = pc.is_in(column, value_set=values.filter(pc.invert(fits)))
        row, texts = first(odd), total - fitting
        what = (
            f"column {name!r} mixes {counted(fitting, spoken)} with {counted(texts, 'text')}, "
            f"the first being {column[row].as_py()[:40]!r}"
        )
        yield Fault(line=line(row), what=what, hint=_CODES)


def counted(count: int, name: str) -> str:
    """`3 rows`, `1 row`."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _is_date(values: pa.Array) -> pa.Array:
    """Which texts are days that the calendar has."""
    written = pc.match_substring_regex(values, _DATE)
    parsed = pc.strptime(pc.if_else(written, values, None), format="%Y-%m-%d", unit="s", error_is_null=True)
    again = pc.strftime(parsed, format="%Y-%m-%d")  # strptime takes February the 30th for March the 2nd
    return pc.fill_null(pc.equal(again, values), fill_value=False)
