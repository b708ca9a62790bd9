"""What is proposed for which table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from slipway.scaffold.inference import Proposal, propose
from slipway.scaffold.profile import profiles
from slipway.training.recipe import MetricName, Task

ROWS = 600


def proposal(columns: dict[str, list[Any]], target: str = "y") -> Proposal:
    table = pa.table({"x": [n % 17 / 10 for n in range(ROWS)], **columns})
    found = profiles(table)
    return propose(table, found, next(c for c in found if c.name == target), "train.csv", ())


def cycle(*values: object) -> list[Any]:
    return [values[n * 7 % len(values)] for n in range(ROWS)]


@pytest.mark.parametrize(
    ("values", "task", "metric"),
    [
        (cycle("a", "b", "c"), Task.CLASSIFICATION, MetricName.LOG_LOSS),
        ([n % 3 != 1 for n in range(ROWS)], Task.CLASSIFICATION, MetricName.LOG_LOSS),
        (cycle(0, 1, 0), Task.CLASSIFICATION, MetricName.LOG_LOSS),
        (cycle(1, 2, 3, 4, 5), Task.CLASSIFICATION, MetricName.LOG_LOSS),
        (cycle(0, 1, 2, 5, 12), Task.REGRESSION, MetricName.RMSE),
        (cycle(*range(40)), Task.REGRESSION, MetricName.RMSE),
        (cycle(0.5, 1.5), Task.REGRESSION, MetricName.RMSE),
        ([n % 40 == 0 for n in range(ROWS)], Task.CLASSIFICATION, MetricName.AVERAGE_PRECISION),
        (["fraud" if n % 40 == 0 else "no" for n in range(ROWS)], Task.CLASSIFICATION, MetricName.LOG_LOSS),
    ],
    ids=["text", "bool", "0-1", "grades", "counts", "many-integers", "floats", "rare", "rare-but-first"],
)
def test_the_task_and_the_metric_follow_the_target(values: list[Any], task: Task, metric: MetricName) -> None:
    found = proposal({"y": values})
    assert (found.task, found.metric) == (task, metric)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("transaction_id", [f"t{n}" for n in range(ROWS)], "another value in every row"),
        ("passengerId", [n * 31 % 997 for n in range(ROWS)], "identifies a row"),
        ("number", list(range(1, ROWS + 1)), "numbers the rows"),
        ("unit", ["kg"] * ROWS, "the same in every row"),
        ("empty", pa.nulls(ROWS, pa.string()), "no value in any row"),
        ("remark", [f"she said {n // 2} words, all of them kind" for n in range(ROWS)], "free text"),
        ("verdict", cycle("guilty", "free"), "says the same as the target"),
        ("day", [f"2020/01/{n % 28 + 1:02}" for n in range(ROWS)], "a date, it seems"),
    ],
)
def test_columns_that_teach_nothing_are_dropped(name: str, values: list[Any], reason: str) -> None:
    found = proposal({name: values, "y": cycle("yes", "no")})
    assert list(found.drop) == [name]
    assert reason in found.drop[name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("price", [n * 31 % 997 for n in range(ROWS)]),
        ("town", [f"town {n % 90}" for n in range(ROWS)]),
        ("grade", cycle("a", "b", "b")),
        ("width", [n / 7 for n in range(ROWS)]),
    ],
    ids=["unique-amounts", "many-names", "few-names", "unique-floats"],
)
def test_columns_that_may_teach_are_kept(name: str, values: list[Any]) -> None:
    assert proposal({name: values, "y": cycle("yes", "no")}).drop == {}


def test_the_rows_of_a_customer_stay_together() -> None:
    columns = {"order_id": [n // 2 for n in range(ROWS)], "customer_id": [n // 6 for n in range(ROWS)]}
    found = proposal({**columns, "y": cycle(1.5, 2.5, 0.1)})
    assert found.split_key == ("customer_id",)
    assert "order_id" in found.drop


def days(step: int = 1, *, shuffled: bool = False) -> list[datetime]:
    order = [n * 7 % ROWS if shuffled else n for n in range(ROWS)]
    return [datetime(2026, 1, 1) + timedelta(days=n // step) for n in order]  # noqa: DTZ001  data have no zone


def test_rows_in_the_order_of_a_date_are_split_by_it() -> None:
    assert proposal({"sold": days(), "y": cycle("yes", "no")}).split_time == "sold"


@pytest.mark.parametrize(
    "columns",
    [
        {"born": days(shuffled=True), "y": cycle("yes", "no")},
        {"sold": [None, *days()[1:]], "y": cycle("yes", "no")},
        {"sold": days(step=100), "y": cycle("yes", "no")},
        {"sold": days(), "y": ["late" if n > 500 else "early" for n in range(ROWS)]},
    ],
    ids=["unordered", "gaps", "few-dates", "a-class-that-comes-late"],
)
def test_rows_in_no_clear_order_are_not(columns: dict[str, list[Any]]) -> None:
    assert proposal(columns).split_time is None


def test_slices_are_two_columns_of_a_few_even_groups() -> None:
    columns = {
        "even": cycle("a", "b", "c"),
        "tiny": ["rare"] * 5 + ["common"] * (ROWS - 5),
        "many": cycle(*"abcdefghijklm"),
        "uneven": cycle(*"aaaaaaaaab"),
        "halves": cycle("left", "right", "left", "right", "right"),
    }
    assert proposal({**columns, "y": cycle(1.5, 2.5, 0.1)}).slices == ("even", "halves")


def test_codes_and_odd_headers_are_pointed_out() -> None:
    hints = " ".join(
        proposal({"zip_code": cycle(10115, 80331, 50667), "5.1": cycle(1, 2), "y": cycle(1.5, 2.5, 0.1)}).hints
    )
    assert "zip_code" in hints
    assert "first line" in hints


def test_a_number_that_tells_the_class_alone_is_pointed_out() -> None:
    weights = [1500 + n if n % 2 else 2600 + n for n in range(ROWS)]
    columns: dict[str, list[Any]] = {
        "weight": weights,
        "y": ["light" if weight < 2400 else "heavy" for weight in weights],
    }
    assert [hint for hint in proposal(columns).hints if "alone" in hint and "weight" in hint]
    mixed = {**columns, "y": cycle("light", "heavy", "heavy")}
    assert not [hint for hint in proposal(mixed).hints if "alone" in hint]
