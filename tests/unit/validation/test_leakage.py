from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from slipway.results import Severity
from slipway.training.features import Dataset, dataset
from slipway.training.recipe import Recipe
from slipway.validation.leakage import find


def lines(rows: Sequence[int]) -> list[int]:
    return [row + 2 for row in rows]


def dated(features: Sequence[float], *, holdout: float = 0.25) -> Dataset:
    """Rows in order of time, so that the last quarter is the holdout."""
    table = pa.table({
        "day": [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(len(features))],
        "x": features,
        "colour": ["red"] * len(features),
        "y": [float(n) for n in range(len(features))],
    })  # fmt: skip
    recipe = Recipe.model_validate({
        "model": {"task": "regression", "target": "y"},
        "data": {"path": "a.csv", "split_time": "day", "holdout": holdout},
        "search": {"metric": "rmse", "folds": 2, "xgboost": {}},
    })  # fmt: skip
    return dataset(table, recipe)


def test_different_rows_do_not_leak() -> None:
    found = find(dated(range(40)), lines)
    assert (found.duplicates, found.share, found.severity, found.examples) == (0, 0.0, Severity.INFO, ())


def test_a_repeated_row_is_shown_with_its_twin_though_target_and_date_differ() -> None:
    features = list(range(40))
    features[35] = features[4]
    found = find(dated(features), lines)
    assert (found.duplicates, found.share, found.severity) == (1, 0.1, Severity.WARNING)
    assert [(row.line, row.value) for row in found.examples] == [(37, "the features of line 6")]


@pytest.mark.parametrize(
    ("features", "severity"),
    [
        ([*range(30), *range(10)], Severity.CRITICAL),
        ([*range(30), *range(5), *range(50, 55)], Severity.CRITICAL),
        ([*range(30), *range(4), *range(50, 56)], Severity.WARNING),
        ([n % 3 for n in range(40)], Severity.WARNING),
    ],
)
def test_a_copied_holdout_is_critical_and_a_few_categories_are_not(
    features: Sequence[float], severity: Severity
) -> None:
    found = find(dated(features), lines)
    assert found.severity is severity
    assert len(found.examples) == min(found.duplicates, 10)


def test_it_finds_what_comparing_every_pair_finds() -> None:
    draw = np.random.default_rng(2)
    features = [float(n) for n in draw.integers(0, 300, 400)]
    data = dated(features)
    known = {value for value, held in zip(features, data.holdout, strict=True) if not held}
    twice = [value in known for value, held in zip(features, data.holdout, strict=True) if held]
    assert find(data, lines).duplicates == sum(twice) > 0
