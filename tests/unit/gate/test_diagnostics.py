"""What explains a model's figures."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from slipway.gate.diagnostics import POINTS, diagnose, importances, time_one_row
from slipway.scoring import Scorer
from slipway.training.export import to_onnx
from slipway.training.families import family
from slipway.training.features import Target, dataset
from slipway.training.recipe import MetricName, Recipe, Task
from slipway.training.trial import prepare


def test_confusion_counts_every_row_once() -> None:
    target = np.array([0, 0, 1, 2, 2])
    prediction = np.eye(3)[[0, 1, 1, 2, 0]]
    found = diagnose(target, prediction, ("a", "b", "c"), seed=1)
    assert found.confusion == ((1, 1, 0), (0, 1, 0), (1, 0, 1))


def test_a_calibrated_model_lies_on_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    claimed = rng.random(20_000)
    target = (rng.random(20_000) < claimed).astype(np.int64)
    found = diagnose(target, np.column_stack([1 - claimed, claimed]), ("no", "yes"), seed=1)
    assert sum(part.rows for part in found.calibration) == 20_000
    assert all(part.observed == pytest.approx(part.predicted, abs=0.04) for part in found.calibration)


def test_a_regression_shows_a_sample_of_its_rows() -> None:
    target = np.arange(5_000.0)
    found = diagnose(target, target + 1, (), seed=1)
    assert len(found.actual) == POINTS
    assert all(p == a + 1 for p, a in zip(found.predicted, found.actual, strict=True))


def model() -> tuple[bytes, pa.Table, Target]:
    """A model that looks at `width` and `kind`, and has no use for `noise`."""
    rng = np.random.default_rng(3)
    rows = 600
    width, kind = rng.normal(size=rows), rng.choice(["a", "b"], rows)
    table = pa.table({"noise": rng.normal(size=rows), "width": width, "kind": kind, "y": width * 3 + (kind == "a") * 2})
    recipe = Recipe.model_validate(
        {
            "model": {"task": "regression", "target": "y"},
            "data": {"path": "x.csv"},
            "search": {"metric": "mae", "xgboost": {}},
        }
    )
    data = dataset(table, recipe)
    material, encoding = prepare(data, "key")
    fitted = family("xgboost").fit(
        {"n_estimators": 60}, material.features, material.target, task=Task.REGRESSION, seed=1, threads=1
    )
    holdout = table.filter(data.holdout)
    return to_onnx(fitted.to_onnx(), encoding, key="key", classes=()), holdout, data.target[data.holdout]


def test_importances_find_what_the_model_looks_at() -> None:
    onnx, table, target = model()
    found = importances(Scorer.load(onnx), table, target, MetricName.MAE, seed=1)
    assert [one.feature for one in found] == ["width", "kind", "noise"]
    assert found[0].mean > found[1].mean > 10 * abs(found[2].mean)
    assert found == importances(Scorer.load(onnx), table, target, MetricName.MAE, seed=1)


def test_latency_is_what_the_clock_says() -> None:
    onnx, table, _ = model()
    ticks = itertools.count()
    timing = time_one_row(onnx, table, lambda: next(ticks) * 0.002)
    assert timing.p50_ms == pytest.approx(2.0)
    assert timing.p99_ms == pytest.approx(2.0)
