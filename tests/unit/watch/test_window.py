"""The length of time that `watch --over` takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import InputError
from slipway.watch import window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("30m", 1800), ("12h", 43_200), ("1d", 86_400), ("1d12h", 129_600), ("2w", 1_209_600), ("90s", 90)],
)
def test_a_length_of_time(text: str, seconds: int) -> None:
    assert window.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "10", "d", "-1d", "1.5d", "1D", "1h1d", "1 d", "1d\n", "٣d", "9999999w"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(InputError, match="no length of time"):
        window.parse(text)


@given(st.text(alphabet="0123456789smhdw", max_size=40))
def test_anything_is_a_length_of_time_or_refused(text: str) -> None:
    try:
        assert window.parse(text) > timedelta()
    except InputError as error:
        assert "12h" in str(error)  # noqa: PT017  anything else that is raised fails


@given(st.integers(1, 86_400_000))
def test_what_is_written_is_read_again(seconds: int) -> None:
    over = timedelta(seconds=seconds)
    assert window.parse(window.written(over)) == over
