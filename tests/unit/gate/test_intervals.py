"""The gate's statistics: known effects get known intervals at the stated rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from slipway.gate.intervals import Holdout, _Ranking, improvement
from slipway.training.evaluation import Floats, score
from slipway.training.recipe import MetricName


def numbers(rows: int, effect: float, seed: int, spread: float = 1.0) -> Holdout:
    """A regression whose challenger is better by `effect` in mean absolute error, on average."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=rows)
    before = rng.gamma(4.0, 0.5, rows) + 1.0
    after = before - effect + rng.normal(size=rows) * spread * 0.3
    return Holdout(target=target, champion=target + before, challenger=target + after, units=np.arange(rows))


def classes(rows: int, sharpness: float, seed: int) -> Holdout:
    """Two classes; the challenger's scores are `sharpness` times as telling as the champion's."""
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < 0.3).astype(np.int64)
    noise = rng.normal(size=rows)

    def scores(strength: float) -> Floats:
        positive = 1 / (1 + np.exp(-((target - 0.5) * strength + noise)))
        return np.column_stack([1 - positive, positive])

    return Holdout(target=target, champion=scores(1.0), challenger=scores(sharpness), units=np.arange(rows))


@pytest.mark.parametrize(("rows", "effect"), [(60, 0.0), (60, 0.2), (400, 0.05)])
def test_the_interval_covers_the_true_effect_as_often_as_it_says(rows: int, effect: float) -> None:
    runs = 150
    covered = 0
    for seed in range(runs):
        found = improvement(MetricName.MAE, numbers(rows, effect, seed), confidence=0.9, seed=seed)
        covered += found.low <= effect <= found.high
    assert 0.9 - 0.075 <= covered / runs <= 0.9 + 0.075  # three standard errors of 150 draws


def test_no_effect_is_rarely_called_an_improvement() -> None:
    runs = 200
    above = sum(
        improvement(MetricName.MAE, numbers(120, 0.0, seed), confidence=0.95, seed=seed).low > 0 for seed in range(runs)
    )
    assert above / runs <= 0.025 + 3 * (0.025 * 0.975 / runs) ** 0.5


def test_the_detectable_effect_is_detected_four_times_in_five() -> None:
    effect = improvement(MetricName.MAE, numbers(200, 0.0, 0), confidence=0.95, seed=0).detectable
    runs = 150
    found = sum(
        improvement(MetricName.MAE, numbers(200, effect, seed), confidence=0.95, seed=seed).low > 0
        for seed in range(1, runs + 1)
    )
    assert 0.8 - 0.12 <= found / runs <= 0.8 + 0.12


@pytest.mark.parametrize("metric", [MetricName.LOG_LOSS, MetricName.BRIER, MetricName.ACCURACY])
@pytest.mark.parametrize(("sharpness", "sign"), [(3.0, 1), (0.2, -1)])
def test_better_is_positive_whatever_the_metrics_direction(metric: MetricName, sharpness: float, sign: int) -> None:
    found = improvement(metric, classes(2_000, sharpness, 1), confidence=0.95, seed=1)
    assert found.low * sign > 0
    assert found.high * sign > 0


@pytest.mark.parametrize("metric", [MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION])
def test_rankings_have_intervals_too(metric: MetricName) -> None:
    better = improvement(metric, classes(1_500, 2.0, 3), confidence=0.95, seed=1)
    same = improvement(metric, classes(1_500, 1.0, 3), confidence=0.95, seed=1)
    assert better.low > 0
    assert (same.low, same.estimate, same.high) == (0, 0, 0)


def test_rankings_cover_the_true_effect_as_often_as_they_say() -> None:
    many = classes(400_000, 1.4, 99)
    truth = score(MetricName.ROC_AUC, many.target, many.challenger) - score(
        MetricName.ROC_AUC, many.target, many.champion
    )
    runs = 120
    found = [improvement(MetricName.ROC_AUC, classes(300, 1.4, s), confidence=0.9, seed=s) for s in range(runs)]
    covered = sum(one.low <= truth <= one.high for one in found)
    assert 0.9 - 0.085 <= covered / runs <= 0.9 + 0.085


def test_rows_of_one_customer_count_as_one_draw() -> None:
    """Copying each row ten times adds no evidence when the copies share a unit, and much when they do not."""
    one = numbers(100, 0.1, 4)
    copies = Holdout(
        target=one.target.repeat(10),
        champion=one.champion.repeat(10),
        challenger=one.challenger.repeat(10),
        units=one.units.repeat(10),
    )
    loose = Holdout(
        target=copies.target, champion=copies.champion, challenger=copies.challenger, units=np.arange(1_000)
    )
    width = {
        name: (found := improvement(MetricName.MAE, holdout, confidence=0.95, seed=2)).high - found.low
        for name, holdout in {"one": one, "copies": copies, "loose": loose}.items()
    }
    assert width["copies"] == pytest.approx(width["one"], rel=0.02)
    assert width["loose"] < width["one"] / 2.5


def test_joining_units_into_blocks_keeps_the_interval() -> None:
    """6,000 rows become 2,000 blocks; the interval is that of all rows, from the normal law."""
    holdout = numbers(6_000, 0.05, 8)
    difference = np.abs(holdout.champion - holdout.target) - np.abs(holdout.challenger - holdout.target)
    error = difference.std(ddof=1) / 6_000**0.5
    found = improvement(MetricName.MAE, holdout, confidence=0.95, seed=3)
    assert found.low == pytest.approx(difference.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(difference.mean() + 1.96 * error, abs=0.15 * error)


def test_equal_seeds_give_equal_intervals() -> None:
    holdout = numbers(100, 0.1, 4)
    first, second, other = (improvement(MetricName.RMSE, holdout, confidence=0.95, seed=seed) for seed in (1, 1, 2))
    assert first == second != other


def test_two_equal_models_differ_by_nothing() -> None:
    same = numbers(50, 0.0, 1, spread=0.0)
    found = improvement(MetricName.RMSE, same, confidence=0.95, seed=1)
    assert (found.low, found.high, found.detectable) == (0, 0, 0)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=40).filter(
        lambda rows: {t for t, _, w in rows if w} == {0, 1}
    )
)
def test_weighted_rankings_are_scikit_learns(rows: list[tuple[int, int, int]]) -> None:
    """Ties and rows of weight nought included: a resample is a set of weights."""
    target = np.array([t for t, _, _ in rows])
    scores = np.array([s / 7 for _, s, _ in rows])
    weights = np.array([float(w) for _, _, w in rows])
    ranking = _Ranking.of(target, scores)
    kept = weights > 0
    for metric, reference in (
        (MetricName.ROC_AUC, metrics.roc_auc_score),
        (MetricName.AVERAGE_PRECISION, metrics.average_precision_score),
    ):
        expected = reference(target[kept], scores[kept], sample_weight=weights[kept])
        assert ranking.value(metric, weights) == pytest.approx(expected)
