"""The suite that a person would keep: what must not change, and what would be worth a look if it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from slipway.results import Severity
from slipway.scaffold.bounds import bounds
from slipway.scaffold.inference import RARE, Proposal, rare_share
from slipway.scaffold.profile import Kind, Profile
from slipway.scaffold.suite import Expectation
from slipway.training.recipe import Task

MOST = 80
"""Expectations that somebody still reads."""
CATEGORIES = 20
ROWS_A_CATEGORY = 5


def suite(proposal: Proposal) -> tuple[Expectation, ...]:
    """The suite for the table that was proposed from, by columns.

    In a wide table whole kinds of expectations are left out, the least telling first: missing values of
    features, their ranges, their types.
    """
    features = [column for column in proposal.columns if column.name != proposal.target.name]
    text = [column for column in features if not column.numeric]
    numbers = [column for column in features if column.numeric]
    chosen = [*_of_table(proposal), *_of_target(proposal), *_of_split(proposal)]
    groups = (
        [found for column in features for found in _unique(column, proposal)],
        [found for column in text for found in _types(column, proposal)],
        [found for column in features for found in _categories(column, proposal)],
        [found for column in numbers for found in _types(column, proposal)],
        [found for column in features for found in _ranges(column, proposal)],
        [found for column in features for found in _filled(column, proposal)],
    )
    for group in groups:
        if len(chosen) + len(group) <= MOST:
            chosen += group
    return _in_order(chosen, [column.name for column in proposal.columns])


def _in_order(chosen: Sequence[Expectation], names: Sequence[str]) -> tuple[Expectation, ...]:
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(chosen, key=lambda found: place.get(found.kwargs.get("column", ""), -1)))


def _expect(kind: str, severity: Severity, notes: str = "", **kwargs: Any) -> Expectation:  # noqa: ANN401
    return Expectation(type=f"expect_{kind}", kwargs=kwargs, severity=severity, notes=notes)


def _of_table(proposal: Proposal) -> Iterator[Expectation]:
    yield _expect(
        "table_columns_to_match_set",
        Severity.CRITICAL,
        "The model and its callers know exactly these columns.",
        column_set=[column.name for column in proposal.columns],
        exact_match=True,
    )
    yield _expect(
        "table_row_count_to_be_between",
        Severity.CRITICAL,
        f"Half of the {proposal.rows:,} rows of today; fewer, and the file was cut off.",
        min_value=max(2, _round_down(proposal.rows // 2)),
        max_value=None,
    )


def _round_down(rows: int) -> int:
    unit = 10 ** max(0, len(str(rows)) - 2)
    return rows // unit * unit


def _of_target(proposal: Proposal) -> Iterator[Expectation]:
    target = proposal.target
    yield from _types(target, proposal)
    yield _not_null(target.name, Severity.CRITICAL, "A row without it teaches nothing.")
    if proposal.task is Task.REGRESSION:
        yield _range(target, Severity.WARNING)
        return
    if target.kind is not Kind.BOOLEAN:
        yield _expect(
            "column_values_to_be_in_set",
            Severity.CRITICAL,
            "Another class is another model.",
            column=target.name,
            value_set=_spelled(target),
        )
    yield _expect(
        "column_distinct_values_to_contain_set",
        Severity.CRITICAL,
        "A class that is gone is never predicted.",
        column=target.name,
        value_set=_spelled(target),
    )
    yield from _balance(target)


def _spelled(column: Profile) -> list[Any]:
    return [int(value) if isinstance(value, float) else value for value in column.values]


def _balance(target: Profile) -> Iterator[Expectation]:
    """The mean of a target of 0 and 1 (or false and true) is the share of the second class."""
    if target.values not in ((0, 1), (False, True)):
        return
    count = next(number for value, number in target.counts if value == 1)
    share = count / target.filled
    rare = (rare_share(target) or 1.0) < RARE
    low, high = (share / 3, share * 3) if rare else (share - 0.2, share + 0.2)
    yield _expect(
        "column_mean_to_be_between",
        Severity.WARNING,
        f"The share of the second class is {share:.2g} today; far from it, labels are missing or doubled.",
        column=target.name,
        min_value=float(f"{max(low, 0.0):.1g}"),
        max_value=float(f"{min(high, 1.0):.1g}"),
    )


def _of_split(proposal: Proposal) -> Iterator[Expectation]:
    for name in (*proposal.split_key, *((proposal.split_time,) if proposal.split_time else ())):
        yield _not_null(name, Severity.CRITICAL, "The split goes by it.")


def _not_null(name: str, severity: Severity, notes: str = "") -> Expectation:
    return _expect("column_values_to_not_be_null", severity, notes, column=name)


def _unique(column: Profile, proposal: Proposal) -> Iterator[Expectation]:
    if column.unique and column.named_id and column.name in proposal.drop:
        notes = "A row that was exported twice counts twice."
        yield _expect("column_values_to_be_unique", Severity.CRITICAL, notes, column=column.name)


def _types(column: Profile, proposal: Proposal) -> Iterator[Expectation]:
    if column.distinct == 0:
        return
    names = _type_names(column, csv=proposal.path.lower().endswith(".csv"))
    if len(names) == 1:  # the list form does not know pandas' text type
        yield _expect("column_values_to_be_of_type", Severity.CRITICAL, column=column.name, type_=names[0])
    else:
        yield _expect("column_values_to_be_in_type_list", Severity.CRITICAL, column=column.name, type_list=names)


def _type_names(column: Profile, *, csv: bool) -> list[str]:
    """The names in pandas: a gap makes floats of whole numbers, and a CSV whole numbers of floats without fractions."""
    match column.kind:
        case Kind.TEXT:
            return ["str"]
        case Kind.BOOLEAN:
            return ["bool"]
        case Kind.DATE:
            return ["datetime64"]
    if csv:
        return ["int64", "float64"]
    own = "float32" if column.type == "float" else "float64" if column.type == "double" else column.type
    return list(dict.fromkeys([own, "float64"]))


def _categories(column: Profile, proposal: Proposal) -> Iterator[Expectation]:
    few = 0 < column.distinct <= CATEGORIES and column.filled >= ROWS_A_CATEGORY * column.distinct
    if column.kind is Kind.TEXT and few and column.name not in proposal.drop:
        yield _expect("column_values_to_be_in_set", Severity.WARNING, column=column.name, value_set=_spelled(column))


def _ranges(column: Profile, proposal: Proposal) -> Iterator[Expectation]:
    if column.distinct == 0 or column.name in proposal.drop or column.name in proposal.split_key:
        return
    if column.kind is Kind.DATE:
        yield _first_date(column)
    elif column.numeric and not column.named_id:
        yield _range(column, Severity.WARNING)


def _range(column: Profile, severity: Severity) -> Expectation:
    if not isinstance(column.low, int | float) or not isinstance(column.high, int | float):
        raise TypeError(column.name)
    low, high = bounds(column.name, column.low, column.high, whole=column.whole)
    return _expect("column_values_to_be_between", severity, column=column.name, min_value=low, max_value=high)


def _first_date(column: Profile) -> Expectation:
    if not isinstance(column.low, datetime):
        raise TypeError(column.name)
    return _expect(
        "column_min_to_be_between",
        Severity.WARNING,
        column=column.name,
        min_value=f"{column.low.year:04}-01-01T00:00:00",
        max_value=None,
    )


def _filled(column: Profile, proposal: Proposal) -> Iterator[Expectation]:
    apart = {*proposal.drop, *proposal.split_key, proposal.split_time}
    if column.nulls == 0 and column.name not in apart:
        yield _not_null(column.name, Severity.WARNING)
