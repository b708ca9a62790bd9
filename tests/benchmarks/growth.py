"""How the time grows: ten times the rows, four times the trials, fifty times the models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks.measure import Figure, fastest, python, repository, slipway


def measure(console: Console) -> Iterator[Figure]:
    """Each beside its tenth, its quarter and its fiftieth."""
    console.rule("growth")
    yield from _rows()
    yield from _trials()
    yield from _models()


def _rows() -> Iterator[Figure]:
    with repository("fraud") as place:
        validated, fitted = _both(place)
        data = place / "data/fraud/transactions.parquet"
        slipway("data", "make", "fraud", "--rows", "1000000", "--to", data)
        validated_more, fitted_more = _both(place)
    yield _grown("validate, 100,000 → 1,000,000 rows, compared with the base's", validated, validated_more)
    yield _grown("the fits of two trials, 100,000 → 1,000,000 rows", fitted, fitted_more)


def _both(place: Path) -> tuple[float, float]:
    """Seconds to validate, and CPU seconds of two trials."""
    validated = slipway("validate", "fraud", "--repo", place).seconds
    slipway("tune", "fraud", "--trials", "2", "--repo", place)
    return validated, float(python("alternatives", "floor", place, "fraud", "2").json()["cpu"])


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
