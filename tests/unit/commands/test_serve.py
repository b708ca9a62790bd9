"""What `serve` tells people."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slipway.commands import serve


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_written_as_briefly_as_it_can_be(value: float) -> None:
    short = serve._short(value)
    assert short is not None
    assert np.float32(short) == np.float32(value)
    assert len(repr(short)) <= len(repr(value))


def test_what_a_person_wrote_comes_back() -> None:
    assert [serve._short(value) for value in (4.800000190734863, 3.0, None)] == [4.8, 3.0, None]
