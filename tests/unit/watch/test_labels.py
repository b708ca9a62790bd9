from __future__ import annotations

import math

import numpy as np
import pytest

from slipway.watch.labels import Metric, Quality, Sample


def quality(metric: Metric, before: tuple[float, float] | None, now: tuple[float, float] | None) -> Quality:
    samples = [Sample(rows=one[0], value=one[1]) if one else None for one in (before, now)]
    return Quality(metric=metric, before=samples[0], now=samples[1])


@pytest.mark.parametrize(
    ("metric", "before", "now", "regressed"),
    [
        (Metric.ACCURACY, (400, 0.95), (400, 0.95), False),
        (Metric.ACCURACY, (400, 0.95), (400, 0.80), True),
        (Metric.ACCURACY, (400, 0.95), (400, 0.92), False),
        (Metric.ACCURACY, (math.inf, 0.95), (1e6, 0.94), False),  # beyond doubt, and too little to care
        (Metric.ACCURACY, (40, 1.0), (40, 0.95), False),
        (Metric.ACCURACY, (40, 1.0), (40, 0.5), True),
        (Metric.ACCURACY, (400, 0.95), (29, 0.0), False),
        (Metric.ACCURACY, (400, 0.5), (400, 0.99), False),
        (Metric.ACCURACY, (400, 0.95), None, False),
        (Metric.ACCURACY, None, (400, 0.0), False),
        (Metric.ERROR, (400, 2.0), (400, 2.1), False),
        (Metric.ERROR, (400, 2.0), (400, 4.0), True),
        (Metric.ERROR, (400, 2.0), (29, 400.0), False),
        (Metric.ERROR, (math.inf, 2.0), (1e9, 2.15), False),
        (Metric.ERROR, (400, 0.0), (400, 0.0), False),
        (Metric.ERROR, (400, 2.0), (400, 0.1), False),
    ],
)
def test_worse_answers_are_told_beyond_doubt_alone(
    metric: Metric, before: tuple[float, float] | None, now: tuple[float, float] | None, *, regressed: bool
) -> None:
    assert quality(metric, before, now).has_regressed is regressed


@pytest.mark.parametrize(
    ("metric", "before", "now", "well"),
    [
        (Metric.ACCURACY, (400, 0.95), (400, 0.94), True),
        (Metric.ACCURACY, (400, 0.95), (30, 0.99), True),
        (Metric.ACCURACY, (400, 0.95), (40, 0.85), False),  # worse, though it may be by chance
        (Metric.ACCURACY, (400, 0.95), (400, 0.80), False),
        (Metric.ACCURACY, (400, 0.95), (29, 1.0), False),
        (Metric.ACCURACY, (400, 0.95), None, False),
        (Metric.ACCURACY, None, (400, 1.0), False),
        (Metric.ERROR, (400, 2.0), (400, 2.1), True),
        (Metric.ERROR, (40, 2.0), (40, 2.3), False),
        (Metric.ERROR, (400, 0.0), (400, 0.0), True),
    ],
)
def test_well_is_what_labels_enough_say(
    metric: Metric, before: tuple[float, float] | None, now: tuple[float, float] | None, *, well: bool
) -> None:
    found = quality(metric, before, now)
    assert found.is_well is well
    assert not (found.is_well and found.has_regressed)


@pytest.mark.parametrize(("share", "holdout", "rows"), [(0.95, 60, 60), (0.8, 200, 50), (0.99, 500, 500)])
def test_as_right_as_before_is_not_called_worse(share: float, holdout: int, rows: int) -> None:
    draw = np.random.default_rng(5)
    before, now = draw.binomial(holdout, share, 2_000) / holdout, draw.binomial(rows, share, 2_000) / rows
    least = [quality(Metric.ACCURACY, (holdout, b), (rows, n)).least for b, n in zip(before, now, strict=True)]
    assert np.mean([one > 0 for one in least if one is not None]) <= 0.015
    assert None not in least


@pytest.mark.parametrize("kind", ["normal", "laplace"])
def test_errors_as_large_as_before_are_not_called_larger(kind: str) -> None:
    draw = np.random.default_rng(5)
    errors = np.abs(getattr(draw, kind)(size=(2, 2_000, 60))).mean(axis=2)
    least = [quality(Metric.ERROR, (60, b), (60, n)).least for b, n in errors.T]
    assert np.mean([one > 0 for one in least if one is not None]) <= 0.015
