"""Bounds that a person would have written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.scaffold.bounds import bounds


@pytest.mark.parametrize(
    ("name", "low", "high", "whole", "expected"),
    [
        ("fare", 0.0, 512.3, False, (0, 800)),
        ("age", 18, 79, True, (0, 110)),
        ("temperature", -7.1, 35.6, False, (-30, 60)),
        ("debt", -800, -20, True, (-1200, 0)),
        ("share", 0.02, 0.7, False, (0, 1)),
        ("flag", 0, 1, True, (0, 1)),
        ("body_mass_g", 2700, 6300, True, (500, 8500)),
        ("model_year", 1970, 1982, True, (1970, 2100)),
        ("latitude", 40.1, 48.9, False, (-90, 90)),
        ("lon", -122.4, -70.0, False, (-180, 180)),
        ("pct_free_meals", 0.0, 97.2, False, (0, 100)),
        ("hour", 0, 23, True, (0, 23)),
        ("month", 1, 12, True, (1, 12)),
        ("tiny", 1.1, 1.3, False, (1, 1.4)),
        ("constant", 5, 5, True, (2, 8)),
        ("zero", 0, 0, True, (0, 1)),
    ],
)
def test_bounds_are_round_and_wide(
    name: str, low: float, high: float, *, whole: bool, expected: tuple[float, float]
) -> None:
    assert bounds(name, low, high, whole=whole) == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2).map(sorted))
def test_what_was_seen_is_within_and_no_sign_is_crossed(seen: list[float]) -> None:
    low, high = seen
    first, last = bounds("x", low, high, whole=False)
    assert first <= low <= high <= last
    assert math.isfinite(first)
    assert math.isfinite(last)
    assert low < 0 or first >= 0
    assert high > 0 or last <= 1


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2).map(sorted))
def test_whole_numbers_keep_whole_bounds(seen: list[int]) -> None:
    first, last = bounds("x", *seen, whole=True)
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert first <= seen[0]
    assert seen[1] <= last
