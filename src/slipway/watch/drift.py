"""How far live rows have moved from the training side's, and whether that is more than chance. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import chdtri

from slipway.results import ShiftWord
from slipway.validation.change import THRESHOLDS, stability_index

CHANCE = 0.0002
"""How often one look at a model may call chance a drift, over all that it looks at. It is looked at every hour, so at
one in a hundred a model with a few rows a day would be called drifted nearly every second month."""
LEAST_ROWS = 30
"""With fewer the index tells nothing, whatever it is."""


class Subject(StrEnum):
    """What is counted."""

    FEATURE = "feature"
    PREDICTIONS = "predictions"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """A feature, or the predictions, in the bins of the training reference."""

    name: str
    """The feature's; it may be anything."""
    subject: Subject = Subject.FEATURE
    labels: tuple[str, ...]
    before: tuple[float, ...]
    """Rows in each bin of the training side, or for predictions of the holdout."""
    now: tuple[float, ...]
    """Live rows in each bin; what Prometheus counts over a window are fractions of rows."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How far something has moved."""

    counts: Counts
    psi: float
    noise: float
    """What the index reaches by chance alone, with as many rows, in one of five thousand looks."""

    @property
    def rows(self) -> float:
        """Live rows that were looked at."""
        return sum(self.counts.now)

    @property
    def is_told(self) -> bool:
        """Whether so many rows could show a large shift at all."""
        return min(self.rows, sum(self.counts.before)) >= LEAST_ROWS

    @property
    def has_drifted(self) -> bool:
        """A large shift, which chance does not explain."""
        return self.is_told and self.psi >= max(THRESHOLDS[ShiftWord.LARGE], self.noise)

    @property
    def is_well(self) -> bool:
        """No large shift, on rows enough to tell. A large one on few rows is neither well nor more than chance."""
        return self.is_told and self.psi < THRESHOLDS[ShiftWord.LARGE]

    @property
    def size(self) -> ShiftWord:
        """The usual word for it; none for what chance explains."""
        if not self.is_told or self.psi < self.noise:
            return ShiftWord.NONE
        return next((word for word, least in THRESHOLDS.items() if self.psi >= least), ShiftWord.NONE)

    @property
    def shares(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of the rows before and now."""
        return _shares(self.counts.before), _shares(self.counts.now)


def measure(all_counts: Sequence[Counts]) -> tuple[Moved, ...]:
    """How far each has moved, the farthest first.

    The population stability index, as `slipway validate` has it of two versions of the data: over the bins that have
    a row on either side, with half a row added to each.

    Where nothing has moved, the index of n and m rows in B bins is distributed as (1/n + 1/m) times chi-squared with
    B - 1 degrees of freedom (Yurdakul, Statistical properties of population stability index, 2018). Beyond its 99.98%
    quantile it is not by chance; with many features to look at, beyond the quantile that all of them together exceed
    so seldom (Bonferroni). Rows that depend on each other, such as one caller's, are fewer than they look.
    """
    found = [_moved(counts, len(all_counts)) for counts in all_counts]
    return tuple(sorted(found, key=lambda moved: -moved.psi))


def _moved(counts: Counts, tests: int) -> Moved:
    before, now = np.array(counts.before, dtype=float), np.array(counts.now, dtype=float)
    kept = before + now > 0
    rows = before.sum(), now.sum()
    if min(rows) < 1 or kept.sum() <= 1:
        return Moved(counts=counts, psi=0.0, noise=0.0)
    spread = 1 / rows[0] + 1 / rows[1]
    noise = float(spread * chdtri(kept.sum() - 1, CHANCE / tests))
    return Moved(counts=counts, psi=stability_index(before[kept], now[kept]), noise=noise)


def _shares(rows: Sequence[float]) -> tuple[float, ...]:
    total = sum(rows)
    return tuple(count / total if total else 0.0 for count in rows)
