"""CSV files: commas, a header, UTF-8, quotes as RFC 4180 has them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from slipway.training import checks
from slipway.training.csv_text import Scan, scan
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

Source = Path | bytes

_SHOWN = 5
"""Faults of one kind that are listed; the rest are counted."""
_BLOCKS = (1 << 20, 1 << 26, 1 << 30)
"""Bytes that are parsed at once; a row must fit, so a longer one is tried with more."""
_LEADING_ZERO = r"^\s*[-+]?0[0-9xX]"
_WHOLE = r"^\s*[-+]?\d{16,}\s*$"
_OTHER_SEPARATORS = ";\t|"


def read(source: Source, options: DataTable) -> pa.Table:
    """The table, its types inferred from all rows; `DataError` for what is no such file."""
    with open_source(source) as stream:
        found = scan(stream)
    if not found.regular_quotes:
        _check_quotes(source)
    header, line = _header(source)
    _check_header(header, line)
    table = _parse(source, options, found)
    _check_headless(table, line)
    return table


def lines_of(source: Source, rows: Sequence[int]) -> list[int]:
    """The lines of several rows, in one pass over the file: rows count from 0, lines from 1.

    Blank lines and line breaks inside quotes are accounted for; the time grows with the last row.
    """
    wanted = set(rows)
    last = max(wanted, default=-1)
    with _text(source) as text:
        records = enumerate(islice(_record_lines(text), 1, last + 2))
        found = {row: line for row, (line, _) in records if row in wanted}
    return [found.get(row, row + 2) for row in rows]


def open_source(source: Source) -> BinaryIO:
    """The bytes as a stream."""
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _text(source: Source) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_source(source), encoding="utf-8", newline="")


def _record_lines(text: Iterator[str], *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the line on which it begins."""
    csv.field_size_limit(1 << 30)
    reader = csv.reader(text, strict=strict)
    begins = 1
    try:
        for record in reader:
            if record:
                yield begins, record
            begins = reader.line_num + 1
    except csv.Error as error:
        what = "a quote is opened here and never closed" if "end of data" in str(error) else f"{error}"
        hint = 'A text with commas, quotes or line breaks is written "so", a quote in it "".'
        raise DataError(Fault(line=begins, what=what, hint=hint)) from None


def _check_quotes(source: Source) -> None:
    """Read all of it as strictly as Python can; only for files whose quotes are not plainly in order."""
    with _text(source) as text:
        for _ in _record_lines(text, strict=True):
            pass


def _header(source: Source) -> tuple[list[str], int]:
    with _text(source) as text:
        line, header = next(_record_lines(text), (1, []))
    return header, line


def _check_header(header: list[str], line: int) -> None:
    if not any(name.strip() for name in header):
        raise DataError(Fault(line=line, what="the file has no header", hint="Write the columns' names first."))
    other = next((mark for mark in _OTHER_SEPARATORS if mark in header[0]), None)
    if len(header) == 1 and other:
        what = f"the values are separated by {other!r}, not by commas"
        raise DataError(Fault(line=line, what=what, hint="Save the file with commas."))
    numbers = [name for name in header if _is_number(name)]
    if len(numbers) == len(header) or any("." in name for name in numbers):  # years and lags may be names
        raise DataError(_no_header(line))
    checks.check_names(header, line)


def _check_headless(table: pa.Table, line: int) -> None:
    """Refuse a file whose first line looks like each of the others."""
    names = table.column_names
    if any(map(_is_number, names)) and all(_looks_like_value(name, table.column(name)) for name in names):
        raise DataError(_no_header(line))


def _looks_like_value(name: str, column: pa.ChunkedArray) -> bool:
    if pa.types.is_string(column.type):
        return bool(pc.index(column, value=name).as_py() >= 0)
    return _is_number(name)


def _no_header(line: int) -> Fault:
    what = "the first line holds values, not the names of columns"
    return Fault(line=line, what=what, hint="Add a header line.")


def _is_number(text: str) -> bool:
    return re.match(checks.NUMBER, text) is not None


def _parse(source: Source, options: DataTable, found: Scan) -> pa.Table:
    """Infer the types, then read again as text the columns whose values would not survive it."""
    table = _convert(source, options, texts=options.categorical)
    doubtful = [name for name in table.column_names if _doubtful(table.column(name), found)]
    if not doubtful:
        return table
    texts = _convert(source, options, texts=doubtful, only=doubtful)
    faults = [
        fault
        for name in doubtful
        if name not in options.drop
        for fault in _changed(name, table.column(name), texts.column(name), source)
    ]
    if faults:
        raise DataError(faults)
    times = {name for name in doubtful if pa.types.is_time(table.column(name).type)}
    return pa.table({name: (texts if name in times else table).column(name) for name in table.column_names})


def _doubtful(column: pa.ChunkedArray, found: Scan) -> bool:
    kind = column.type
    if pa.types.is_integer(kind):
        return found.leading_zeros
    if pa.types.is_floating(kind):
        largest = pc.max(pc.abs(column)).as_py()
        return found.leading_zeros or (largest is not None and checks.EXACT < largest < float("inf"))
    return bool(pa.types.is_time(kind))


def _changed(name: str, column: pa.ChunkedArray, text: pa.ChunkedArray, source: Source) -> Iterator[Fault]:
    """Numbers of which the text says more than the number."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return
    if (row := checks.first(pc.match_substring_regex(text, _LEADING_ZERO))) >= 0:
        what = f"column {name!r} has numbers that begin with 0, the first being {text[row].as_py()[:40]!r}"
        hint = "If they are codes, put the column into [data] categorical; else take the zeros off."
        yield Fault(line=lines_of(source, [row])[0], what=what, hint=hint)
    elif pa.types.is_floating(column.type):
        beyond = pc.greater(pc.abs(column), checks.EXACT)
        row = checks.first(pc.and_(beyond, pc.match_substring_regex(text, _WHOLE)))
        if row >= 0:
            yield checks.inexact(name, text[row].as_py(), lines_of(source, [row])[0])


def _convert(source: Source, options: DataTable, *, texts: Sequence[str], only: Sequence[str] = ()) -> pa.Table:
    """All columns, or `only` these; those of `texts` as they are written, the others as they look."""
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(texts, pa.string()),
        include_columns=list(only),
        null_values=list(options.nulls),
        strings_can_be_null=True,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    ragged = _Ragged()
    table = _with_room(source, convert, ragged.skip, threads=True)
    if ragged.count:  # only a reader with one thread knows the rows' numbers
        ragged = _Ragged()
        _with_room(source, convert, ragged.skip, threads=False)
        raise DataError(ragged.faults(source))
    return table


Handler = Callable[[pyarrow.csv.InvalidRow], str]


def _with_room(source: Source, convert: pyarrow.csv.ConvertOptions, skip: Handler, *, threads: bool) -> pa.Table:
    """Parse with more and more bytes at once, until the longest row fits."""
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
    message = ""
    for size in _BLOCKS:
        reading = pyarrow.csv.ReadOptions(use_threads=threads, block_size=size)
        try:
            with open_source(source) as stream:
                return pyarrow.csv.read_csv(stream, reading, parse, convert)
        except pa.ArrowInvalid as error:
            message = str(error)
        if "straddling" not in message:
            break
    if "Empty CSV" in message:  # a header that no line break ends
        raise DataError(checks.no_rows())
    raise DataError(Fault(what=f"the file cannot be read as CSV: {message}"))


class _Ragged:
    """Rows with another number of values than the header."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[tuple[int | None, int, int]] = []

    def skip(self, row: pyarrow.csv.InvalidRow) -> str:
        self.count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    def faults(self, source: Source) -> list[Fault]:
        lines = lines_of(source, [(number or 2) - 2 for number, _, _ in self._shown])
        faults = [
            Fault(line=line, what=f"{checks.counted(found, 'value')} where the header names {expected}")
            for line, (_, found, expected) in zip(lines, self._shown, strict=True)
        ]
        if self.count > len(faults):
            faults.append(Fault(what=f"and {self.count - len(faults):,} more such rows"))
        return faults
