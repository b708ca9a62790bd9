"""Random forests (Breiman, 2001), from scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from slipway.training.evaluation import Floats
from slipway.training.families import Params
from slipway.training.features import Matrix, Target
from slipway.training.onnx_trees import convert_trees
from slipway.training.recipe import Choice, Dimension, IntRange, Task

DEFAULT_SPACE: dict[str, Dimension] = {
    "max_depth": IntRange(bounds=(2, 16)),
    "max_features": Choice(choice=("sqrt", 0.5, 1.0)),
    "min_samples_leaf": IntRange(bounds=(1, 20), log=True),
    "n_estimators": IntRange(bounds=(50, 300), log=True),
}


@dataclass(frozen=True, kw_only=True)
class Forest:
    """A fitted forest."""

    model: Any
    features: int
    rounds: int | None = None

    def predict(self, features: Matrix) -> Floats:
        """Probabilities (rows x classes) or numbers (rows)."""
        predict = getattr(self.model, "predict_proba", self.model.predict)
        prediction: Floats = predict(features)
        return prediction

    def to_onnx(self) -> Any:  # noqa: ANN401
        """The forest as an ONNX model.

        skl2onnx 1.20 leaves out where a missing value goes, so it is filled in here: node for node,
        in the order in which it writes the trees.
        """
        proto = convert_trees(self.model, self.features)
        goes_left = np.concatenate([tree.tree_.missing_go_to_left for tree in self.model.estimators_])
        for attribute in proto.graph.node[0].attribute:
            if attribute.name == "nodes_missing_value_tracks_true":
                attribute.ints[:] = goes_left.astype(int).tolist()
        return proto


def fit(
    params: Params,
    features: Matrix,
    target: Target,
    *,
    task: Task,
    seed: int,
    threads: int,
    stopping: tuple[Matrix, Target] | None = None,  # noqa: ARG001
) -> Forest:
    """Fit a forest. Each tree has its own seed, so the number of threads changes nothing."""
    kind = RandomForestClassifier if task is Task.CLASSIFICATION else RandomForestRegressor
    model = kind(**params, random_state=seed, n_jobs=threads).fit(features, target)
    model.set_params(n_jobs=1)  # sums of probabilities in a fixed order
    return Forest(model=model, features=features.shape[1])
