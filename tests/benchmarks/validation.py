"""Validation of ten million rows, beside Great Expectations called directly."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks.measure import Figure, python, slipway

ROWS = 10_000_000


def measure(console: Console) -> Iterator[Figure]:
    """The suite of fraud on 10 million of its rows: reading included, once each way."""
    console.rule("validation")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        data = Path(folder) / "transactions.parquet"
        slipway("data", "make", "fraud", "--rows", str(ROWS), "--to", data)
        direct = python("suites", "direct", data)
        ours = python("suites", "ours", data)
        for name, took in (("slipway validate", ours), ("… Great Expectations directly", direct)):
            checked = took.json()
            yield Figure(
                name=f"{name}, {ROWS:,} rows",
                value=f"{ROWS / checked['seconds'] / 1e6:.2f} M rows/s",
                against=f"{checked['checks']} checks, {checked['seconds']:.0f} s, peak {took.peak / 1024:.1f} GiB",
            )
        ratio = ours.json()["seconds"] / direct.json()["seconds"]
        yield Figure(name="… time", value=f"{ratio:.2f} times", against="with leakage, rows and lines, beside without")
        yield Figure(name="… memory", value=f"{ours.peak / direct.peak:.2f} times")
