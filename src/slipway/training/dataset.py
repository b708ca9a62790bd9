"""From a data file to a checked table: CSV and Parquet, with every fault named by line."""

from __future__ import annotations

import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from slipway.training import checks, csv_file, parquet_file
from slipway.training.csv_file import Source, lines_of
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

__all__ = ["Source", "is_temporal", "line_of", "lines_of", "read"]


def read(source: Source, options: DataTable) -> pa.Table:
    """The data as a table, its columns in the file's order.

    Integers, floats and truth values stay what they are, NaN becomes a missing value; everything else
    becomes text, a date or a timestamp in UTC with microseconds. A value that would have to be changed
    to be read (a leading zero, more digits than a number can hold) is refused.

    Raises `DataError` for whatever cannot be used as it is, with every fault that was found.
    """
    if isinstance(source, Path):
        _check_file(source)
    suffix = Path(options.path).suffix.lower()
    match suffix:
        case ".csv":
            table = csv_file.read(source, options)
        case ".parquet":
            table = parquet_file.read(source)
        case _:
            raise DataError(
                Fault(what=f"{suffix or 'a file without an ending'} is not read", hint="Use .csv or .parquet.")
            )
    text = source if suffix == ".csv" else None
    table = pa.table({name: _plain(name, table.column(name), options) for name in table.column_names})
    checks.check_size(table)
    checks.check_values(table, options, lambda row: None if text is None else line_of(text, row))
    return table


def line_of(source: Source, row: int) -> int:
    """The line of a CSV on which a row begins: both count from the top, rows from 0, lines from 1."""
    return lines_of(source, [row])[0]


def is_temporal(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates or timestamps."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _check_file(file: Path) -> None:
    """Refuse what is no regular file; opening a pipe would wait for ever."""
    try:
        kind = file.stat().st_mode
    except OSError as error:
        what = "it is a link to nothing" if file.is_symlink() else f"the file cannot be read: {error.strerror}"
        raise DataError(Fault(what=what, hint="Put the file itself there.")) from None
    if not stat.S_ISREG(kind):
        what = "this is a folder" if stat.S_ISDIR(kind) else "this is a pipe or a device"
        raise DataError(Fault(what=f"{what}, not a file", hint="Put a .csv or .parquet file there."))


def _plain(name: str, column: pa.ChunkedArray, options: DataTable) -> pa.ChunkedArray:
    """The column in one of the few types that the rest of slipway knows."""
    try:
        plain = _missing(_simple(column))
        return plain.cast(pa.string()) if name in options.categorical and checks.usable(plain.type) else plain
    except pa.ArrowInvalid as error:
        raise DataError(Fault(what=f"column {name!r} cannot be read as {column.type}: {error}")) from None


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _simple(column.cast(kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind) or pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_date64(kind):
        return column.cast(pa.date32())
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=kind.unit != "ns")
        return moments.cast(pa.timestamp("us"))
    return column


def _missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN as a missing value, so that whatever counts them counts all."""
    if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_date(column.type):
        column.cast(pa.timestamp("us"))  # what no timestamp can hold is told here
    return column
