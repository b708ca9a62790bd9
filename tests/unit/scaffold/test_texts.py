"""How a proposal reads: the suite, the spec and the README."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.results import Severity
from slipway.scaffold.expectations import MOST, suite
from slipway.scaffold.inference import Proposal, propose
from slipway.scaffold.profile import profiles
from slipway.scaffold.suite import Expectation, suite_text
from slipway.scaffold.writer import model_toml, readme, toml_string
from slipway.spec import parse

ROWS = 400


def proposal(columns: dict[str, Any], target: str = "y") -> Proposal:
    table = pa.table({"y": ["no", "yes", "no", "maybe"] * (ROWS // 4), **columns})
    found = profiles(table)
    return propose(table, found, next(c for c in found if c.name == target), "train.csv", ("?",))


def chosen(found: tuple[Expectation, ...], column: str) -> dict[str, Expectation]:
    return {e.type.removeprefix("expect_column_"): e for e in found if e.kwargs.get("column") == column}


def test_a_column_that_was_full_is_expected_to_stay_so() -> None:
    found = suite(proposal({"full": [1.5, 2.0] * 200, "gaps": [None, 2.5] * 200}))
    assert chosen(found, "y")["values_to_not_be_null"].severity is Severity.CRITICAL
    assert chosen(found, "full")["values_to_not_be_null"].severity is Severity.WARNING
    assert "values_to_not_be_null" not in chosen(found, "gaps")


def test_classes_are_fixed_and_categories_only_watched() -> None:
    found = suite(proposal({"colour": ["red", "blue"] * 200}))
    assert chosen(found, "y")["values_to_be_in_set"].severity is Severity.CRITICAL
    assert chosen(found, "y")["values_to_be_in_set"].kwargs["value_set"] == ["maybe", "no", "yes"]
    assert chosen(found, "colour")["values_to_be_in_set"].severity is Severity.WARNING


def test_a_text_of_many_values_is_no_category() -> None:
    assert "values_to_be_in_set" not in chosen(suite(proposal({"town": [f"t{n % 50}" for n in range(ROWS)]})), "town")


def test_ids_are_unique_and_have_no_range() -> None:
    found = chosen(suite(proposal({"order_id": list(range(ROWS)), "x": [1, 2] * 200})), "order_id")
    assert "values_to_be_unique" in found
    assert "values_to_be_between" not in found


def test_a_wide_table_gets_a_suite_that_is_still_read() -> None:
    wide = proposal({f"x{n}": [n + row % 7 for row in range(ROWS)] for n in range(200)})
    found = suite(wide)
    assert 5 <= len(found) <= MOST
    assert found[0].type == "expect_table_columns_to_match_set"


def test_a_suite_is_json_with_one_key_a_line() -> None:
    entries = [Expectation(type="expect_x", kwargs={"column": "ä"}, severity=Severity.INFO, notes="why")] * 2
    text = suite_text("m", entries)
    assert '      "kwargs": {"column": "ä"},\n' in text
    assert json.loads(text) == {"name": "m", "meta": {}, "expectations": [entry.to_dict() for entry in entries]}


def test_an_empty_suite_is_one() -> None:
    assert json.loads(suite_text("m", []))["expectations"] == []


def test_the_spec_says_what_was_proposed() -> None:
    given_columns = {"x": [1.5, 2.0] * 200, "group": ["a", "b"] * 200, "order_id": list(range(ROWS))}
    found = parse(model_toml(proposal(given_columns)).encode(), "model.toml")
    assert found.data.slices == ("group",)
    assert found.data.drop == ("order_id",)
    assert "?" in found.data.nulls
    assert found.gate.max_slice_regression is not None


@pytest.mark.parametrize("rows", [40, 30_000, 600_000])
def test_the_budget_follows_the_rows(rows: int) -> None:
    table = pa.table({"x": pa.array(range(rows)), "y": [0.5, 1.5] * (rows // 2)})
    found = profiles(table)
    spec = parse(model_toml(propose(table, found, found[1], "t.parquet", ())).encode(), "model.toml")
    assert spec.search.trials <= 40
    assert spec.search.random_forest is not None
    assert (spec.search.random_forest.max_samples is not None) == (rows > 20_000)


@given(st.text())
def test_any_name_can_stand_in_toml(name: str) -> None:
    assert tomllib.loads(f"x = {toml_string(name)}") == {"x": name}


def test_the_readme_has_a_row_for_each_column() -> None:
    text = readme("m", proposal({"a|b": [1, 2] * 200, "gap": [None, "v"] * 200}), source="my file.csv")
    assert "| `a\\|b` | integer |" in text
    assert "| `gap` | text | 50.0% |" in text
    assert "my file.csv" in text
