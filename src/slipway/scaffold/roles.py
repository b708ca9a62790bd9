"""What each column is for: to learn from, to split by, to judge apart, or to leave out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from slipway.scaffold.profile import FEW, Kind, Profile
from slipway.training.features import MAX_CATEGORIES
from slipway.training.recipe import Task

MOST_SLICES = 2
GROUPS = (2, 8)
ROWS_A_GROUP = 30
FEWEST_OWNERS = 20
ROWS_AN_OWNER = 1.2
FREE_TEXT_LENGTH = 40
FREE_TEXT_SHARE = 0.5
DAYS_TO_SPLIT = 20
CODE_NAMES = ("code", "type", "class", "category", "zip", "group")


def drops(table: pa.Table, columns: Sequence[Profile], target: Profile, task: Task) -> Iterator[tuple[str, str]]:
    """The columns that the model should not see, each with the reason."""
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
    return column.distinct >= FREE_TEXT_SHARE * column.filled or column.length > FREE_TEXT_LENGTH


def _tells(table: pa.Table, column: Profile, target: Profile) -> bool:
    """Whether each value of a column stands for one class, and each class for one value."""
    if column.distinct != target.distinct or column.nulls or target.distinct > FEW or column.kind is Kind.DATE:
        return False
    pairs = table.select([column.name, target.name]).group_by([column.name, target.name]).aggregate([])
    return bool(pairs.num_rows == target.distinct)


def split_time(table: pa.Table, columns: Sequence[Profile], target: Profile, task: Task, folds: int) -> str | None:
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


def split_key(columns: Sequence[Profile]) -> tuple[str, ...]:
    """The id that most rows share: of customers, say, rather than of their orders."""
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


def slices(columns: Sequence[Profile]) -> tuple[str, ...]:
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


def hints(
    table: pa.Table, columns: Sequence[Profile], classes: Profile | None, split_time: str | None
) -> Iterator[str]:
    """What a person may want to change about the columns that are left, a sentence each."""
    alone = [c.name for c in columns if classes and c.numeric and _decides(table, c, classes)]
    if alone:
        yield f"Each of these tells the target alone; if it is known only afterwards, drop it: {_list(alone)}."
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


def _decides(table: pa.Table, column: Profile, target: Profile) -> bool:
    """Whether each class has a stretch of the column's numbers to itself."""
    if column.distinct < target.distinct:
        return False
    pairs = pa.table({"class": table.column(target.name), "number": table.column(column.name)})
    stretches = pairs.group_by("class").aggregate([("number", "min"), ("number", "max")]).sort_by("number_min")
    ends, starts = stretches.column("number_max").to_pylist(), stretches.column("number_min").to_pylist()
    if None in (*ends, *starts):
        return False
    return all(end < start for end, start in zip(ends, starts[1:], strict=False))


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
    return column.named_id or column.name.lower().endswith(CODE_NAMES)


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(word(name) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004


def word(value: object) -> str:
    """A value or a name as it can stand in a comment."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text[:40])
