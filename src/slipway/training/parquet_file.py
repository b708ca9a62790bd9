"""Parquet files."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from slipway.training import checks
from slipway.training.csv_file import Source
from slipway.training.faults import DataError, Fault

MAGIC = b"PAR1"


def read(source: Source) -> pa.Table:
    """The table as it is in the file; `DataError` for what is no whole Parquet file."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        start = stream.read(len(MAGIC))
    if not start:
        raise DataError(Fault(what="the file is empty", hint="Write rows into it."))
    if start != MAGIC:
        raise DataError(Fault(what="this is not a Parquet file", hint="If it is a CSV, name it .csv."))
    try:
        with pa.BufferReader(source) if isinstance(source, bytes) else pa.OSFile(str(source)) as stream:
            table = pq.read_table(stream)
        _check_texts(table)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "Is it whole? Write it again, or copy it again."
        raise DataError(Fault(what=f"the file cannot be read as Parquet: {message}", hint=hint)) from None
    checks.check_names(table.column_names)
    return table


def _check_texts(table: pa.Table) -> None:
    """Parquet promises that texts are UTF-8, and nothing checks it when they are read."""
    for column in table.columns:
        column.validate(full=True)
