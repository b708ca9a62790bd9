"""The models that are served: trained by the project's own code, and kept as each of the rivals loads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slipway import challenger
from slipway.adapters.endpoint import Value
from slipway.challenger import Challenger
from slipway.key import KeyInputs
from slipway.spec import parse
from slipway.training.features import Encoding, raw
from slipway.training.search import InProcess, Study, refit
from slipway.training.trial import prepare
from slipway.workspace import Model
from tests.benchmarks.measure import ROOT

REQUESTS = 20
_SPEC = """\
[model]
task = "classification"
target = "{target}"
[data]
path = "train.csv"
[search]
trials = 1
batch = 1
folds = 2
metric = "log_loss"
[search.{family}]
{params}
"""
_FOREST = "n_estimators = 40\nmax_depth = 5"
_BOOSTED = "n_estimators = 150\nlearning_rate = 0.1\nmax_depth = 3"
_WIDE = "n_estimators = 150\nlearning_rate = 0.1\nmax_depth = 5"
_NUMBERS, _TEXTS, _ROWS = 24, 6, 4_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, rows to ask it, and what its native form answers to each."""

    name: str
    stock: str
    """The class that the stock wrapper serves."""
    folder: Path
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Value]]
    answers: Sequence[Sequence[float]]


def forest(place: Path) -> Case:
    """A random forest on iris."""
    return _make("iris forest", "Forest", _iris("random_forest", _FOREST), _iris_csv(), place)


def boosted(place: Path) -> Case:
    """XGBoost on iris."""
    return _make("iris XGBoost", "Boosted", _iris("xgboost", _BOOSTED), _iris_csv(), place)


def wide(place: Path) -> Case:
    """XGBoost on 24 numbers and 6 categories, as fraud has them."""
    spec = _SPEC.format(target="target", family="xgboost", params=_WIDE)
    return _make("30 columns XGBoost", "Coded", spec, _wide_csv(), place)


CASES: tuple[Callable[[Path], Case], ...] = (forest, boosted, wide)


def _iris(family: str, params: str) -> str:
    return _SPEC.format(target="species", family=family, params=params)


def _iris_csv() -> str:
    return (ROOT / "data/iris/train.csv").read_text()


def _wide_csv() -> str:
    draw = np.random.default_rng(4)
    numbers = draw.lognormal(size=(_ROWS, _NUMBERS)).round(3)
    texts = draw.integers(8, size=(_ROWS, _TEXTS))
    signal = numbers[:, :8].sum(axis=1) + texts[:, :3].sum(axis=1) + draw.normal(scale=4, size=_ROWS)
    target = np.where(signal > np.quantile(signal, 0.9), "fraud", "fine")
    head = [*(f"number_{index}" for index in range(_NUMBERS)), *(f"text_{index}" for index in range(_TEXTS)), "target"]
    rows = zip(numbers.tolist(), texts.tolist(), target.tolist(), strict=True)
    lines = ([*map(str, number), *(f"kind-{code}" for code in text), name] for number, text, name in rows)
    return "\n".join(",".join(line) for line in [head, *lines]) + "\n"


def _make(name: str, stock: str, spec: str, csv: str, place: Path) -> Case:
    home, folder = place / "data/toy", place / "model"
    for needed in (home, folder):
        needed.mkdir(parents=True)
    (home / "train.csv").write_text(csv)
    inputs = KeyInputs(data_file="train.csv", data=name, tables={}, training={}, packages={}, python="3.12")
    model = Model(name="toy", spec=parse(spec.encode(), "model.toml"), inputs=inputs, repo=place)
    data = model.dataset
    material, encoding = prepare(data, model.key)
    study = Study(data.recipe.search, model.key, {})
    InProcess().run(study, material, lambda _: None)
    best = study.best()
    if best is None:
        raise SystemExit(f"{name}: {study.outcomes}")
    fitted, _ = refit(best, material, threads=1)
    _keep(challenger.make(model, best, study, material, encoding), fitted.model, encoding, folder)
    asked = data.table.filter(data.holdout).slice(0, REQUESTS)
    return Case(
        name=name,
        stock=stock,
        folder=folder,
        columns=data.columns.names,
        rows=[list(row.values()) for row in asked.select(data.columns.names).to_pylist()],
        answers=fitted.predict(encoding.encode(*raw(asked, data.columns))).tolist(),
    )


def _keep(made: Challenger, native: Any, encoding: Encoding, folder: Path) -> None:
    import joblib

    (folder / "model.onnx").write_bytes(made.onnx)
    (folder / "model.json").write_bytes(made.card.to_json())
    (folder / "categories.json").write_text(json.dumps(encoding.categories))
    if hasattr(native, "save_model"):
        native.save_model(folder / "model.ubj")
    else:
        joblib.dump(native, folder / "model.joblib")
