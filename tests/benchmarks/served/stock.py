"""The stock seldon-core wrapper's classes, as its tutorials write them: the native model, loaded from its own file.

`NATIVE_MODEL` is the folder. The wrapper itself reads requests and writes answers.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np


class Forest:
    """scikit-learn's model."""

    def __init__(self) -> None:
        """Load it as scikit-learn's documentation says."""
        import joblib

        self.model = joblib.load(Path(os.environ["NATIVE_MODEL"]) / "model.joblib")

    def predict(self, X: Any, names: Any = None, meta: Any = None) -> Any:  # noqa: ARG002, N803  the wrapper's names
        """Probabilities."""
        return self.model.predict_proba(X)


class Boosted:
    """XGBoost's model."""

    def __init__(self) -> None:
        """Load it as XGBoost's documentation says."""
        from xgboost import XGBClassifier

        self.model = XGBClassifier()
        self.model.load_model(Path(os.environ["NATIVE_MODEL"]) / "model.ubj")

    def predict(self, X: Any, names: Any = None, meta: Any = None) -> Any:  # noqa: ARG002, N803
        """Probabilities."""
        return self.model.predict_proba(X)


class Coded(Boosted):
    """XGBoost's model on rows that end with categories, which the wrapper hands on as texts, numbers too."""

    def __init__(self) -> None:
        """Load the model and its categories."""
        super().__init__()
        categories = json.loads((Path(os.environ["NATIVE_MODEL"]) / "categories.json").read_bytes())
        self.codes = [{name: code for code, name in enumerate(known)} for known in categories]

    def predict(self, X: Any, names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        """Probabilities."""
        numbers = X.shape[1] - len(self.codes)
        features = np.empty(X.shape, dtype=np.float32)
        features[:, :numbers] = X[:, :numbers]
        for index, codes in enumerate(self.codes):
            features[:, numbers + index] = [codes.get(text, len(codes)) for text in X[:, numbers + index]]
        return super().predict(features, names, meta)
