"""Row hashes of large tables, in pieces that stay in a processor's cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from slipway.training.split import Hashes, row_hashes

_ROWS = 1 << 18


def hashes(table: pa.Table, columns: Sequence[str]) -> Hashes:
    """`training.split.row_hashes`, with temporary arrays of bounded size: one 64-bit number a row."""
    result = np.empty(table.num_rows, dtype=np.uint64)
    narrow = table.select(columns)
    for start in range(0, table.num_rows, _ROWS):
        piece = narrow.slice(start, _ROWS)
        result[start : start + piece.num_rows] = row_hashes(piece, columns)
    return result
