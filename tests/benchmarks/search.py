"""The search beside what the tutorials write, what Optuna's users write, and the floor."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.measure import Figure, python, repository, slipway

FASTER, ABOVE_FLOOR = 10.0, 1.15
CORES = os.cpu_count() or 1


def measure(console: Console) -> Iterator[Figure]:
    """Iris against all three; fraud against the floor, start-up apart."""
    console.rule("search")
    with repository("iris", "fraud") as place:
        yield from _iris(place)
        yield from _fraud(place)


def _iris(place: Path) -> Iterator[Figure]:
    ours = slipway("tune", "iris", "--repo", place)
    floor = _floor(place, "iris")
    joblib = python("alternatives", "joblib", place, "iris")
    tutorial = python("alternatives", "tutorial", place, "iris")
    trials = _trials(place, "iris")
    stage = _records(place, "iris")[0]["seconds"]
    yield Figure(
        name=f"iris, {trials} trials",
        value=f"{ours.seconds:.1f} s",
        against=f"all of `slipway tune`, MLflow and the end of Ray included; the stage itself {stage:.1f} s",
    )
    ratio = tutorial.seconds / ours.seconds
    yield Figure(
        name="… a function trainable, Tune's defaults",
        value=f"{tutorial.seconds:.1f} s",
        against=f"{ratio:.1f} times ours, {tutorial.seconds / stage:.1f} times the stage",
        target=f"≥ {FASTER:.0f} times",
        met=ratio >= FASTER,
    )
    beside = f"{joblib.seconds / ours.seconds:.2f} times ours"
    yield Figure(name="… Optuna and joblib", value=f"{joblib.seconds:.1f} s", against=beside)
    yield Figure(name="… the floor", value=f"{floor:.1f} s", against=f"CPU seconds of the same fits / {CORES} cores")


def _fraud(place: Path) -> Iterator[Figure]:
    one = slipway("tune", "fraud", "--trials", "1", "--repo", place).seconds
    startup = one - _floor(place, "fraud", 1) * CORES
    ours = slipway("tune", "fraud", "--repo", place).seconds
    floor = _floor(place, "fraud")
    ratio = (ours - startup) / floor
    yield Figure(
        name=f"fraud, {_trials(place, 'fraud')} trials",
        value=f"{ours:.1f} s",
        against=f"start-up {startup:.1f} s, then {ratio:.2f} times the floor of {floor:.1f} s",
        target=f"≤ {ABOVE_FLOOR} times",
        met=ratio <= ABOVE_FLOOR,
    )


def _trials(place: Path, model: str) -> int:
    return max(len(record["trials"]) for record in _records(place, model))


def _records(place: Path, model: str) -> list[dict[str, Any]]:
    found = (place / ".slipway/store" / model).glob("*/search/trials.json")
    return [json.loads(file.read_text()) for file in found]


def _floor(place: Path, model: str, trials: int | None = None) -> float:
    """CPU seconds of the same fits, one after the other in one process, by the number of cores."""
    budget = [] if trials is None else [str(trials)]
    return float(python("alternatives", "floor", place, model, *budget).json()["cpu"]) / CORES
