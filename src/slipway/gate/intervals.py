"""How sure is an improvement: paired bootstrap over the holdout's units.

A unit is what was drawn independently: a row, or the rows that share a split key. Both models are judged
on the same resample, so what is hard for both cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from slipway.results import Interval
from slipway.training.evaluation import Floats, of_mean_loss, row_losses, score
from slipway.training.features import Target
from slipway.training.recipe import MetricName

Codes = npt.NDArray[np.int64]

RESAMPLES = 2_000
RANKING_RESAMPLES = 200
MOST_UNITS = 2_000
"""More units than this are joined at random into as many blocks: the standard error is then off by some
two per cent, and the time no longer grows with the holdout."""
POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """The truth, both models' predictions, and the unit of each row."""

    target: Target
    champion: Floats
    challenger: Floats
    units: Codes
    """A number from 0 for each row; rows of one unit share it."""

    def only(self, rows: npt.NDArray[np.bool_]) -> Self:
        """The part of the holdout in these rows."""
        return type(self)(
            target=self.target[rows],
            champion=self.champion[rows],
            challenger=self.challenger[rows],
            units=np.unique(self.units[rows], return_inverse=True)[1],
        )

    @cached_property
    def unit_count(self) -> int:
        """Units that there are."""
        return int(self.units.max()) + 1 if len(self.units) else 0


def improvement(
    metric: MetricName, holdout: Holdout, *, confidence: float, seed: int, normal: bool = False
) -> Interval:
    """The challenger's improvement over the champion, positive when it is better, in the metric's unit.

    For metrics that are (functions of) a mean of row losses: a bias-corrected and accelerated interval
    (Efron, 1987). For metrics of an order: a normal interval around the estimate, with the bootstrap's
    standard error (Efron and Tibshirani, 1993, chapter 13); `normal` asks for this one, with Student's
    quantiles, whatever the metric.
    """
    rng = np.random.default_rng(seed)
    blocks = _blocks(holdout, rng)
    sign = -1.0 if metric.higher_is_better else 1.0
    before = row_losses(metric, holdout.target, holdout.champion)
    after = row_losses(metric, holdout.target, holdout.challenger)
    if before is None or after is None:
        return _of_ranking(metric, holdout, blocks, confidence, rng)
    sums = _sums(blocks, before), _sums(blocks, after), _sums(blocks)
    return _of_means(metric, sign, *sums, confidence, rng, normal=normal)


def _blocks(holdout: Holdout, rng: np.random.Generator) -> Codes:
    """The unit of each row, or the block that its unit was drawn into where there are many units."""
    if holdout.unit_count <= MOST_UNITS:
        return holdout.units
    places = rng.permutation(holdout.unit_count) % MOST_UNITS
    return places[holdout.units]


def _sums(blocks: Codes, values: Floats | None = None) -> Floats:
    return np.bincount(blocks, weights=values).astype(float)


def _of_means(
    metric: MetricName,
    sign: float,
    before: Floats,
    after: Floats,
    rows: Floats,
    confidence: float,
    rng: np.random.Generator,
    *,
    normal: bool,
) -> Interval:
    from scipy.stats import bootstrap

    def statistic(before: Floats, after: Floats, rows: Floats, axis: int = -1) -> Floats:
        count = rows.sum(axis=axis)
        old = of_mean_loss(metric, before.sum(axis=axis) / count)
        new = of_mean_loss(metric, after.sum(axis=axis) / count)
        return np.asarray(sign * (old - new))

    estimate = float(statistic(before, after, rows))
    differences = before - after
    if len(rows) < 2 or np.ptp(differences / rows) == 0:  # noqa: PLR2004  nothing to resample
        return _certain(estimate, confidence)
    result = bootstrap(
        (before, after, rows),
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=RESAMPLES // 10,
        confidence_level=confidence,
        method="percentile" if normal else "BCa",
        rng=rng,
    )
    if normal:
        return _normal(estimate, float(result.standard_error), confidence, units=len(rows))
    low, high = map(float, result.confidence_interval)
    if not (np.isfinite(low) and np.isfinite(high)):
        return _normal(estimate, float(result.standard_error), confidence, units=len(rows))
    return Interval(
        estimate=estimate,
        low=low,
        high=high,
        confidence=confidence,
        detectable=_detectable(float(result.standard_error), confidence),
    )


def _of_ranking(
    metric: MetricName, holdout: Holdout, blocks: Codes, confidence: float, rng: np.random.Generator
) -> Interval:
    estimate = score(metric, holdout.target, holdout.challenger) - score(metric, holdout.target, holdout.champion)
    if not np.isfinite(estimate):
        return _certain(0.0, confidence)
    champion = _Ranking.of(holdout.target, holdout.champion[:, 1])
    challenger = _Ranking.of(holdout.target, holdout.challenger[:, 1])
    count = int(blocks.max()) + 1
    draws = []
    for _ in range(RANKING_RESAMPLES):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[blocks].astype(float)
        difference = challenger.value(metric, weights) - champion.value(metric, weights)
        if np.isfinite(difference):
            draws.append(difference)
    return _normal(estimate, float(np.std(draws, ddof=1)) if len(draws) > 1 else 0.0, confidence, units=count)


@dataclass(frozen=True, kw_only=True)
class _Ranking:
    """Rows in the order of their scores, sorted once for all resamples."""

    order: Codes
    positive: npt.NDArray[np.bool_]
    last_of_tie: Codes

    @classmethod
    def of(cls, target: Target, scores: Floats) -> Self:
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        return cls(
            order=order,
            positive=target[order] == 1,
            last_of_tie=ends[np.searchsorted(ends, np.arange(len(order)))],
        )

    def value(self, metric: MetricName, weights: Floats) -> float:
        """The metric with these weights of rows; NaN where one class has none."""
        ordered = weights[self.order]
        hits = np.where(self.positive, ordered, 0.0)
        found = np.cumsum(hits)
        seen = np.cumsum(ordered)
        positives, negatives = found[-1], seen[-1] - found[-1]
        if positives == 0 or negatives == 0:
            return float("nan")
        if metric is MetricName.AVERAGE_PRECISION:
            above = np.maximum(seen[self.last_of_tie], 1e-12)
            return float((found[self.last_of_tie] / above * hits).sum() / positives)
        misses = ordered - hits
        missed = np.cumsum(misses)
        before_tie = missed - misses
        first = np.searchsorted(self.last_of_tie, self.last_of_tie)
        wrong = before_tie[first] + (missed[self.last_of_tie] - before_tie[first]) / 2
        return float(1 - (wrong * hits).sum() / (positives * negatives))


def _certain(estimate: float, confidence: float) -> Interval:
    return Interval(estimate=estimate, low=estimate, high=estimate, confidence=confidence, detectable=0.0)


def _normal(estimate: float, error: float, confidence: float, *, units: int) -> Interval:
    half = float(stdtrit(max(units - 1, 1), (1 + confidence) / 2)) * error
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        confidence=confidence,
        detectable=_detectable(error, confidence),
    )


def _detectable(error: float, confidence: float) -> float:
    """The effect that is shown four times in five: (z of the confidence + z of the power) standard errors."""
    return float(ndtri((1 + confidence) / 2) + ndtri(POWER)) * error
