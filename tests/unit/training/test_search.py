"""The search: the same trials whatever the width, the order in which they end, and the interruptions."""

from __future__ import annotations

import math
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.training.recipe import SearchTable
from slipway.training.search import Study
from slipway.training.trial import Outcome, Suggestion, TrialState, failed

TRIALS = 24


def table(batch: int = 6, trials: int = TRIALS) -> SearchTable:
    return SearchTable.model_validate(
        {
            "trials": trials,
            "batch": batch,
            "metric": "log_loss",
            "random_forest": {"max_depth": {"int": [2, 16]}, "n_estimators": 50},
            "xgboost": {
                "learning_rate": {"float": [0.01, 0.3], "log": True},
                "subsample": {"float": [0.5, 1.0]},
                "grow_policy": {"choice": ["depthwise", "lossguide"]},
            },
        }
    )


def pretend(suggestion: Suggestion) -> Outcome:
    """An evaluation that takes no time: a smooth function of the configuration, with a failure here and there."""
    if suggestion.number % 11 == 7:
        return failed(suggestion, "ValueError: made to fail", 0.0)
    depth = suggestion.params.get("max_depth", 0)
    rate = suggestion.params.get("learning_rate", 0.1)
    value = (depth - 9) ** 2 / 50 + abs(math.log(rate / 0.08)) + (0.2 if suggestion.family == "xgboost" else 0.0)
    return Outcome(
        number=suggestion.number,
        family=suggestion.family,
        params=suggestion.params,
        state=TrialState.COMPLETE,
        score=value,
        fold_scores=(value,),
    )


def drive(study: Study, width: int, draw: random.Random, stop_after: int | None = None) -> dict[int, Outcome]:
    """Run a study as a cluster of `width` workers would, its trials ending in a random order."""
    running: list[Suggestion] = []
    ended: dict[int, Outcome] = {}
    while not study.finished and (stop_after is None or len(ended) < stop_after):
        while len(running) < width and (suggestion := study.ask()) is not None:
            running.append(suggestion)
        if not running:
            break
        outcome = pretend(running.pop(draw.randrange(len(running))))
        study.tell(outcome)
        ended[outcome.number] = outcome
    return ended


@pytest.fixture(scope="module")
def alone() -> dict[int, Outcome]:
    return drive(Study(table(), "key", {}), 1, random.Random(0))


def test_one_worker_finishes_all_trials_in_order(alone: dict[int, Outcome]) -> None:
    assert list(alone) == list(range(TRIALS))
    assert {outcome.family for outcome in alone.values()} == {"random_forest", "xgboost"}


@settings(max_examples=25)
@given(width=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_any_width_and_any_order_of_ends_give_the_same_trials(alone: dict[int, Outcome], width: int, seed: int) -> None:
    assert drive(Study(table(), "key", {}), width, random.Random(seed)) == alone


@settings(max_examples=25)
@given(width=st.integers(1, 8), seed=st.integers(0, 2**32), done=st.integers(0, TRIALS))
def test_an_interrupted_search_goes_on_where_it_was(
    alone: dict[int, Outcome], width: int, seed: int, done: int
) -> None:
    draw = random.Random(seed)
    recorded = drive(Study(table(), "key", {}), width, draw, stop_after=done)
    resumed = Study(table(), "key", recorded)
    evaluated = drive(resumed, width, draw)
    assert resumed.outcomes == alone
    assert not evaluated.keys() & recorded.keys()


def test_records_of_another_search_are_not_believed(alone: dict[int, Outcome]) -> None:
    foreign = drive(Study(table(), "another key", {}), 1, random.Random(0))
    study = Study(table(), "key", foreign)
    drive(study, 2, random.Random(0))
    assert study.outcomes == alone


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: Study(table(batch=3), "key", {}), "the batch is part of the key"),
        (lambda: Study(table(), "other", {}), "every seed derives from the key"),
    ],
)
def test_what_the_key_covers_changes_the_trials(
    alone: dict[int, Outcome], change: Callable[[], Study], why: str
) -> None:
    assert drive(change(), 2, random.Random(0)) != alone, why


def test_the_search_beats_its_own_beginning(alone: dict[int, Outcome]) -> None:
    scores = [outcome.score for outcome in alone.values() if outcome.score is not None]
    half = len(scores) // 2
    assert statistics.mean(scores[half:]) < statistics.mean(scores[:half])


def test_the_best_is_the_earliest_of_equals_and_never_a_failure() -> None:
    study = Study(table(trials=4), "key", {})
    for suggestion in iter(study.ask, None):
        score = None if suggestion.number == 0 else 0.5
        state = TrialState.FAILED if score is None else TrialState.COMPLETE
        study.tell(
            Outcome(
                number=suggestion.number, family=suggestion.family, params=suggestion.params, state=state, score=score
            )
        )
    best = study.best()
    assert best is not None
    assert best.number == 1


def test_an_empty_family_table_searches_the_familys_own_space() -> None:
    search = SearchTable.model_validate({"trials": 2, "metric": "rmse", "xgboost": {}})
    suggestion = Study(search, "key", {}).ask()
    assert suggestion is not None
    assert {"learning_rate", "max_depth"} <= suggestion.params.keys()


def test_patience_alone_still_searches_the_familys_own_space() -> None:
    search = SearchTable.model_validate({"metric": "rmse", "xgboost": {"early_stopping_rounds": 10}})
    suggestion = Study(search, "key", {}).ask()
    assert suggestion is not None
    assert suggestion.params["early_stopping_rounds"] == 10
    assert "learning_rate" in suggestion.params


def test_processors_of_another_kind_search_alike() -> None:
    """NumPy takes logarithms by the processor's widest instructions, which differ in the last digit."""
    script = (
        "from slipway.cli import calculate_as_everywhere; calculate_as_everywhere()\n"
        "import sys, random; sys.path.insert(0, 'tests/unit/training')\n"
        "from test_search import *\n"
        "study = Study(table(trials=60), 'key', {})\n"
        "print([(o.family, o.params) for o in drive(study, 1, random.Random(0)).values()])"
    )
    narrow = {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"}
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, **environ},
        ).stdout
        for environ in ({}, narrow)
    ]
    assert found[0] == found[1]
