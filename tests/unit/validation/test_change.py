from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.results import ShiftWord
from slipway.validation import hashes as hashing
from slipway.validation.change import compare, shift, stability_index

BASE = pa.table({"a": [1, 2, 3, 3], "b": ["x", "y", "z", None]})
COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


def chunked(*values: object, kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.mark.parametrize(
    ("rows", "added", "removed"),
    [
        ([(1, "x"), (2, "y"), (3, "z"), (3, None)], 0, 0),
        ([(3, None), (3, "z"), (2, "y"), (1, "x")], 0, 0),
        ([(1, "x"), (1, "x"), (2, "y"), (3, "z"), (3, None)], 1, 0),
        ([(1, "x"), (1, "x"), (1, "x")], 2, 3),
        ([(7, "x"), (8, "y")], 2, 4),
    ],
)
def test_rows_are_compared_as_a_multiset(rows: list[tuple[int, str | None]], added: int, removed: int) -> None:
    now = pa.table(dict(zip("ab", map(list, zip(*rows, strict=True)), strict=True)))
    found = compare(BASE, now, base="abc")
    assert (found.base, found.rows_before, found.rows_added, found.rows_removed) == ("abc", 4, added, removed)


def test_columns_that_came_went_or_changed_type_are_named() -> None:
    now = pa.table({"a": [1.0, 2.0, 3.0, 3.0], "c": [1, 2, 3, 4]})
    found = compare(BASE, now, base="abc")
    assert [(c.name, c.before, c.now) for c in found.columns] == [
        ("a", "int64", "double"),
        ("c", None, "int64"),
        ("b", "string", None),
    ]
    assert (found.rows_added, found.rows_removed) == (0, 0)
    assert [s.column for s in found.shifts] == ["a"]


def test_a_column_of_another_kind_is_left_out_of_the_rows() -> None:
    now = pa.table({"a": ["1", "2", "3", "3"], "b": ["x", "y", "z", None]})
    found = compare(BASE, now, base="abc")
    assert (found.rows_added, found.rows_removed) == (0, 0)
    assert [s.column for s in found.shifts] == ["b"]


def test_tables_with_nothing_in_common_share_no_row() -> None:
    found = compare(BASE, pa.table({"q": [1, 2]}), base="abc")
    assert (found.rows_added, found.rows_removed, found.shifts) == (2, 4, ())


def test_hashes_do_not_depend_on_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hashing.hashes(BASE, BASE.column_names).tolist()
    monkeypatch.setattr(hashing, "_ROWS", 3)
    assert hashing.hashes(BASE, BASE.column_names).tolist() == whole


@pytest.mark.parametrize(
    ("move", "size"),
    [(0.0, ShiftWord.NONE), (0.2, ShiftWord.SMALL), (0.4, ShiftWord.MODERATE), (1.0, ShiftWord.LARGE)],
)
def test_a_normal_that_moves_gets_the_known_index_and_word(move: float, size: ShiftWord) -> None:
    """The symmetric divergence of two unit normals is the square of their distance; deciles see nearly all of it."""
    draw = np.random.default_rng(3)
    before, now = draw.normal(size=50_000), draw.normal(size=50_000) + move
    found = shift("x", chunked(*before), chunked(*now))
    assert found.size is size
    assert found.psi == pytest.approx(move**2, rel=0.2, abs=0.002)
    assert len(found.labels) == len(found.before) == len(found.now) == 10
    assert found.before == pytest.approx([0.1] * 10, abs=0.001)


def test_largest_shifts_come_first() -> None:
    before = pa.table({"a": [1, 2, 3, 4] * 9, "b": ["x", "y"] * 18})
    now = pa.table({"a": [1, 2, 3, 4] * 9, "b": ["x"] * 36})
    assert [s.column for s in compare(before, now, base="c").shifts] == ["b", "a"]


def test_missing_values_and_new_categories_have_bins() -> None:
    found = shift("s", chunked("x", "x", "y", None), chunked("x", "z", "z", "y"))
    assert found.labels == ("x", "y", "other", "missing")
    assert found.before == (0.5, 0.25, 0.0, 0.25)
    assert found.now == (0.25, 0.25, 0.5, 0.0)


def test_rare_categories_share_a_bin() -> None:
    names = [chr(97 + n) for n in range(20)]
    found = shift("s", chunked(*names, *names[:12]), chunked(*names[12:]))
    assert found.labels == (*names[:12], "other")
    assert found.now[-1] == 1.0


def test_a_value_that_fills_deciles_has_its_own_bin() -> None:
    before = chunked(*[0.0] * 90, *[1.0] * 10)
    found = shift("x", before, chunked(*[0.0] * 50, *[1.0] * 30, *[-1.0] * 20))
    assert found.labels == ("below 0", "0", "above 0")
    assert found.now == (0.2, 0.5, 0.3)


@pytest.mark.parametrize(
    ("before", "now", "labels"),
    [
        (chunked(*[True, False]), chunked(*[True, True]), ("false", "true")),
        (chunked(None, None, kind=pa.float64()), chunked(1.0, None), ("other", "missing")),
        (chunked(1.0, 2.0), chunked(None, None, kind=pa.float64()), None),
        (chunked(dt.date(2026, 1, 1), dt.date(2026, 2, 1)), chunked(dt.date(2026, 3, 1), dt.date(2026, 3, 1)), None),
        (chunked("", None), chunked("", ""), ("", "missing")),
    ],
)
def test_odd_columns_are_counted_too(
    before: pa.ChunkedArray, now: pa.ChunkedArray, labels: tuple[str, ...] | None
) -> None:
    found = shift("x", before, now)
    assert math.isfinite(found.psi)
    assert labels is None or found.labels == labels
    assert sum(found.before) == pytest.approx(1)
    assert sum(found.now) == pytest.approx(1)


def test_dates_are_labelled_by_day() -> None:
    days = chunked(*[dt.date(2026, 1, 1 + n) for n in range(20)])
    assert shift("d", days, days).labels[:2] == ("up to 2026-01-02", "2026-01-02 to 2026-01-04")


@given(COUNTS.flatmap(lambda before: st.tuples(st.just(before), st.lists(
    st.integers(0, 1000), min_size=len(before), max_size=len(before)))))  # fmt: skip
def test_the_index_is_never_negative_finite_and_zero_for_equal_counts(sides: tuple[list[int], list[int]]) -> None:
    before, now = (np.array(side) for side in sides)
    assert 0 <= stability_index(before, now) < math.inf
    assert stability_index(before, before) == 0
    assert stability_index(before, now) == pytest.approx(stability_index(now, before))
