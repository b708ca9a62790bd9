"""Endings that come at a bad moment."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway.adapters.signals import held_back


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ending_is_heard_after_the_block(number: int) -> None:
    before = signal.signal(number, signal.default_int_handler)
    done: list[str] = []

    def interrupted() -> None:
        with held_back():
            signal.raise_signal(number)
            done.append("all of it")

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert done == ["all of it"]


def test_other_threads_hear_none() -> None:
    def quiet() -> int:
        with held_back():
            return 1

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(quiet).result() == 1
