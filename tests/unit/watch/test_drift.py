from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.results import ShiftWord
from slipway.validation.change import shift
from slipway.watch.drift import CHANCE, Counts, Moved, measure


def counts(before: list[float], now: list[float], name: str = "x") -> Counts:
    return Counts(name=name, labels=tuple(map(str, range(len(before)))), before=tuple(before), now=tuple(now))


def moved(before: list[float], now: list[float], others: int = 0) -> Moved:
    return next(one for one in measure([counts(before, now), *([counts([1, 1], [1, 1], "y")] * others)])
                if one.counts.name == "x")  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "size", "drifted"),
    [
        ([250] * 4, [250] * 4, ShiftWord.NONE, False),
        ([250] * 4, [280, 220, 260, 240], ShiftWord.NONE, False),
        ([250] * 4, [400, 100, 250, 250], ShiftWord.MODERATE, False),
        ([250] * 4, [700, 100, 100, 100], ShiftWord.LARGE, True),
        ([250] * 4, [7, 1, 1, 1], ShiftWord.NONE, False),
        ([250] * 4, [35, 5, 5, 5], ShiftWord.LARGE, True),
        ([2.5] * 4, [700, 100, 100, 100], ShiftWord.NONE, False),
        ([1000, 0, 0], [0, 500, 0], ShiftWord.LARGE, True),
        ([1000], [1000], ShiftWord.NONE, False),
        ([1000, 0], [10, 0], ShiftWord.NONE, False),
        ([0] * 4, [10] * 4, ShiftWord.NONE, False),
        ([250] * 4, [0] * 4, ShiftWord.NONE, False),
    ],
)
def test_what_a_shift_is_called(before: list[float], now: list[float], size: ShiftWord, *, drifted: bool) -> None:
    found = moved(before, now)
    assert (found.size, found.has_drifted) == (size, drifted)


def test_the_index_is_that_of_validation() -> None:
    draw = np.random.default_rng(1)
    before, now = draw.choice(list("abc"), 400), draw.choice(list("abc"), 90, p=[0.6, 0.3, 0.1])
    expected = shift("x", pa.chunked_array([before.tolist()]), pa.chunked_array([now.tolist()]))
    tallies = [[*(float((rows == name).sum()) for name in "abc"), 0.0, 0.0] for rows in (before, now)]
    assert moved(tallies[0], tallies[1]).psi == pytest.approx(expected.psi)


@pytest.mark.parametrize("rows", [40, 100, 400])
@pytest.mark.parametrize("shares", [[1 / 11] * 11, [0.1] * 10 + [0.0], [0.9, 0.05, 0.03, 0.01, 0.01]])
def test_chance_passes_for_a_drift_no_more_often_than_it_is_said_to(shares: list[float], rows: int) -> None:
    """Of 500 looks without any drift."""
    draw = np.random.default_rng(7)
    before, now = draw.multinomial(1_000, shares, 500), draw.multinomial(rows, shares, 500)
    false = sum(moved(b.tolist(), n.tolist()).has_drifted for b, n in zip(before, now, strict=True))
    assert false <= 500 * CHANCE + 3 * np.sqrt(500 * CHANCE)


def test_the_more_is_looked_at_the_more_it_takes() -> None:
    alone, among = moved([250] * 4, [32, 8, 7, 7]), moved([250] * 4, [32, 8, 7, 7], others=99)
    assert alone.psi == among.psi
    assert alone.noise < among.noise
    assert (alone.has_drifted, among.has_drifted) == (True, False)


def test_the_farthest_comes_first() -> None:
    found = measure([counts([50, 50], [50, 50], "a"), counts([50, 50], [90, 10], "b")])
    assert [one.counts.name for one in found] == ["b", "a"]


TALLY = st.lists(st.floats(min_value=0, max_value=1e12), min_size=1, max_size=20)


@given(TALLY, st.data())
def test_any_counts_give_a_finite_index_and_shares_that_sum_to_one(before: list[float], data: st.DataObject) -> None:
    now = data.draw(st.lists(st.floats(min_value=0, max_value=1e12), min_size=len(before), max_size=len(before)))
    (found,) = measure([counts(before, now)])
    assert found.psi >= 0
    assert np.isfinite([found.psi, found.noise]).all()
    for shares, tally in zip(found.shares, (before, now), strict=True):
        assert sum(shares) == pytest.approx(1.0 if sum(tally) else 0.0)
