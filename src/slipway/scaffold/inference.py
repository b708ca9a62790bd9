"""From a table to a proposed spec: what to learn, how to split, what to leave out, how long to search.

Pure: the same table gives the same proposal. Whatever is a guess carries its reason, which ends up as
a comment in `model.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from slipway.scaffold.profile import FEW, Kind, Profile
from slipway.training.features import MAX_CATEGORIES
from slipway.training.recipe import MetricName, Task

MOST_CLASSES_OF_NUMBERS = 10
ROWS_A_CLASS = 5
RARE = 0.05
SMALL = 500
LARGE = 20_000
HUGE = 500_000
MOST_SLICES = 2
GROUPS = (2, 8)
ROWS_A_GROUP = 30
FEWEST_OWNERS = 20
ROWS_AN_OWNER = 1.2
FREE_TEXT_LENGTH = 40
FREE_TEXT_SHARE = 0.5
DAYS_TO_SPLIT = 20


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
    drop = dict(_drops(table, others, target, task))
    kept = [column for column in others if column.name not in drop]
    folds = _folds(target, task)
    split_time = _split_time(table, kept, target, task, folds)
    split_key = () if split_time else _split_key(kept)
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
        slices=_slices(left),
        drop=drop,
        nulls=tuple(nulls),
        hints=tuple(_hints(left, split_time)),
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
        reason = f"how well the {share:.2%} of rows that are {_word(target.values[-1])} are ranked above the others"
        return MetricName.AVERAGE_PRECISION, reason
    return MetricName.LOG_LOSS, f"average_precision would suit, were the rare class the later one: {_later(target)}"


def rare_share(target: Profile) -> float | None:
    """The share of the rarer of two classes; None for another number of classes."""
    if len(target.counts) != 2:  # noqa: PLR2004
        return None
    return target.counts[-1][1] / target.filled


def _later(target: Profile) -> str:
    return " < ".join(_word(value) for value in target.values)


def _word(value: object) -> str:
    return (str(value).lower() if isinstance(value, bool) else str(value)[:40]).replace("\n", " ").replace("\r", " ")


def _drops(table: pa.Table, columns: Sequence[Profile], target: Profile, task: Task) -> Iterator[tuple[str, str]]:
    for column in columns:
        reason = _why_drop(column)
        if not reason and task is Task.CLASSIFICATION and _tells(table, column, target):
            reason = "says the same as the target"
        if reason:
            yield column.name, reason


def _why_drop(column: Profile) -> str:
    """Why a person would not show a column to a model; empty if they would."""
    text = column.kind is Kind.TEXT
    named = column.named_id and column.distinct >= FEWEST_OWNERS and not _repeats(column)
    reasons = (
        (column.distinct == 0, "no value in any row"),
        (column.constant, "the same in every row"),
        (column.kind not in (Kind.TEXT, Kind.INTEGER), ""),
        (column.numbered or (column.named_row and column.unique), "numbers the rows"),
        (column.like_dates, "a date, it seems; written as 2026-01-31 it could split the data"),
        (text and column.unique, "another value in every row"),
        (named, "identifies a row"),
        (text and column.distinct > MAX_CATEGORIES and _is_free(column), "free text"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _is_free(column: Profile) -> bool:
    return column.distinct > FREE_TEXT_SHARE * column.filled or column.length > FREE_TEXT_LENGTH


def _tells(table: pa.Table, column: Profile, target: Profile) -> bool:
    """Whether each value of a column stands for one class, and each class for one value."""
    if column.distinct != target.distinct or column.nulls or target.distinct > FEW or column.kind is Kind.DATE:
        return False
    pairs = table.select([column.name, target.name]).group_by([column.name, target.name]).aggregate([])
    return bool(pairs.num_rows == target.distinct)


def _folds(target: Profile, task: Task) -> int:
    wanted = 3 if target.rows >= LARGE else 5
    if task is Task.REGRESSION:
        return wanted if target.rows >= 10 * wanted else 2
    rarest = target.counts[-1][1] if target.counts else 1
    return next((folds for folds in (wanted, 3, 2) if rarest >= 3 * folds), 2)


def _split_time(table: pa.Table, columns: Sequence[Profile], target: Profile, task: Task, folds: int) -> str | None:
    """The date by which the rows are ordered, if every stretch of time knows every class."""
    for column in columns:
        ordered = column.kind is Kind.DATE and column.nulls == 0 and column.ordered
        if ordered and column.distinct >= DAYS_TO_SPLIT and _classes_all_along(table, column, target, task, folds):
            return column.name
    return None


def _classes_all_along(table: pa.Table, column: Profile, target: Profile, task: Task, folds: int) -> bool:
    if task is Task.REGRESSION:
        return True
    order = pc.sort_indices(table, sort_keys=[(column.name, "ascending")])
    ordered = table.column(target.name).take(order)
    training = ordered.slice(0, int(len(ordered) * 0.75))
    size = len(training) // (folds + 1)
    stretches = [training.slice(start * size, size) for start in range(folds + 1)]
    return size > 0 and all(pc.count_distinct(part).as_py() == target.distinct for part in stretches)


def _split_key(columns: Sequence[Profile]) -> tuple[str, ...]:
    owners = [
        column
        for column in columns
        if column.named_id
        and column.kind in (Kind.INTEGER, Kind.TEXT)
        and column.distinct >= FEWEST_OWNERS
        and _repeats(column)
    ]
    return tuple(column.name for column in sorted(owners, key=lambda column: column.distinct)[:1])


def _repeats(column: Profile) -> bool:
    return column.filled >= ROWS_AN_OWNER * column.distinct


def _split_reason(split_key: Sequence[str], split_time: str | None) -> str:
    if split_time:
        return "the newest rows are the holdout, as they will be when the model is used"
    if split_key:
        return "its rows stay on one side, or the model would be judged on what it has seen"
    return ""


def _slices(columns: Sequence[Profile]) -> tuple[str, ...]:
    """Text columns of a few groups, none of them tiny; the most even ones first."""
    fit = [
        column
        for column in columns
        if column.kind is Kind.TEXT
        and GROUPS[0] <= column.distinct <= GROUPS[1]
        and column.counts[-1][1] >= ROWS_A_GROUP
    ]
    fit.sort(key=lambda column: -_evenness(column))
    return tuple(column.name for column in fit[:MOST_SLICES])


def _evenness(column: Profile) -> float:
    shares = np.array([count for _, count in column.counts]) / column.filled
    return float(-(shares * np.log(shares)).sum() / math.log(len(shares)))


def _hints(columns: Sequence[Profile], split_time: str | None) -> Iterator[str]:
    codes = [column.name for column in columns if _like_codes(column)]
    if codes:
        yield f"If these numbers are codes, name them in categorical: {_list(codes)}."
    wide = [c.name for c in columns if c.kind is Kind.TEXT and c.distinct > MAX_CATEGORIES]
    if wide:
        yield f"Only the {MAX_CATEGORIES} most frequent values are told apart in: {_list(wide)}."
    if any(_is_number(column.name) for column in columns):
        yield "Some columns are named by a number: does the first line of the file name the columns?"
    dates = [column.name for column in columns if column.kind is Kind.DATE and column.name != split_time]
    if dates:
        yield f"Dates are not features; make numbers of them if the model should see them: {_list(dates)}."


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _like_codes(column: Profile) -> bool:
    """Whole numbers of few values, or with a name that says so."""
    if not (column.kind is Kind.INTEGER and column.distinct > 2 and not column.ordered):  # noqa: PLR2004
        return False
    return column.named_id or column.name.lower().endswith(("code", "type", "class", "category", "zip", "group"))


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(_word(name) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004


def _trials(rows: int) -> int:
    return next(trials for limit, trials in ((5_000, 40), (LARGE, 32), (HUGE, 24), (math.inf, 12)) if rows < limit)
