"""How the time grows: ten times the rows, four times the trials, fifty times the models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from tests.benchmarks.measure import ROOT, Figure, command, fastest, python, repository, slipway


def measure(console: Console) -> Iterator[Figure]:
    """Each beside its tenth, its quarter and its fiftieth."""
    console.rule("growth")
    yield from _rows()
    yield from _trials()
    yield from _models()


def _rows() -> Iterator[Figure]:
    with repository("fraud") as place:
        data = place / "data/fraud/transactions.parquet"
        before = slipway("validate", "fraud", "--repo", place).seconds
        fit = float(python("alternatives", "floor", place, "fraud", "2").json()["cpu"])
        command(
            Path(shutil.which("slipway") or ROOT / ".venv/bin/slipway"),
            "data",
            "make",
            "fraud",
            "--rows",
            "1000000",
            "--to",
            data,
        )
        after = slipway("validate", "fraud", "--repo", place).seconds
        fits = float(python("alternatives", "floor", place, "fraud", "2").json()["cpu"])
    yield _grown("validate, 100,000 → 1,000,000 rows, the base's compared", before, after)
    yield _grown("two trials, 100,000 → 1,000,000 rows", fit, fits)


def _trials() -> Iterator[Figure]:
    with repository("iris") as place:
        before = slipway("tune", "iris", "--trials", "48", "--repo", place).seconds
        after = slipway("tune", "iris", "--trials", "192", "--repo", place).seconds
    yield _grown("tune iris, 48 → 192 trials", before, after)


def _models() -> Iterator[Figure]:
    with repository("iris") as place:
        before = fastest(3, "plan", "--repo", place).seconds
        for number in range(49):
            shutil.copytree(place / "data/iris", place / f"data/iris-{number}")
        after = fastest(3, "plan", "--repo", place).seconds
    yield _grown("plan, 1 → 50 models", before, after)


def _grown(name: str, before: float, after: float) -> Figure:
    return Figure(name=name, value=f"{after / before:.1f} times", against=f"{before:.2f} s → {after:.2f} s")
