"""Rows become arrays as they were in training, quickly or value by value, and always to the same end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.serving import rows
from slipway.serving.rows import Batch, Columns, Extra, Refused

NUMERIC, CATEGORICAL = ("width", "count"), ("kind", "zip")
NAMES = [*NUMERIC, *CATEGORICAL]
COLUMNS = Columns(NUMERIC, CATEGORICAL)
ROW = [7.5, 3, "green", "01067"]


def refusal(names: Any, sent: Any, columns: Columns = COLUMNS) -> str:
    with pytest.raises(Refused) as refused:
        columns.batch(names, sent)
    assert refused.value.status_code == 400
    return str(refused.value)


def same(one: Batch, other: Batch) -> bool:
    return np.array_equal(one.numeric, other.numeric, equal_nan=True) and one.categorical.tolist() == (
        other.categorical.tolist()
    )


@pytest.mark.parametrize("names", [None, [], NAMES])
def test_rows_stand_in_the_models_order_or_by_name(names: Any) -> None:
    batch = COLUMNS.batch(names, [ROW, [None, True, None, 80331]])
    assert batch.numeric.dtype == np.float32
    assert np.array_equal(batch.numeric, [[7.5, 3], [math.nan, 1]], equal_nan=True)
    assert batch.categorical.tolist() == [["green", "01067"], ["", "80331"]]


def test_any_order_of_columns_gives_the_same_arrays() -> None:
    assert same(COLUMNS.batch(NAMES[::-1], [ROW[::-1]]), COLUMNS.batch(None, [ROW]))


def test_columns_of_one_kind_alone_are_read() -> None:
    numbers = Columns(("a", "b"), ()).batch(["b", "a"], [[1, 2], [3, 4]])
    assert numbers.numeric.tolist() == [[2, 1], [4, 3]]
    assert numbers.categorical.shape == (2, 0)
    texts = Columns((), ("a",)).batch(["a"], [["x"], ["y"]])
    assert texts.categorical.tolist() == [["x"], ["y"]]
    assert texts.numeric.shape == (2, 0)


def test_extra_columns_are_refused_or_ignored_as_the_setting_says() -> None:
    names, sent = ["id", *NAMES, "when"], [["a-1", *ROW, "today"]]
    assert "does not read: 'id', 'when'" in refusal(names, sent)
    ignoring = Columns(NUMERIC, CATEGORICAL, extra=Extra.IGNORE)
    assert same(ignoring.batch(names, sent), COLUMNS.batch(None, [ROW]))
    assert "columns are missing: 'zip'" in refusal(["id", *NAMES[:3]], [[1, *ROW[:3]]], ignoring)


@pytest.mark.parametrize(
    ("names", "sent", "said"),
    [
        (NAMES[1:], [ROW[1:]], "columns are missing: 'width'; send null"),
        ([*NAMES, "zip"], [[*ROW, 1]], "named twice: 'zip'"),
        ("width", [ROW], "names must be a list of texts"),
        ([1, 2, 3, 4], [ROW], "names must be a list of texts"),
        ([[]], [ROW], "names must be a list of texts"),
        (None, [], "holds no rows"),
        (None, {"a": 1}, "holds no rows"),
        (None, None, "holds no rows"),
        (None, ROW, "row 1 is no list of values"),
        (None, ["abcd"], "row 1 is no list of values"),
        (None, [ROW, {"a": 1}], "row 2 is no list of values"),
        (None, [ROW, ROW[:3]], "row 2 has 3 values, not one for each of 'width', 'count', 'kind', 'zip'"),
        (None, [ROW, [*ROW, 1]], "row 2 has 5 values"),
        (None, [ROW, ["7.5", *ROW[1:]]], "row 2: column 'width' must be a number or null, not \"7.5\""),
        (None, [[[1], *ROW[1:]]], "row 1: column 'width' must be a number or null, not a list"),
        (None, [[1e39, *ROW[1:]]], "column 'width' must be a finite number"),
        (None, [[-math.inf, *ROW[1:]]], "column 'width' must be a finite number"),
        (None, [[math.nan, 1e300, "a", "b"]], "column 'count' must be a finite number"),
        (None, [[2**53 + 1, *ROW[1:]]], "column 'width' must be a number that 64 bits hold exactly"),
        (None, [[10**400, *ROW[1:]]], "column 'width' must be a number that 64 bits hold exactly"),
        (None, [[1, 2, 1.5, "b"]], "row 1: column 'kind' must be a text or null, not 1.5"),
        (None, [[1, 2, True, "b"]], "column 'kind' must be a text or null, not true"),
        (None, [[1, 2, {"a": 1}, "b"]], "column 'kind' must be a text or null, not an object"),
        (None, [[1, 2, 2**70, "b"]], "column 'kind' must be a text or null, not 11805"),
        (None, [[1, 2, "\ud800", "b"]], "column 'kind' holds half of a surrogate pair"),
    ],
)
def test_what_is_wrong_is_named(names: Any, sent: Any, said: str) -> None:
    assert said in refusal(names, sent)


def test_a_large_number_is_read_in_a_large_batch_too() -> None:
    sent = [[float(n), 1e30, "a", "b"] for n in range(100)]
    assert COLUMNS.batch(None, sent).numeric[99].tolist() == [99, np.float32(1e30)]
    assert "row 100" in refusal(None, [*sent[:99], [math.inf, 1, "a", "b"]])


VALUE: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([])
)


@given(st.lists(st.lists(VALUE, min_size=4, max_size=4), min_size=1, max_size=4))
def test_the_quick_way_ends_as_the_careful_one_does(sent: list[list[Any]]) -> None:
    def careful() -> Batch | str:
        try:
            return Batch(
                np.array(
                    [[rows._number(v, n, at) for v, n in zip(row, NUMERIC, strict=False)] for at, row in each],
                    dtype=np.float32,
                ),
                np.array(
                    [[rows._text(v, n, at) for v, n in zip(row[2:], CATEGORICAL, strict=True)] for at, row in each],
                    dtype=object,
                ),
            )
        except Refused as refused:
            return str(refused)

    each = list(enumerate(sent, start=1))
    expected = careful()
    if isinstance(expected, str):
        assert refusal(None, sent) == expected
    else:
        assert same(COLUMNS.batch(None, sent), expected)


def test_orders_that_clients_make_up_are_not_all_kept() -> None:
    columns = Columns(NUMERIC, CATEGORICAL, extra=Extra.IGNORE)
    for n in range(1000):
        columns.batch([*NAMES, f"extra {n}"], [[*ROW, n]])
    assert len(columns._orders) <= rows._KNOWN_ORDERS
