"""From a data file to a checked table: CSV and Parquet, with every fault named by line."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

_CHUNK = 1 << 24
_PARQUET = b"PAR1"
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_MOSTLY = 0.5
"""From this share of numbers on, a text in a column is a slip of the pen rather than a name."""
_SHOWN = 5
"""Faults of one kind that are listed; the rest are counted."""

Source = Path | bytes


def read(source: Source, options: DataTable) -> pa.Table:
    """The data as a table, its columns in the file's order.

    Integers, floats and truth values stay what they are; everything else becomes text, a date or a
    timestamp. Raises `DataError` for whatever cannot be used as it is.
    """
    suffix = Path(options.path).suffix.lower()
    match suffix:
        case ".csv":
            table = _read_csv(source, options)
        case ".parquet":
            table = _read_parquet(source, options)
        case _:
            raise DataError(
                Fault(what=f"{suffix or 'a file without an ending'} is not read", hint="Use .csv or .parquet.")
            )
    _check_names(table.column_names)
    _check_size(table)
    _check_values(table, source if suffix == ".csv" else None, options)
    return table


def line_of(source: Source, row: int) -> int:
    """The line of a CSV on which a row begins: both count from the top, rows from 0, lines from 1.

    Blank lines and line breaks inside quotes are accounted for; the time grows with the row.
    """
    with _open(source) as stream, io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        return next(islice(_record_lines(text), row + 1, None), row + 2)


def lines_of(source: Source, rows: list[int]) -> list[int]:
    """The lines of several rows, in one pass over the file."""
    wanted = set(rows)
    with _open(source) as stream, io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        last = max(wanted, default=-1)
        records = enumerate(islice(_record_lines(text), 1, last + 2))
        found = {row: line for row, line in records if row in wanted}
    return [found.get(row, row + 2) for row in rows]


def _record_lines(text: Iterator[str]) -> Iterator[int]:
    reader = csv.reader(text)
    begins = 1
    for record in reader:
        if record:
            yield begins
        begins = reader.line_num + 1


def _open(source: Source) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _read_csv(source: Source, options: DataTable) -> pa.Table:
    _check_text(source)
    header = _header(source)
    invalid: list[pyarrow.csv.InvalidRow] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        invalid.append(row)
        return "skip"

    def parse(*, threads: bool) -> pa.Table:
        with _open(source) as stream:
            return pyarrow.csv.read_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(use_threads=threads),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(options.categorical, pa.string()),
                    null_values=list(options.nulls),
                    strings_can_be_null=True,
                ),
            )

    _check_names(header)
    try:
        table = parse(threads=True)
        if invalid:  # only a reader with one thread knows the rows' numbers
            invalid.clear()
            parse(threads=False)
    except pa.ArrowInvalid as error:
        raise DataError(Fault(what=f"the file cannot be read as CSV: {error}")) from None
    if invalid:
        raise DataError(_ragged(source, invalid))
    return pa.table({name: _plain(table.column(name)) for name in table.column_names})


def _check_text(source: Source) -> None:
    """Refuse what is no UTF-8 text; reads in chunks, so that memory does not grow with the file."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, first = 0, True
    with _open(source) as stream:
        while chunk := stream.read(_CHUNK):
            if first:
                _check_start(chunk)
                first = False
            if b"\0" in chunk:
                line = lines + chunk.count(b"\n", 0, chunk.index(b"\0")) + 1
                raise DataError(Fault(line=line, what="there is a NUL byte: this is not a text file"))
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line = lines + error.object.count(b"\n", 0, error.start) + 1
                raise DataError(_not_utf8(error, line)) from None
            lines += chunk.count(b"\n")
    if first:
        raise DataError(Fault(what="the file is empty", hint="Write a header and rows into it."))
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DataError(_not_utf8(error, lines + 1)) from None


def _not_utf8(error: UnicodeDecodeError, line: int) -> Fault:
    return Fault(
        line=line,
        what=f"this is not UTF-8 (byte 0x{error.object[error.start]:02x})",
        hint="Convert the file: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW.",
    )


def _check_start(chunk: bytes) -> None:
    if chunk.startswith(_PARQUET):
        raise DataError(Fault(what="this is a Parquet file", hint="Name it .parquet."))
    for mark, name in _BYTE_ORDER_MARKS.items():
        if chunk.startswith(mark):
            hint = r"Take it off: sed -i '1s/^\xEF\xBB\xBF//' FILE." if name == "UTF-8" else "Save it as UTF-8."
            raise DataError(Fault(line=1, what=f"the file begins with a {name} byte-order mark", hint=hint))


def _header(source: Source) -> list[str]:
    with _open(source) as stream, io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        header = next((record for record in csv.reader(text) if record), [])
    if header and all(_is_number(name) for name in header):
        raise DataError(
            Fault(line=1, what="the first line holds numbers, not the names of columns", hint="Add a header line.")
        )
    return header


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ragged(source: Source, invalid: list[pyarrow.csv.InvalidRow]) -> list[Fault]:
    shown = invalid[:_SHOWN]
    lines = lines_of(source, [row.number - 2 for row in shown])
    faults = [
        Fault(line=line, what=f"{row.actual_columns} values where the header names {row.expected_columns} columns")
        for line, row in zip(lines, shown, strict=True)
    ]
    if len(invalid) > len(shown):
        faults.append(Fault(what=f"and {len(invalid) - len(shown)} more such rows"))
    return faults


def _read_parquet(source: Source, options: DataTable) -> pa.Table:
    with _open(source) as stream:
        start = stream.read(len(_PARQUET))
    if not start:
        raise DataError(Fault(what="the file is empty", hint="Write rows into it."))
    if start != _PARQUET:
        raise DataError(Fault(what="this is not a Parquet file", hint="If it is a CSV, name it .csv."))
    try:
        table = pq.read_table(pa.BufferReader(source) if isinstance(source, bytes) else source, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise DataError(Fault(what=f"the file cannot be read as Parquet: {error}")) from None
    _check_names(table.column_names)
    columns = {name: _plain(table.column(name)) for name in table.column_names}
    for name in set(options.categorical) & columns.keys():
        columns[name] = columns[name].cast(pa.string())
    return pa.table(columns)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one of the few types that the rest of slipway knows."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind) or pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind) and kind.tz:
        return column.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us"))
    return column


def _check_names(names: list[str]) -> None:
    faults = [
        Fault(line=1, what=f"{count} columns are called {name!r}", hint="Give each its own name.")
        for name, count in Counter(names).items()
        if count > 1
    ]
    faults += [
        Fault(line=1, what=f"column {n} has no name") for n, name in enumerate(names, start=1) if not name.strip()
    ]
    if faults:
        raise DataError(faults)


def _check_size(table: pa.Table) -> None:
    if table.num_rows <= 1:
        rows = "one row" if table.num_rows else "no rows"
        raise DataError(Fault(what=f"the file has {rows}", hint="A model needs more to learn from."))


def _check_values(table: pa.Table, text: Source | None, options: DataTable) -> None:
    faults: list[Fault] = []
    for name in table.column_names:
        column = table.column(name)
        kind = column.type
        if pa.types.is_floating(kind):
            faults += _infinite(name, column, text)
        elif pa.types.is_string(kind) and name not in options.categorical:
            faults += _mixed(name, column, text)
        elif not _usable(kind):
            what = f"column {name!r} holds values of type {kind}, which no model can use"
            faults.append(Fault(what=what, hint="Take it out, or turn it into numbers or text."))
    if faults:
        raise DataError(faults)


def _usable(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, is_temporal)
    return any(test(kind) for test in tests)


def is_temporal(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates or timestamps."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _infinite(name: str, column: pa.ChunkedArray, text: Source | None) -> list[Fault]:
    infinite = pc.fill_null(pc.is_inf(column), fill_value=False)
    count = pc.sum(infinite).as_py() or 0
    if not count:
        return []
    row = pc.index(infinite, value=True).as_py()
    what = f"column {name!r} has {count:,} infinite value{'s' if count > 1 else ''}, the first in row {row + 1:,}"
    return [Fault(line=_line(text, row), what=what, hint="Leave the cell empty if the value is not known.")]


def _mixed(name: str, column: pa.ChunkedArray, text: Source | None) -> list[Fault]:
    """Text in a column of numbers, as a slip of the pen leaves it."""
    values = column.value_counts()
    spelled = values.field("values").to_pylist()
    counts = values.field("counts").to_pylist()
    odd = [value for value in spelled if value is not None and not _is_number(value)]
    total = len(column) - column.null_count
    texts = sum(n for value, n in zip(spelled, counts, strict=True) if value is not None and not _is_number(value))
    if not odd or total == 0 or (total - texts) / total < _MOSTLY:
        return []
    row = min(pc.index(column, value=value).as_py() for value in odd[:_SHOWN])
    what = (
        f"column {name!r} mixes {total - texts:,} numbers with {texts:,} text{'s' if texts > 1 else ''}, "
        f"the first being {column[row].as_py()[:40]!r}"
    )
    hint = "Correct it. Codes belong in [data] categorical, another spelling of a missing value in [data] nulls."
    return [Fault(line=_line(text, row), what=what, hint=hint)]


def _line(text: Source | None, row: int) -> int | None:
    return None if text is None else line_of(text, row)
