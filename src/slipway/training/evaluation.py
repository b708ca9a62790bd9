"""Metrics: how good are predictions, of one model, on rows whose target is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from slipway.training.recipe import MetricName

if TYPE_CHECKING:
    from slipway.training.features import Target

Floats = npt.NDArray[np.float64]

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1, so that one sure mistake costs 16 nats and not infinity.

Above the resolution of float32, in which models answer.
"""


def row_losses(metric: MetricName, target: Target, prediction: Floats) -> Floats | None:
    """The loss of each row, whose mean is the metric (its square for `rmse`, 1 - it for `accuracy`).

    `prediction` is rows x classes (probabilities) or rows (numbers). None for the metrics that judge
    an order of rows and so have no loss of a single one.
    """
    match metric:
        case MetricName.LOG_LOSS:
            return -np.log(np.clip(_of_truth(target, prediction), CLIP, 1.0))
        case MetricName.BRIER:
            truth = np.zeros_like(prediction)
            truth[np.arange(len(target)), target.astype(np.int64)] = 1.0
            squares: Floats = ((prediction - truth) ** 2).sum(axis=1)
            return squares
        case MetricName.ACCURACY:
            return (prediction.argmax(axis=1) != target).astype(np.float64)
        case MetricName.RMSE:
            return (prediction - target) ** 2
        case MetricName.MAE:
            return np.abs(prediction - target)
        case _:
            return None


def _of_truth(target: Target, prediction: Floats) -> Floats:
    probabilities: Floats = prediction[np.arange(len(target)), target.astype(np.int64)]
    return probabilities


def of_mean_loss(metric: MetricName, mean: Floats | float) -> Floats | float:
    """The metric's value, given the mean of its row losses."""
    match metric:
        case MetricName.ACCURACY:
            return 1.0 - mean
        case MetricName.RMSE:
            return np.sqrt(mean)
        case _:
            return mean


def score(metric: MetricName, target: Target, prediction: Floats) -> float:
    """The metric's value over all rows, in its own unit; NaN where a ranking meets one class only."""
    losses = row_losses(metric, target, prediction)
    if losses is not None:
        return float(of_mean_loss(metric, float(losses.mean())))
    positive = prediction[:, 1]
    if len(np.unique(target)) < 2:  # noqa: PLR2004
        return float("nan")
    from sklearn import metrics

    measure = metrics.roc_auc_score if metric is MetricName.ROC_AUC else metrics.average_precision_score
    return float(measure(target, positive))
