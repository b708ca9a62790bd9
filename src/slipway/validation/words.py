"""Expectations and what came of them, in plain words."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.validation.suite import Entry

LONGEST = 60
_LISTED = 12
_SENTENCE = 200

_ASKED = {
    "expect_column_to_exist": "the column is there",
    "expect_table_columns_to_match_set": "the columns are {column_set}",
    "expect_table_columns_to_match_ordered_list": "the columns are, in this order, {column_list}",
    "expect_table_column_count_to_be_between": "{between} columns",
    "expect_table_column_count_to_equal": "{value} columns",
    "expect_table_row_count_to_be_between": "{between} rows",
    "expect_table_row_count_to_equal": "{value} rows",
    "expect_column_values_to_not_be_null": "no missing value",
    "expect_column_values_to_be_null": "no value at all",
    "expect_column_values_to_be_between": "values {between}",
    "expect_column_values_to_be_in_set": "values among {value_set}",
    "expect_column_values_to_not_be_in_set": "no value among {value_set}",
    "expect_column_values_to_be_unique": "no value twice",
    "expect_column_values_to_be_of_type": "values of type {type_}",
    "expect_column_values_to_be_in_type_list": "values of one of the types {type_list}",
    "expect_column_values_to_match_regex": "values that match {regex}",
    "expect_column_values_to_not_match_regex": "no value that matches {regex}",
    "expect_column_value_lengths_to_be_between": "{between} characters",
    "expect_column_value_lengths_to_equal": "{value} characters",
    "expect_column_values_to_be_increasing": "values that never fall",
    "expect_column_values_to_be_decreasing": "values that never rise",
    "expect_column_mean_to_be_between": "a mean {between}",
    "expect_column_median_to_be_between": "a median {between}",
    "expect_column_min_to_be_between": "a lowest value {between}",
    "expect_column_max_to_be_between": "a highest value {between}",
    "expect_column_sum_to_be_between": "a sum {between}",
    "expect_column_stdev_to_be_between": "a standard deviation {between}",
    "expect_column_unique_value_count_to_be_between": "{between} different values",
    "expect_column_proportion_of_unique_values_to_be_between": "a share of different values {between}",
    "expect_column_proportion_of_non_null_values_to_be_between": "a share of present values {between}",
    "expect_column_distinct_values_to_be_in_set": "only values among {value_set}",
    "expect_column_distinct_values_to_contain_set": "each of {value_set} at least once",
    "expect_column_distinct_values_to_equal_set": "exactly the values {value_set}",
    "expect_column_most_common_value_to_be_in_set": "a most frequent value among {value_set}",
    "expect_column_pair_values_a_to_be_greater_than_b": "{column_A} above {column_B}",
    "expect_column_pair_values_to_be_equal": "{column_A} equal to {column_B}",
    "expect_compound_columns_to_be_unique": "no combination of {column_list} twice",
    "expect_multicolumn_sum_to_equal": "{column_list} sum to {sum_total}",
}
_SAID = frozenset({"column", "mostly", "row_condition", "condition_parser", "strict_min", "strict_max"})


def expected(entry: Entry) -> str:
    """What an expectation asks for: its description, or words for the common types, or its own name and kwargs."""
    if entry.description:
        return entry.description
    kwargs = entry.kwargs
    form = _ASKED.get(entry.type)
    text = form.format_map(_Spoken(kwargs)) if form else _unknown(entry)
    mostly = kwargs.get("mostly", 1)
    if isinstance(mostly, numbers.Real) and mostly < 1:
        text += f", in at least {value(float(mostly) * 100)}% of the rows"
    if condition := kwargs.get("row_condition"):
        text += f", where {value(condition)}"
    return text


def observed(result: Mapping[str, Any], *, passed: bool) -> str:
    """What was found, from the result that Great Expectations gives."""
    if result.get("unexpected_count") is not None and "element_count" in result:
        return _rows(result)
    mismatched = (result.get("details") or {}).get("mismatched")
    if mismatched:
        return _mismatch(mismatched)
    if (found := result.get("partial_unexpected_list")) and not passed:
        return f"also {listed(list(dict.fromkeys(map(value, found))))}"
    seen = result.get("observed_value")
    if seen is not None and not (passed and isinstance(seen, list)):
        return value(seen)
    return "so it is" if passed else "it is not so"


def value(seen: object) -> str:
    """A value in at most 60 characters."""
    match seen:
        case None:
            text = "missing"
        case bool() | str():
            text = str(seen)
        case float() if seen != seen:  # noqa: PLR0124  NaN
            text = "missing"
        case numbers.Integral():
            text = f"{int(seen):,}"
        case numbers.Real():
            text = f"{float(seen):,.6g}"
        case dict() if set(seen) == {"quantiles", "values"}:
            text = listed([f"{q:g}: {value(v)}" for q, v in zip(seen["quantiles"], seen["values"], strict=True)])
        case dict():
            text = listed([f"{key} {value(part)}" for key, part in seen.items()])
        case list() | tuple() | set() | frozenset():
            text = listed([value(part) for part in seen])
        case _:
            text = str(seen)
    text = text.removesuffix(".000000000").removesuffix("T00:00:00").removesuffix(" 00:00:00")
    text = " ".join(text.split()) if text.strip() else repr(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def sentence(message: str) -> str:
    """A library's message on one line, in at most 200 characters."""
    text = " ".join(message.split())
    return text if len(text) <= _SENTENCE else text[: _SENTENCE - 1] + "…"


def listed(texts: Sequence[str]) -> str:
    """A list of which the end is left out when it is long."""
    return ", ".join(texts[:_LISTED]) + (f" and {len(texts) - _LISTED:,} more" if len(texts) > _LISTED else "")


class _Spoken(dict[str, Any]):
    """Kwargs, put into words."""

    def __missing__(self, key: str) -> str:
        return "?"

    def __getitem__(self, key: str) -> str:
        if key == "between":
            return _between(self)
        found = super().__getitem__(key) if key in self else self.__missing__(key)
        return listed([value(part) for part in found]) if isinstance(found, list) else value(found)


def _between(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    least = "above" if kwargs.get("strict_min") else "at least"
    most = "below" if kwargs.get("strict_max") else "at most"
    strict = kwargs.get("strict_min") or kwargs.get("strict_max")
    if low is None or high is None:
        return f"{most} {value(high)}" if low is None else f"{least} {value(low)}"
    return f"{least} {value(low)} and {most} {value(high)}" if strict else f"from {value(low)} to {value(high)}"


def _unknown(entry: Entry) -> str:
    name = entry.type.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    named = ", ".join(f"{key} {value(part)}" for key, part in entry.kwargs.items() if key not in _SAID)
    return f"{name} ({named})" if named else name


def _rows(result: Mapping[str, Any]) -> str:
    missing = result.get("missing_count") or 0
    looked_at = result["element_count"] - missing
    unexpected = result["unexpected_count"]
    aside = f"; {missing:,} missing" if missing else ""
    if not unexpected:
        return f"all {looked_at:,} rows{aside}"
    return f"not so in {unexpected:,} of {looked_at:,} rows ({_percent(unexpected / looked_at)}){aside}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"  # noqa: PLR2004


def _mismatch(mismatched: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(mismatched, Mapping):
        parts = [f"{kind}: {listed([value(name) for name in names])}" for kind, names in mismatched.items() if names]
        return "; ".join(parts)
    return listed([
        f"{place['Found'] or 'nothing'} where {place['Expected'] or 'nothing'} is expected" for place in mismatched
    ])  # fmt: skip
