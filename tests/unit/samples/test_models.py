"""The three models: their suites hold, and each of their expectations can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from slipway import spec
from slipway.results import Severity
from slipway.training.dataset import read
from slipway.training.features import dataset
from slipway.validation import expectations, suite
from slipway.validation.suite import Entry

DATA = Path(__file__).parents[3] / "data"
MODELS = ("diabetes", "fraud", "iris")


@cache
def _spec(name: str) -> spec.ModelSpec:
    return spec.parse((DATA / name / "model.toml").read_bytes(), "model.toml")


@cache
def _table(name: str) -> pa.Table:
    options = _spec(name).data
    return read(DATA / name / options.path, options)


@cache
def _entries(name: str) -> tuple[Entry, ...]:
    return suite.parse((DATA / name / "expectations.json").read_bytes(), "expectations.json")


def _lines(rows: Sequence[int]) -> Sequence[int]:
    return rows


@pytest.mark.parametrize("name", MODELS)
def test_the_model_can_be_trained(name: str) -> None:
    found = dataset(_table(name), _spec(name))
    assert found.columns.names
    assert 0.2 < found.holdout.mean() < 0.3


@pytest.mark.parametrize("name", MODELS)
def test_the_readme_knows_every_column(name: str) -> None:
    text = (DATA / name / "README.md").read_text(encoding="utf-8")
    assert [column for column in _table(name).column_names if f"`{column}`" not in text] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_suite_holds(name: str) -> None:
    suite.check(_entries(name), _table(name).column_names, "expectations.json")
    checks = expectations.run(_entries(name), _table(name), _lines)
    assert [(check.type, check.column, check.observed) for check in checks if not check.passed] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_suite_says_what_blocks_and_what_is_shown(name: str) -> None:
    assert {entry.severity for entry in _entries(name)} >= {Severity.CRITICAL, Severity.WARNING}


@pytest.mark.parametrize("name", MODELS)
def test_every_expectation_can_fail(name: str) -> None:
    toothless = [entry.label for entry in _entries(name) if _passes(entry, _spoiled(entry, _table(name)))]
    assert toothless == []


def _passes(entry: Entry, table: pa.Table) -> bool:
    return expectations.run([entry], table, _lines)[0].passed


def _spoiled(entry: Entry, table: pa.Table) -> pa.Table:
    """The table with the fault that the expectation is there to find."""
    return _FAULTS[entry.type](table, entry.kwargs)


def _replaced(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _filled(table: pa.Table, name: str, value: object, rows: int) -> pa.Table:
    """The first rows of a column with another value."""
    column = table.column(name)
    head = pa.array([value] * rows).cast(column.type, safe=False)
    return _replaced(table, name, pa.chunked_array([head, *column.slice(rows).chunks], type=column.type))


def _as_text(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    column = table.column(kwargs["column"])
    other = pa.array([0.5] * len(column)) if pa.types.is_string(column.type) else column.cast(pa.string())
    return _replaced(table, kwargs["column"], other)


def _emptied(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    rows = int(table.num_rows * (1 - kwargs.get("mostly", 1.0))) + 1
    return _filled(table, kwargs["column"], None, rows)


def _too_large(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    return _filled(table, kwargs["column"], kwargs["max_value"] + 1, 1)


def _unknown(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    return _filled(table, kwargs["column"], "?", 1)


def _without_one_value(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    return table.filter(pc.field(kwargs["column"]) != kwargs["value_set"][0])


def _moved(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    column = table.column(kwargs["column"])
    if pa.types.is_boolean(column.type):
        return _filled(table, kwargs["column"], value=True, rows=table.num_rows // 2)
    return _replaced(table, kwargs["column"], pc.multiply(column.cast(pa.float64()), 3.0))


def _earlier(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    return _shifted(table, kwargs["column"], years=-1)


def _later(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    return _shifted(table, kwargs["column"], years=10)


def _shifted(table: pa.Table, name: str, *, years: int) -> pa.Table:
    span = pa.scalar(years * 365 * 86_400_000, pa.duration("ms"))
    return _replaced(table, name, pc.add(table.column(name), span))


def _swapped(table: pa.Table, kwargs: Mapping[str, Any]) -> pa.Table:
    first, second = kwargs["column_A"], kwargs["column_B"]
    swapped = _replaced(table, first, table.column(second))
    return _replaced(swapped, second, table.column(first))


def _twice(table: pa.Table, _kwargs: Mapping[str, Any]) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


_FAULTS: dict[str, Callable[[pa.Table, Mapping[str, Any]], pa.Table]] = {
    "expect_table_columns_to_match_set": lambda table, _: table.append_column("extra", table.column(0)),
    "expect_table_row_count_to_be_between": lambda table, kwargs: table.slice(0, kwargs["min_value"] - 1),
    "expect_column_values_to_be_of_type": _as_text,
    "expect_column_values_to_be_in_type_list": _as_text,
    "expect_column_values_to_not_be_null": _emptied,
    "expect_column_values_to_be_between": _too_large,
    "expect_column_values_to_be_in_set": _unknown,
    "expect_column_values_to_be_unique": _twice,
    "expect_compound_columns_to_be_unique": _twice,
    "expect_column_distinct_values_to_contain_set": _without_one_value,
    "expect_column_kl_divergence_to_be_less_than": lambda table, _: pa.concat_tables(
        [table.slice(0, 50)] * 9 + [table]
    ),
    "expect_column_mean_to_be_between": _moved,
    "expect_column_median_to_be_between": _moved,
    "expect_column_min_to_be_between": _earlier,
    "expect_column_max_to_be_between": _later,
    "expect_column_pair_values_a_to_be_greater_than_b": _swapped,
}
