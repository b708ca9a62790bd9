"""The rows of a model's data: as clients send them, as they send them once the world has moved, and as of yesterday.

What moves is the first number that the model reads, or the first category: its upper third is all that is asked any
more, and every third row of it is what the data of yesterday did not have. Each is a row of the user's own.
"""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.endpoint import Value

if TYPE_CHECKING:
    from slipway.spec import ModelSpec

_MOST = 1000
_THIRD = 3


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that a model is asked about."""

    names: tuple[str, ...]
    usual: tuple[tuple[Value, ...], ...]
    drifted: tuple[tuple[Value, ...], ...]


def rows(file: Path, spec: ModelSpec) -> Rows:
    """At most a thousand, evenly from all of a data file; `DataError` where it cannot be read."""
    names, all_of_them = _read(file, spec)
    upper = _upper(all_of_them)
    return Rows(
        names=names, usual=_thinned(all_of_them), drifted=_thinned([all_of_them[number] for number in sorted(upper)])
    )


def yesterdays(file: Path, spec: ModelSpec) -> bytes:
    """The data file without every third row of the upper third, in its own form; errors as `rows`."""
    _, all_of_them = _read(file, spec)
    new = set(_upper(all_of_them)[::_THIRD])
    keep = [number for number in range(len(all_of_them)) if number not in new]
    return _parquet(file, keep) if file.suffix.lower() == ".parquet" else _csv(file, keep)


def _read(file: Path, spec: ModelSpec) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
    from slipway.training.dataset import read
    from slipway.training.features import dataset, raw

    data = dataset(read(file, spec.data), spec)
    numeric, categorical = (part.tolist() for part in raw(data.table, data.columns))
    return data.columns.names, [
        (*(None if math.isnan(value) else value for value in numbers), *(text or None for text in texts))
        for numbers, texts in zip(numeric, categorical, strict=True)
    ]


def _upper(rows: Sequence[tuple[Value, ...]]) -> list[int]:
    """The numbers of the rows in the upper third by the first column; a missing value is the lowest."""
    known = {number: row[0] for number, row in enumerate(rows) if row[0] is not None}
    ordered = sorted(known, key=lambda number: (known[number], number))
    return ordered[-max(1, len(rows) // _THIRD) :]


def _thinned(rows: Sequence[tuple[Value, ...]]) -> tuple[tuple[Value, ...], ...]:
    """In another order than the file's, which may be sorted: any part of them is a sample."""
    chosen = list(rows[:: -(-len(rows) // _MOST)])
    random.Random(0).shuffle(chosen)  # noqa: S311  nobody has to guess it
    return tuple(chosen)


def _csv(file: Path, keep: Sequence[int]) -> bytes:
    """The texts of the values are kept as they are."""
    header, *records = [record for record in csv.reader(io.StringIO(file.read_text("utf-8-sig"))) if record]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *(records[number] for number in keep)])
    return text.getvalue().encode()


def _parquet(file: Path, keep: Sequence[int]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(parquet.read_table(file).take(list(keep)), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
