"""Whether live rows are answered as well as the holdout's were, as far as their truth came back. Pure.

Labels come late, for a part of the rows, or never: that nobody sends any is no finding, and no all-clear either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

CONFIDENCE = 0.99
_Z = 2.3263478740408408
"""The normal distribution's 99% quantile."""
LEAST_ROWS = 30
WORSE = 0.02
"""A share of right answers that is lower by less is left alone."""
WORSE_ERROR = 0.1
"""So is a mean absolute error that is larger by less than this share of it."""


class Metric(StrEnum):
    """What is compared with the holdout."""

    ACCURACY = "accuracy"
    ERROR = "mean absolute error"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Rows whose truth is known, and the metric of them."""

    rows: float
    """Above 0."""
    value: float


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The metric on the live rows whose truth came back, and on the holdout."""

    metric: Metric
    now: Sample | None
    """None where no truth came back."""
    before: Sample | None
    """None where the model does not say how well it did."""

    @property
    def least(self) -> float | None:
        """How much worse it is now at least, with 99% confidence and in the metric's own unit; None if nobody can say.

        Accuracy: the interval for a difference of shares from two Wilson intervals (Newcombe, Interval estimation for
        the difference between independent proportions, 1998, method 10). Mean absolute error: normal, where a single
        error's standard deviation is taken for as large as their mean; it is where they are exponential, and it is
        smaller where they are normal.
        """
        if self.now is None or self.before is None or self.now.rows < LEAST_ROWS:
            return None
        if self.metric is Metric.ACCURACY:
            drop = self.before.value - self.now.value
            return drop - math.hypot(
                self.before.value - _wilson(self.before, -1), _wilson(self.now, 1) - self.now.value
            )
        spread = math.hypot(*(one.value / math.sqrt(one.rows) for one in (self.before, self.now)))
        return self.now.value - self.before.value - _Z * spread

    @property
    def has_regressed(self) -> bool:
        """Whether it is worse by more than is left alone, and not by chance."""
        if self.least is None or self.before is None:
            return False
        return self.least > _left_alone(self.metric, self.before)

    @property
    def is_well(self) -> bool:
        """Whether enough labels came back, and by them it is no worse than is left alone.

        With few labels it may be neither well nor worse beyond doubt.
        """
        if self.least is None or self.now is None or self.before is None:
            return False
        change = self.now.value - self.before.value
        return (-change if self.metric is Metric.ACCURACY else change) <= _left_alone(self.metric, self.before)


def _left_alone(metric: Metric, before: Sample) -> float:
    """By how much it may be worse, in the metric's own unit."""
    return WORSE if metric is Metric.ACCURACY else WORSE_ERROR * before.value


def _wilson(sample: Sample, side: int) -> float:
    """An end of Wilson's interval of a share: the lower for side -1, the upper for 1."""
    share, rows = min(max(sample.value, 0.0), 1.0), sample.rows
    middle = share + _Z**2 / (2 * rows)
    width = _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    return min(1.0, max(0.0, (middle + side * width) / (1 + _Z**2 / rows)))
