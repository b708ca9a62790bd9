from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import pyarrow as pa
import pytest

from slipway.results import Check, Severity
from slipway.validation import expectations, library
from slipway.validation.suite import check, parse

ROWS = 12
TABLE = pa.table({
    "n": list(range(ROWS)),
    "small": pa.array([*range(ROWS - 1), None], pa.int16()),
    "x": pa.array([0.5] * (ROWS - 2) + [9.5, None], pa.float32()),
    "s": ["a", "b", *["c"] * (ROWS - 4), None, "a very long text " * 9],
    "t": [True, False] * (ROWS // 2),
    "day": [dt.date(2026, 1, 1 + n) for n in range(ROWS)],
    "at": pa.array([dt.datetime(2026, 1, 1 + n, 12) for n in range(ROWS)], pa.timestamp("us")),  # noqa: DTZ001
    "far": [dt.date(2026, 1, 1)] * (ROWS - 1) + [dt.date(9000, 1, 1)],
})  # fmt: skip


def lines(rows: Sequence[int]) -> list[int]:
    return [row + 2 for row in rows]


def run(*asked: tuple[str, dict[str, object]], severity: str = "critical") -> tuple[Check, ...]:
    entries = [{"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity} for kind, kwargs in asked]
    suite = parse(json.dumps({"name": "s", "expectations": entries}).encode(), "suite")
    check(suite, TABLE.column_names, "suite")
    return expectations.run(suite, TABLE, lines)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_be_between", {"column": "small", "min_value": 0, "max_value": 10}),
        ("column_values_to_be_between", {"column": "x", "max_value": 9.5}),
        ("column_values_to_be_between", {"column": "day", "min_value": "2026-01-01", "max_value": "2026-01-12"}),
        ("column_values_to_be_between", {"column": "at", "min_value": "2026-01-01T12:00:00"}),
        ("column_values_to_be_between", {"column": "far", "max_value": "9000-01-01"}),
        ("column_max_to_be_between", {"column": "day", "max_value": "2026-01-12"}),
        ("column_values_to_be_of_type", {"column": "small", "type_": "float64"}),
        ("column_values_to_be_of_type", {"column": "x", "type_": "float32"}),
        ("column_values_to_be_of_type", {"column": "s", "type_": "str"}),
        ("column_values_to_be_of_type", {"column": "t", "type_": "bool"}),
        ("column_values_to_be_in_type_list", {"column": "n", "type_list": ["int64", "float64"]}),
        ("column_values_to_not_be_null", {"column": "x", "mostly": 0.9}),
        ("column_values_to_be_in_set", {"column": "t", "value_set": [True, False]}),
        ("compound_columns_to_be_unique", {"column_list": ["n", "s"]}),
        ("column_pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "small", "or_equal": True}),
        ("table_row_count_to_equal", {"value": ROWS}),
        ("table_columns_to_match_ordered_list", {"column_list": TABLE.column_names}),
        ("column_to_exist", {"column": "x"}),
        (
            "column_values_to_be_in_set",
            {"column": "x", "value_set": [0.5], "row_condition": "n < 10", "condition_parser": "pandas"},
        ),
    ],
)
def test_what_holds_passes(kind: str, kwargs: dict[str, object]) -> None:
    if kind == "column_pair_values_a_to_be_greater_than_b":
        kwargs = {**kwargs, "ignore_row_if": "either_value_is_missing"}
    [found] = run((kind, kwargs))
    assert found.passed, found.observed
    assert found.examples == ()


@pytest.mark.parametrize(
    ("kind", "kwargs", "expected", "observed", "examples"),
    [
        (
            "column_values_to_be_between",
            {"column": "n", "min_value": 0, "max_value": 9},
            "values from 0 to 9",
            "not so in 2 of 12 rows (16.7%)",
            [(12, "10"), (13, "11")],
        ),
        (
            "column_values_to_be_between",
            {"column": "day", "max_value": "2026-01-11"},
            "values at most 2026-01-11",
            "not so in 1 of 12 rows (8.3%)",
            [(13, "2026-01-12")],
        ),
        (
            "column_values_to_be_between",
            {"column": "x", "min_value": 1, "strict_min": True, "mostly": 0.5},
            "values above 1, in at least 50% of the rows",
            "not so in 10 of 11 rows (90.9%); 1 missing",
            [(line, "0.5") for line in range(2, 12)],
        ),
        (
            "column_values_to_not_be_null",
            {"column": "s"},
            "no missing value",
            "not so in 1 of 12 rows (8.3%)",
            [(12, "missing")],
        ),
        (
            "column_values_to_be_in_set",
            {"column": "s", "value_set": ["a", "b", "c"]},
            "values among a, b, c",
            "not so in 1 of 11 rows (9.1%); 1 missing",
            [(13, ("a very long text " * 9)[:59] + "…")],
        ),
        (
            "column_values_to_be_unique",
            {"column": "far", "mostly": 0.5},
            "no value twice, in at least 50% of the rows",
            "not so in 11 of 12 rows (91.7%)",
            None,
        ),
        ("column_mean_to_be_between", {"column": "n", "min_value": 6}, "a mean at least 6", "5.5", []),
        (
            "column_distinct_values_to_be_in_set",
            {"column": "t", "value_set": [True]},
            "only values among True",
            "also False",
            [],
        ),
        ("column_to_exist", {"column": "q"}, "the column is there", "it is not so", []),
        (
            "table_columns_to_match_set",
            {"column_set": ["n", "small", "x", "s", "t", "day", "at", "q"]},
            "the columns are n, small, x, s, t, day, at, q",
            "unexpected: far; missing: q",
            [],
        ),
        (
            "column_quantile_values_to_be_between",
            {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}},
            "quantile values to be between (quantile_ranges quantiles 0.5, value_ranges 0, 1)",
            "0.5: 6",
            [],
        ),
        (
            "column_values_to_match_regex",
            {"column": "s", "regex": "("},
            "values that match (",
            "could not be checked: Invalid regular expression: missing ): (",
            [],
        ),
        (
            "column_values_to_be_between",
            {"column": "s", "min_value": 3},
            "values at least 3",
            "could not be checked: Column values, min_value, and max_value must either be None or of the same type.",
            [],
        ),
        (
            "table_row_count_to_equal_other_table",
            {"other_table_name": "q"},
            "table row count to equal other table (other_table_name q)",
            "could not be checked: PandasExecutionEngine does not currently support multiple named tables.",
            [],
        ),
    ],
)
def test_what_fails_is_said_in_plain_words(
    kind: str, kwargs: dict[str, object], expected: str, observed: str, examples: list[tuple[int, str]] | None
) -> None:
    [found] = run((kind, kwargs))
    assert not found.passed
    assert found.expected == expected
    assert found.observed == observed
    if examples is not None:
        assert [(row.line, row.value) for row in found.examples] == examples


def test_checks_keep_the_suites_order_and_severity() -> None:
    asked: list[tuple[str, dict[str, object]]] = [
        ("column_values_to_be_unique", {"column": "s"}),
        ("table_row_count_to_equal", {"value": 3}),
        ("column_values_to_match_regex", {"column": "s", "regex": "("}),
        ("column_values_to_be_between", {"column": "n", "min_value": 0}),
        ("column_values_to_be_unique", {"column": "n"}),
    ]
    found = run(*asked, severity="warning")
    assert [(c.type.removeprefix("expect_"), c.column) for c in found] == [(k, kw.get("column")) for k, kw in asked]
    assert [c.passed for c in found] == [False, False, False, True, True]
    assert {c.severity for c in found} == {Severity.WARNING}


def test_a_failing_check_counts_all_rows_and_shows_ten() -> None:
    [found] = run(("column_values_to_be_between", {"column": "n", "min_value": 100}))
    assert (found.failing_rows, len(found.examples)) == (ROWS, 10)


def test_the_description_of_an_expectation_is_its_authors() -> None:
    entry = {
        "type": "expect_table_row_count_to_equal", "kwargs": {"value": 3},
        "description": "three, as the contract says",
    }  # fmt: skip
    suite = parse(json.dumps({"name": "s", "expectations": [entry]}).encode(), "suite")
    [found] = expectations.run(suite, TABLE, lines)
    assert (found.expected, found.observed) == ("three, as the contract says", "12")


def test_large_tables_give_their_frames_back(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[bool] = []
    monkeypatch.setattr(expectations, "_MANY", 1)
    monkeypatch.setattr(library, "release", lambda: released.append(True))
    run(("column_values_to_be_unique", {"column": "n"}), ("column_values_to_be_unique", {"column": "at"}))
    assert len(released) == 2
