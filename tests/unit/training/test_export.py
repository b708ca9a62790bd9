"""The exported graph answers as the native model does, whatever it is asked."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from slipway.scoring import Scorer
from slipway.training.evaluation import Floats
from slipway.training.export import to_onnx
from slipway.training.features import Dataset, dataset, raw
from slipway.training.recipe import Recipe
from slipway.training.search import InProcess, Study, refit
from slipway.training.trial import prepare

ROWS = 1_200


def mixed_table(*, classes: int) -> pa.Table:
    """Numbers with missing values, categories with rare and missing ones, and a target that follows them."""
    rng = np.random.default_rng(5)
    width = rng.normal(size=ROWS) * 1e4
    kind = rng.choice(["ä", "b c", "d|e", *[f"rare {n}" for n in range(90)]], ROWS, p=[0.4, 0.3, 0.21, *[0.001] * 90])
    effect = width / 1e4 + (kind == "ä") + rng.normal(size=ROWS)
    columns = {
        "width": pa.array(np.where(rng.random(ROWS) < 0.15, np.nan, width), from_pandas=True),
        "count": pa.array(rng.integers(0, 9, ROWS)),
        "flag": pa.array(rng.random(ROWS) < 0.5),
        "kind": pa.array([None if rng.random() < 0.1 else str(k) for k in kind]),
    }
    if classes:
        codes = np.digitize(effect, np.quantile(effect, np.arange(1, classes) / classes))
        columns["target"] = pa.array([f"class {code}" for code in codes])
    else:
        columns["target"] = pa.array(effect * 37.5 + 150)
    return pa.table(columns)


def recipe(family: str, *, classes: int) -> Recipe:
    space = {"n_estimators": 30, "max_depth": {"int": [2, 7]}}
    return Recipe.model_validate(
        {
            "model": {"task": "classification" if classes else "regression", "target": "target"},
            "data": {"path": "train.csv"},
            "search": {"trials": 2, "folds": 2, "metric": "log_loss" if classes else "rmse", family: space},
        }
    )


def train(data: Dataset) -> tuple[bytes, Floats, pa.Table]:
    """The exported model, and the native one's predictions on the holdout."""
    material, encoding = prepare(data, "key")
    study = Study(data.recipe.search, "key", {})
    InProcess().run(study, material, lambda _: None)
    best = study.best()
    assert best is not None, [outcome.error for outcome in study.outcomes.values()]
    fitted, _ = refit(best, material, threads=2)
    holdout = data.table.filter(data.holdout)
    native = fitted.predict(encoding.encode(*raw(holdout, data.columns)))
    return to_onnx(fitted.to_onnx(), encoding, key="key", classes=data.classes), native, holdout


@pytest.mark.parametrize("family", ["random_forest", "xgboost"])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_onnx_is_the_native_model_byte_for_byte_the_same_each_time(family: str, classes: int) -> None:
    data = dataset(mixed_table(classes=classes), recipe(family, classes=classes))
    first, native, holdout = train(data)
    again, _, _ = train(data)
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(again).hexdigest()

    scorer = Scorer.load(first)
    assert scorer.classes == data.classes
    assert scorer.columns == data.columns
    answers = scorer.predict(holdout)
    assert answers.shape == native.shape
    np.testing.assert_allclose(answers, native, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["random_forest", "xgboost"])
def test_missing_and_unknown_values_go_where_training_sends_them(family: str) -> None:
    data = dataset(mixed_table(classes=2), recipe(family, classes=2))
    onnx, _, holdout = train(data)
    scorer = Scorer.load(onnx)
    numeric, categorical = raw(holdout, data.columns)
    numeric[::3] = np.nan
    categorical[::2] = ""
    categorical[1::2] = "never seen"
    material, encoding = prepare(data, "key")
    study = Study(data.recipe.search, "key", {})
    InProcess().run(study, material, lambda _: None)
    best = study.best()
    assert best is not None
    fitted, _ = refit(best, material, threads=1)
    np.testing.assert_allclose(
        scorer.ask(numeric, categorical), fitted.predict(encoding.encode(numeric, categorical)), atol=1e-5
    )


def test_a_column_that_the_table_lacks_counts_as_missing() -> None:
    data = dataset(mixed_table(classes=2), recipe("xgboost", classes=2))
    onnx, _, holdout = train(data)
    scorer = Scorer.load(onnx)
    gone = scorer.predict(holdout.drop_columns(["width", "kind"]))
    emptied = holdout.set_column(0, "width", pa.nulls(holdout.num_rows, pa.float64()))
    emptied = emptied.set_column(3, "kind", pa.nulls(holdout.num_rows, pa.string()))
    np.testing.assert_array_equal(gone, scorer.predict(emptied))
