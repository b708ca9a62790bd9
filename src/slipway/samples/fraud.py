"""Card transactions of a made-up German bank as a Parquet file, in any number.

Rows are drawn in blocks of a fixed size, each from its own stream of random numbers, so that memory
does not grow with the file, and equal rows and seed give equal data however they are cut up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from slipway.errors import InputError
from slipway.samples.transactions import CHANNELS, COUNTRIES, DEVICES, MERCHANTS, REGIONS, Array, Columns, transactions

_FARTHEST_KM = 20_037.0
"""Half-way round the Earth."""
FILE = "transactions.parquet"
ROWS = 100_000
SEED = 20_260_101

BLOCK = 50_000
"""Rows that are drawn together; another number would be other data."""
BLOCKS_A_GROUP = 10
FEWEST, MOST = 1_000, 2_000_000_000
FIRST_DAY = np.datetime64("2026-01-01T00:00:00", "ms")

_NAME = pa.dictionary(pa.int8(), pa.string())
TYPES = {
    "transaction_id": pa.int32(),
    "occurred_at": pa.timestamp("ms"),
    "hour": pa.int16(),
    "amount": pa.float32(),
    "amount_to_usual": pa.float32(),
    "merchant_category": _NAME,
    "country": _NAME,
    "region": _NAME,
    "channel": _NAME,
    "device": _NAME,
    "account_age_days": pa.int16(),
    "transactions_24h": pa.int16(),
    "declines_24h": pa.int16(),
    "distance_from_home_km": pa.float32(),
    "is_fraud": pa.bool_(),
}
_REGION = np.array([REGIONS.index(region) for _, region in COUNTRIES.values()], dtype=np.int8)
SCHEMA = pa.schema(TYPES)


def write(file: Path, rows: int, seed: int) -> None:
    """Write a Parquet file in row groups; memory stays below what one group takes."""
    if not FEWEST <= rows <= MOST:
        raise InputError(f"fraud comes in {FEWEST:,} to {MOST:,} rows, not {rows:,}")
    with pq.ParquetWriter(
        file,
        SCHEMA,
        compression="zstd",
        compression_level=9,
        use_dictionary=[name for name, kind in TYPES.items() if pa.types.is_dictionary(kind)],
        column_encoding={"transaction_id": "DELTA_BINARY_PACKED", "occurred_at": "DELTA_BINARY_PACKED"},
    ) as writer:
        for group in batched(blocks(rows, seed), BLOCKS_A_GROUP):
            writer.write_table(pa.concat_tables(group), row_group_size=BLOCK * BLOCKS_A_GROUP)


def table(rows: int, seed: int) -> pa.Table:
    """All the rows at once, in the order of their time."""
    return pa.concat_tables(blocks(rows, seed))


def blocks(rows: int, seed: int) -> Iterator[pa.Table]:
    """The rows, `BLOCK` at a time."""
    for index, first in enumerate(range(0, rows, BLOCK)):
        rng = np.random.default_rng([seed, index])
        yield _to_arrow(transactions(rng, first, min(BLOCK, rows - first), rows), first)


def _to_arrow(columns: Columns, first: int) -> pa.Table:
    amount = np.maximum(np.round(columns["amount"], 2), 0.01)
    arrays = {
        "transaction_id": np.arange(first + 1, first + 1 + len(amount), dtype=np.int32),
        "occurred_at": FIRST_DAY + columns["seconds"] * np.timedelta64(1000, "ms"),
        "hour": columns["hour"],
        "amount": amount.astype(np.float32),
        "amount_to_usual": _masked(np.round(amount / columns["usual"], 2), columns["no_usual"]),
        "merchant_category": _named(columns["merchant"], tuple(MERCHANTS)),
        "country": _named(columns["country"], tuple(COUNTRIES)),
        "region": _named(_REGION[columns["country"]], REGIONS),
        "channel": _named(columns["channel"], CHANNELS),
        "device": _named(columns["device"], DEVICES, columns["no_device"]),
        "account_age_days": columns["account_age"].astype(np.int16),
        "transactions_24h": columns["transactions"].astype(np.int16),
        "declines_24h": columns["declines"].astype(np.int16),
        "distance_from_home_km": _masked(
            np.round(np.minimum(columns["distance"], _FARTHEST_KM), 1), columns["no_distance"]
        ),
        "is_fraud": columns["is_fraud"],
    }
    return pa.table(arrays, schema=SCHEMA)


def _masked(values: Array, missing: Array) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=missing)


def _named(codes: Array, names: tuple[str, ...], missing: Array | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8), mask=missing), pa.array(names))
