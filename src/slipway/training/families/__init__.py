"""The families of models that can be searched, one module each."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, cast

from slipway.training.evaluation import Floats
from slipway.training.features import Matrix, Target
from slipway.training.recipe import Dimension, Task

Params = dict[str, Any]


class Fitted(Protocol):
    """A model in its library's own form, on encoded features."""

    @property
    def rounds(self) -> int | None:
        """Boosting rounds that early stopping settled on, where there is such a thing."""

    def predict(self, features: Matrix) -> Floats:
        """Probabilities (rows x classes) or numbers (rows)."""

    def to_onnx(self) -> Any:  # noqa: ANN401  onnx is heavy and untyped
        """The trees as an ONNX `ModelProto`: from `features` to its last output."""


class Family(Protocol):
    """How a family is fitted, and what is searched when `model.toml` does not say."""

    DEFAULT_SPACE: dict[str, Dimension]

    def fit(
        self,
        params: Params,
        features: Matrix,
        target: Target,
        *,
        task: Task,
        seed: int,
        threads: int,
        stopping: tuple[Matrix, Target] | None = None,
    ) -> Fitted:
        """Fit one configuration; `stopping` are the rows that end boosting early.

        The same arguments give the same model, whatever `threads` is.
        """


def family(name: str) -> Family:
    """The family of that name; its library is imported now and not earlier."""
    return cast("Family", importlib.import_module(f"slipway.training.families.{name}"))
