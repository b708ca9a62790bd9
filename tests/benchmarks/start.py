"""How long people wait for an answer that needs no work."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from tests.benchmarks.measure import Figure, fastest, repository

LIMIT = 0.4


def measure(console: Console) -> Iterator[Figure]:
    """`--help`, `plan` and `key`."""
    console.rule("start")
    with repository("iris", "diabetes", "fraud") as place:
        for arguments in (["--help"], ["plan", "--repo", place], ["key", "iris", "--repo", place]):
            took = fastest(5, *arguments)
            yield Figure(
                name=f"slipway {arguments[0]}",
                value=f"{took.seconds:.2f} s",
                against="fastest of 5",
                target=f"≤ {LIMIT} s",
                met=took.seconds <= LIMIT,
            )
