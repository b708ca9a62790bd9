"""From a table to a proposed spec: what to learn, how to split, what to leave out, how long to search.

Pure: the same table gives the same proposal. Whatever is a guess carries its reason, which ends up as
a comment in `model.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from slipway.scaffold import roles
from slipway.scaffold.profile import Kind, Profile
from slipway.training.features import MAX_CATEGORIES
from slipway.training.recipe import MetricName, Task

MOST_CLASSES_OF_NUMBERS = 10
ROWS_A_CLASS = 5
RARE = 0.05
SMALL = 500
LARGE = 20_000
HUGE = 500_000


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a `model.toml` is to say, and why."""

    path: str
    target: Profile
    columns: tuple[Profile, ...]
    task: Task
    task_reason: str
    metric: MetricName
    metric_reason: str
    holdout: float
    split_key: tuple[str, ...]
    split_time: str | None
    split_reason: str
    slices: tuple[str, ...]
    drop: dict[str, str]
    """Columns to leave out, each with the reason."""
    nulls: tuple[str, ...]
    """Spellings of a missing value, where the usual ones do not suffice."""
    hints: tuple[str, ...]
    """What a person may want to change, a sentence each."""
    trials: int
    folds: int

    @property
    def rows(self) -> int:
        """Rows of the data."""
        return self.target.rows

    @property
    def features(self) -> tuple[Profile, ...]:
        """The columns that the model will see."""
        apart = {self.target.name, *self.drop, *self.split_key, self.split_time}
        return tuple(c for c in self.columns if c.name not in apart and c.kind is not Kind.DATE)


def propose(table: pa.Table, columns: Sequence[Profile], target: Profile, path: str, nulls: Sequence[str]) -> Proposal:
    """Propose a spec for learning `target` from a checked table."""
    others = [column for column in columns if column.name != target.name]
    task, task_reason = _task(target)
    metric, metric_reason = _metric(task, target)
    drop = dict(roles.drops(table, others, target, task))
    kept = [column for column in others if column.name not in drop]
    folds = _folds(target, task)
    split_time = roles.split_time(table, kept, target, task, folds)
    split_key = () if split_time else roles.split_key(kept)
    kept = [column for column in kept if column.name not in split_key]
    numbers = [c.name for c in kept if c.named_id and c.kind is Kind.INTEGER and c.distinct > MAX_CATEGORIES]
    drop |= dict.fromkeys(numbers, "an id: how large its numbers are means nothing")
    left = [column for column in kept if column.name not in drop]
    return Proposal(
        path=path,
        target=target,
        columns=tuple(columns),
        task=task,
        task_reason=task_reason,
        metric=metric,
        metric_reason=metric_reason,
        holdout=0.2 if target.rows < SMALL else 0.25,
        split_key=split_key,
        split_time=split_time,
        split_reason=_split_reason(split_key, split_time),
        slices=roles.slices(left),
        drop=drop,
        nulls=tuple(nulls),
        hints=tuple(roles.hints(table, left, target if task is Task.CLASSIFICATION else None, split_time)),
        trials=_trials(target.rows),
        folds=folds,
    )


def _task(target: Profile) -> tuple[Task, str]:
    few = target.distinct <= MOST_CLASSES_OF_NUMBERS and target.filled >= ROWS_A_CLASS * target.distinct
    few = few and (target.distinct == 2 or _counts_up(target))  # noqa: PLR2004
    if target.kind in (Kind.TEXT, Kind.BOOLEAN):
        return Task.CLASSIFICATION, f"{target.distinct} classes"
    if target.numeric and target.whole and few:
        reason = f"{target.distinct} whole numbers, taken for classes"
        return Task.CLASSIFICATION, reason + ("" if target.distinct == 2 else '; if they are amounts: "regression"')  # noqa: PLR2004
    return Task.REGRESSION, "a number"


def _counts_up(target: Profile) -> bool:
    """Whether whole numbers leave none out, as the numbers of classes do and amounts seldom."""
    return isinstance(target.low, int) and target.low in (0, 1) and target.high == target.low + target.distinct - 1


def _metric(task: Task, target: Profile) -> tuple[MetricName, str]:
    if task is Task.REGRESSION:
        return MetricName.RMSE, "in the target's own unit; mae forgives large errors more"
    share = rare_share(target)
    if share is None or share >= RARE:
        return MetricName.LOG_LOSS, "rewards honest probabilities"
    if target.values[-1] == target.counts[-1][0]:
        reason = (
            f"how well the {share:.2%} of rows that are {roles.word(target.values[-1])} are ranked above the others"
        )
        return MetricName.AVERAGE_PRECISION, reason
    return MetricName.LOG_LOSS, f"average_precision would suit, were the rare class the later one: {_later(target)}"


def rare_share(target: Profile) -> float | None:
    """The share of the rarer of two classes; None for another number of classes."""
    if len(target.counts) != 2:  # noqa: PLR2004
        return None
    return target.counts[-1][1] / target.filled


def _later(target: Profile) -> str:
    return " < ".join(roles.word(value) for value in target.values)


def _folds(target: Profile, task: Task) -> int:
    wanted = 3 if target.rows >= LARGE else 5
    if task is Task.REGRESSION:
        return wanted if target.rows >= 10 * wanted else 2
    rarest = target.counts[-1][1] if target.counts else 1
    return next((folds for folds in (wanted, 3, 2) if rarest >= 3 * folds), 2)


def _split_reason(split_key: Sequence[str], split_time: str | None) -> str:
    if split_time:
        return "the newest rows are the holdout, as they will be when the model is used"
    if split_key:
        return "its rows stay on one side, or the model would be judged on what it has seen"
    return ""


def _trials(rows: int) -> int:
    return next(trials for limit, trials in ((5_000, 40), (LARGE, 32), (HUGE, 24), (math.inf, 12)) if rows < limit)
