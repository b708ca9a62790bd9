from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.report import numbers


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.0, None, "0"),
        (0.5, None, "0.5"),
        (0.0712345, None, "0.07123"),
        (12_345.678, None, "12,346"),
        (12_345.678, 1, "12,345.7"),
        (-3.0, None, "−3"),
        (-0.0001, 2, "0.00"),
        (1e-9, None, "1.00e−09"),
        (3e15, None, "3.00e+15"),
        (math.nan, None, "–"),
        (math.inf, None, "–"),
        (None, None, "–"),
    ],
)
def test_number(value: float | None, places: int | None, text: str) -> None:
    assert numbers.number(value, places) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(0.0712, 3, "+0.071"), (-0.0712, 3, "−0.071"), (0.0001, 2, "0.00"), (0.0, 2, "0.00"), (2.0, None, "+2")],
)
def test_signed(value: float, places: int | None, text: str) -> None:
    assert numbers.signed(value, places) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.125, "12%"), (1 / 3, "33%"), (0.003, "0.3%"), (0.9997, "99.97%"),
     (1e-9, "<0.0001%"), (1 - 1e-9, ">99.9999%"), (math.nan, "–")],
)  # fmt: skip
def test_percent(share: float, text: str) -> None:
    assert numbers.percent(share) == text


@given(st.floats(min_value=0, max_value=1))
def test_only_none_and_all_are_0_and_100_percent(share: float) -> None:
    assert (numbers.percent(share) == "0%") == (share == 0)
    assert (numbers.percent(share) == "100%") == (share == 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (72.2, "1 min 12 s"),
        (7_500.0, "2 h 5 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(812, "812 B"), (41_200, "41 kB"), (1_234_567, "1.2 MB")])
def test_size(size: int, text: str) -> None:
    assert numbers.size(size) == text


def test_count() -> None:
    assert [numbers.count(n, "row") for n in (0, 1, 12_345)] == ["0 rows", "1 row", "12,345 rows"]


def test_milliseconds() -> None:
    assert [numbers.milliseconds(v) for v in (0.0432, 12.3)] == ["0.043 ms", "12 ms"]


@pytest.mark.parametrize(
    ("values", "digits", "places"), [([0.08], 2, 3), ([0.04], 2, 3), ([3.5, 100.0], 3, 0), ([], 3, 3)]
)
def test_decimals(values: list[float], digits: int, places: int) -> None:
    assert numbers.decimals(values, digits) == places
