"""Gradient boosting (Chen and Guestrin, 2016), from XGBoost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xgboost import XGBClassifier, XGBRegressor

from slipway.training.evaluation import Floats
from slipway.training.families import Params
from slipway.training.features import Matrix, Target
from slipway.training.onnx_trees import convert_trees
from slipway.training.recipe import Dimension, FloatRange, IntRange, Task

DEFAULT_SPACE: dict[str, Dimension] = {
    "colsample_bytree": FloatRange(bounds=(0.5, 1.0)),
    "learning_rate": FloatRange(bounds=(0.02, 0.3), log=True),
    "max_depth": IntRange(bounds=(2, 8)),
    "min_child_weight": FloatRange(bounds=(0.5, 20.0), log=True),
    "subsample": FloatRange(bounds=(0.5, 1.0)),
}

MOST_ROUNDS = 500
PATIENCE = 25


@dataclass(frozen=True, kw_only=True)
class Boosted:
    """Fitted boosted trees."""

    model: Any
    features: int
    rounds: int | None

    def predict(self, features: Matrix) -> Floats:
        """Probabilities (rows x classes) or numbers (rows)."""
        predict = getattr(self.model, "predict_proba", self.model.predict)
        prediction: Floats = predict(features).astype(float)
        return prediction

    def to_onnx(self) -> Any:  # noqa: ANN401
        """The trees as an ONNX model."""
        return convert_trees(self.model, self.features)


def fit(
    params: Params,
    features: Matrix,
    target: Target,
    *,
    task: Task,
    seed: int,
    threads: int,  # noqa: ARG001
    stopping: tuple[Matrix, Target] | None = None,
) -> Boosted:
    """Boost trees until the rows of `stopping` gain nothing more.

    Always on one thread: histograms that several threads add up differ in their last bits.
    """
    settings = {"n_estimators": MOST_ROUNDS, "tree_method": "hist", **params}
    patience = settings.pop("early_stopping_rounds", PATIENCE)
    kind = XGBClassifier if task is Task.CLASSIFICATION else XGBRegressor
    model = kind(
        **settings,
        random_state=seed,
        n_jobs=1,
        early_stopping_rounds=patience if stopping is not None else None,
    )
    model.fit(features, target, eval_set=[stopping] if stopping is not None else None, verbose=False)
    rounds = int(model.best_iteration) + 1 if stopping is not None else None
    return Boosted(model=model, features=features.shape[1], rounds=rounds)
