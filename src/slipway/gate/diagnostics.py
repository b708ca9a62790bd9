"""What explains a model's figures: confusion, calibration, residuals, importance of features, latency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.results import CalibrationBin, Diagnostics, Importance, Timing
from slipway.scoring import Scorer
from slipway.training.evaluation import Floats, score
from slipway.training.features import Target, raw
from slipway.training.recipe import MetricName

BINS = 10
RARE = 0.1
"""A class with a smaller share of the rows is rare."""
POINTS = 1_000
IMPORTANCE_ROWS = 5_000
SHUFFLES = 3
ASKED = 500
WARM_UP = 20


def diagnose(target: Target, prediction: Floats, classes: tuple[str, ...], seed: int) -> Diagnostics:
    """Confusion and calibration of classes, or a sample of predictions and truths of numbers."""
    if classes:
        return Diagnostics(
            confusion=_confusion(target.astype(np.int64), prediction.argmax(axis=1), len(classes)),
            calibration=_calibration(target, prediction),
        )
    rows = np.arange(len(target))
    if len(rows) > POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, POINTS, replace=False))
    return Diagnostics(predicted=tuple(prediction[rows].tolist()), actual=tuple(target[rows].tolist()))


def _confusion(
    truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], classes: int
) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    return tuple(tuple(row) for row in counts.tolist())


def _calibration(target: Target, prediction: Floats) -> tuple[CalibrationBin, ...]:
    """Reliability in ten bins; of the positive class, or of every class against the rest.

    Bins hold equal numbers of rows. Where the positive class is rare that would put all but one of them next
    to nought, so they hold equal numbers of predicted positives there.
    """
    if prediction.shape[1] == 2:  # noqa: PLR2004
        claimed, came = prediction[:, 1], (target == 1).astype(float)
    else:
        claimed = prediction.ravel()
        came = (target[:, None] == np.arange(prediction.shape[1])).astype(float).ravel()
    order = np.argsort(claimed, kind="stable")
    weights = claimed[order] + 1e-12 if came.mean() < RARE else np.ones(len(order))
    place = np.minimum(BINS * (np.cumsum(weights) - weights / 2) / weights.sum(), BINS - 1).astype(int)
    parts = [order[place == number] for number in range(BINS)]
    return tuple(
        CalibrationBin(predicted=float(claimed[p].mean()), observed=float(came[p].mean()), rows=len(p))
        for p in parts
        if len(p)
    )


def importances(
    scorer: Scorer, table: pa.Table, target: Target, metric: MetricName, seed: int
) -> tuple[Importance, ...]:
    """Permutation importance (Breiman, 2001) of each feature, on at most 5,000 rows of the holdout."""
    rng = np.random.default_rng(seed)
    if table.num_rows > IMPORTANCE_ROWS:
        rows = np.sort(rng.choice(table.num_rows, IMPORTANCE_ROWS, replace=False))
        table, target = table.take(pa.array(rows)), target[rows]
    numeric, categorical = raw(table, scorer.columns)
    sign = 1.0 if metric.higher_is_better else -1.0
    intact = sign * score(metric, target, scorer.ask(numeric, categorical))
    found = []
    for part, names in ((numeric, scorer.columns.numeric), (categorical, scorer.columns.categorical)):
        for index, name in enumerate(names):
            values = part[:, index].copy()
            losses = []
            for _ in range(SHUFFLES):
                part[:, index] = rng.permutation(values)
                losses.append(intact - sign * score(metric, target, scorer.ask(numeric, categorical)))
            part[:, index] = values
            found.append(Importance(feature=name, mean=float(np.mean(losses)), spread=float(np.std(losses))))
    return tuple(sorted(found, key=lambda one: (-one.mean, one.feature)))


def time_one_row(model: bytes, table: pa.Table, clock: Callable[[], float]) -> Timing:
    """How long a single row takes on one thread; the holdout's first rows are asked in turn."""
    scorer = Scorer.load(model, threads=1)
    numeric, categorical = raw(table.slice(0, ASKED), scorer.columns)
    requests = [scorer.feeds(numeric[i : i + 1], categorical[i : i + 1]) for i in range(len(numeric))]
    took = []
    for turn in range(WARM_UP + ASKED):
        request = requests[turn % len(requests)]
        began = clock()
        scorer.session.run(None, request)
        took.append(clock() - began)
    milliseconds = np.array(took[WARM_UP:]) * 1e3
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return Timing(p50_ms=float(p50), p99_ms=float(p99), asked=ASKED)
