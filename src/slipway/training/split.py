"""Which rows are kept aside: decided by a row's own content, for ever.

A row's side does not depend on the rows around it, so no champion has ever trained on a row of the
holdout, though the data grow and shrink in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.training.dataset import is_temporal
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_OFF = 3
"""How many times smaller than asked for a side may be where many rows share a date."""
_NULL = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What decides a row's side. It travels with a model, so that later data can be split as its own were."""

    columns: tuple[str, ...]
    """Whose values are hashed; or the one column of dates."""
    share: float
    newest_from: int | None = None
    """Microseconds since 1970 from which on rows are held out; None where the hash decides."""

    def rows(self, table: pa.Table) -> Bools | None:
        """True for each row that is held out; None for a table that lacks a column of the rule."""
        if not set(self.columns) <= set(table.column_names):
            return None
        if self.newest_from is not None:
            values = table.column(self.columns[0])
            return _microseconds(values) >= self.newest_from if is_temporal(values.type) else None
        return row_hashes(table, self.columns) < np.uint64(self.share * 2**64)


def rule(table: pa.Table, options: DataTable, target: str) -> Rule:
    """How a table is split. The target is no part of it: a corrected label moves no row.

    Raises `DataError` when the split's columns cannot be used.
    """
    if options.split_time is not None:
        cut = _cut(table, options.split_time, options.holdout)
        return Rule(columns=(options.split_time,), share=options.holdout, newest_from=cut)
    for name in options.split_key:
        if missing := table.column(name).null_count:
            what = f"[data] split_key: column {name!r} has {missing:,} missing values"
            raise DataError(Fault(what=what, hint="They would all count as one and the same: fill them in."))
    features = tuple(name for name in table.column_names if name != target)
    return Rule(columns=options.split_key or features, share=options.holdout)


def holdout_rows(table: pa.Table, decided: Rule) -> Bools:
    """True for each row of the holdout, in the table's order; `DataError` when one side would be empty."""
    mask = decided.rows(table)
    kept = 0 if mask is None else int(mask.sum())
    if mask is None or kept in {0, len(mask)}:
        raise DataError(
            Fault(
                what=f"the holdout would have {kept} of {table.num_rows} rows",
                hint="Add rows, change [data] holdout, or split by a column with more values.",
            )
        )
    return mask


def row_hashes(table: pa.Table, columns: Sequence[str]) -> Hashes:
    """A 64-bit hash of each row's values in these columns; the columns' order does not matter.

    Equal numbers hash alike whether a column holds integers or floats, so that one missing value,
    which makes floats of a column of integers, moves no row. Time grows with rows x columns.
    """
    total = np.zeros(table.num_rows, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name in columns:
            total += _mix(_values(table.column(name)) ^ _text_hash(name))
        return _mix(total)


def _cut(table: pa.Table, column: str, share: float) -> int:
    values = table.column(column)
    if not is_temporal(values.type):
        what = f"[data] split_time: column {column!r} holds {values.type}, not dates"
        raise DataError(Fault(what=what, hint="Write dates as 2026-01-31 or 2026-01-31T12:00:00."))
    if values.null_count:
        what = f"[data] split_time: column {column!r} has {values.null_count:,} missing dates"
        raise DataError(Fault(what=what, hint="Each row needs a date to be split by."))
    moments, counts = np.unique(_microseconds(values), return_counts=True)
    held_out = counts[::-1].cumsum()[::-1] / len(values)  # were each moment the first of the holdout
    best = int(np.abs(held_out[1:] - share).argmin()) + 1 if len(moments) > 1 else 0
    if not share / _OFF < held_out[best] < 1 - (1 - share) / _OFF:
        what = (
            f"[data] split_time: the dates in {column!r} lie so that {held_out[best]:.0%} of the rows would be held out"
        )
        hint = f"{counts.max():,} of {len(values):,} rows have one date. Split by another column, or change holdout."
        raise DataError(Fault(what=what, hint=hint))
    return int(moments[best])


def _values(column: pa.ChunkedArray) -> Hashes:
    kind = column.type
    if pa.types.is_string(kind):
        hashes = _text_hashes(column)
    elif is_temporal(kind):
        hashes = _mix(_microseconds(column).view(np.uint64))
    else:
        numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy() + 0.0  # no -0.0
        return np.where(np.isnan(numbers), _NULL, _mix(numbers.view(np.uint64)))
    if column.null_count:
        hashes = np.where(column.is_null().to_numpy(), _NULL, hashes)
    return hashes


def _text_hashes(column: pa.ChunkedArray) -> Hashes:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    words = np.array([_text_hash(word) for word in encoded.dictionary.to_pylist() or [""]], dtype=np.uint64)
    return words[encoded.indices.fill_null(0).to_numpy()]


def _microseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return column.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy()


def _text_hash(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def _mix(bits: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea and Flood, 2014): every bit of the input moves every bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
