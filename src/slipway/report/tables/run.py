"""What the model is, and what made it."""

from __future__ import annotations

from collections.abc import Iterable

from slipway.report.numbers import duration, number
from slipway.report.tables.cells import Name, Own, Table
from slipway.results import ModelCard, StageTime


def of_times(times: Iterable[StageTime]) -> Table:
    """What each stage took."""
    rows = ((t.stage, Own(duration(t.seconds)), Own("done before" if t.reused else "")) for t in times)
    return Table(headers=("Stage", "Took", ""), rows=tuple(rows), numeric=frozenset({1}))


def of_packages(card: ModelCard) -> Table:
    """The versions that shaped the model."""
    rows = tuple((Name(name), Name(version)) for name, version in sorted(card.packages.items()))
    return Table(headers=("Package", "Version"), rows=rows)


def of_golden(card: ModelCard, columns: int, requests: int) -> Table:
    """Requests that travel with the release, each with the answer that was reviewed."""
    names = (*card.numeric, *card.categorical)[:columns]
    answers = card.classes or (card.target,)
    rows = tuple(
        (
            *(_asked(value) for value in (*golden.numeric, *golden.categorical)[:columns]),
            *(Own(number(value, 4)) for value in golden.answer[: len(answers)][:columns]),
        )
        for golden in card.golden[:requests]
    )
    headers = (*names, *(f"→ {name}" for name in answers[:columns]))
    return Table(headers=headers, rows=rows, numeric=frozenset(range(len(headers))))


def _asked(value: float | str | None) -> str:
    if value is None:
        return Own("missing")
    return Name(value) if isinstance(value, str) else Own(number(value))
