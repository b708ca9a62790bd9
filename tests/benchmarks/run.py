"""A whole pull request on iris: the first time, and again with nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console

from tests.benchmarks.measure import Figure, repository, slipway

FIRST, AGAIN = 25.0, 2.0


def measure(console: Console) -> Iterator[Figure]:
    """`slipway run iris`, twice."""
    console.rule("run")
    with repository("iris") as place:
        first = slipway("run", "iris", "--json", "--repo", place)
        stages = json.loads(first.output)["models"][0]["stages"]
        yield Figure(
            name="slipway run iris",
            value=f"{first.seconds:.1f} s",
            against=", ".join(f"{stage['stage']} {stage['seconds']:.1f}" for stage in stages),
            target=f"≤ {FIRST:.0f} s",
            met=first.seconds <= FIRST,
        )
        again = slipway("run", "iris", "--repo", place)
        yield Figure(
            name="the same again",
            value=f"{again.seconds:.2f} s",
            against=f"{first.seconds / again.seconds:.0f} times as fast",
            target=f"≤ {AGAIN:.0f} s",
            met=again.seconds <= AGAIN,
        )
