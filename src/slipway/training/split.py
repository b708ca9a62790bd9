"""Which rows are kept aside: decided by a row's own content, for ever.

A row's side does not depend on the rows around it, so no champion has ever trained on a row of the
holdout, though the data grow and shrink in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.training.dataset import is_temporal
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DataTable

Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_NULL = np.uint64(0x9E3779B97F4A7C15)


def holdout_rows(table: pa.Table, options: DataTable) -> Bools:
    """True for each row of the holdout, in the table's order.

    Raises `DataError` when a column of the split is not there, or one side would be empty.
    """
    if options.split_time is not None:
        mask = _newest(table, options.split_time, options.holdout)
    else:
        columns = options.split_key or tuple(table.column_names)
        mask = row_hashes(table, columns) < np.uint64(options.holdout * 2**64)
    kept = int(mask.sum())
    if kept == 0 or kept == len(mask):
        raise DataError(
            Fault(
                what=f"the holdout would have {kept} of {len(mask)} rows",
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


def _newest(table: pa.Table, column: str, share: float) -> Bools:
    values = table.column(column)
    if not is_temporal(values.type):
        what = f"[data] split_time: column {column!r} holds {values.type}, not dates"
        raise DataError(Fault(what=what, hint="Write dates as 2026-01-31 or 2026-01-31T12:00:00."))
    if values.null_count:
        what = f"[data] split_time: column {column!r} has {values.null_count:,} missing dates"
        raise DataError(Fault(what=what, hint="Each row needs a date to be split by."))
    moments = _microseconds(values)
    ordered = np.sort(moments)
    cut = ordered[min(int(len(ordered) * (1 - share)), len(ordered) - 1)]
    return moments >= cut


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
