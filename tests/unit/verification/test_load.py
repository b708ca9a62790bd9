"""Clients that ask at the same time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from tests.endpoints import fake

from slipway.adapters.endpoint import Endpoint
from slipway.adapters.line import EndpointError, Kind, Line
from slipway.verification.load import PATIENCE, WARM_UP, Load
from slipway.verification.told import Told, failed


@contextmanager
def nowhere() -> Iterator[Line]:
    """A line that nothing is asked on."""
    with closing(Line("http://127.0.0.1:9")) as line:
        yield line


def load(
    ask: Callable[[Line, int], Told], *, requests: int, clients: int, clock: Callable[[], float] = time.monotonic
) -> Load[int]:
    return Load(questions=range(3), ask=ask, connect=nowhere, requests=requests, clients=clients, clock=clock)


@pytest.mark.parametrize(("requests", "clients"), [(1, 1), (7, 2), (50, 8), (3, 3)])
def test_each_request_is_made_once_and_in_turn(requests: int, clients: int) -> None:
    asked: list[int] = []

    def ask(_: Line, question: int) -> Told:
        asked.append(question)
        return Told(asked=(question,))

    told, _ = load(ask, requests=requests, clients=clients).run(lambda _: None)
    assert sorted(one.asked[0] for one in told) == sorted(number % 3 for number in range(requests))
    assert len(asked) == requests + clients * WARM_UP


def test_the_clock_runs_when_all_are_warm() -> None:
    lock, ticks = threading.Lock(), itertools.count()

    def ask(_: Line, question: int) -> Told:
        with lock:
            next(ticks)
        return Told(asked=(question,))

    _, seconds = load(ask, requests=10, clients=2, clock=lambda: float(next(ticks))).run(lambda _: None)
    assert 10 <= seconds < 10 + 4, "the ten requests, and the clock's own ticks"


def test_silence_is_given_up_by_all() -> None:
    silent = Told(asked=(0,), error=Kind.TIMEOUT.value)
    count = itertools.count()
    told, _ = load(
        lambda _, question: silent if next(count) > 20 else Told(asked=(question,)), requests=1000, clients=4
    ).run(lambda _: None)
    assert len(told) <= 21 + 4 * PATIENCE


def test_a_refusal_is_no_silence() -> None:
    told, _ = load(lambda _, question: Told(asked=(question,), error="503"), requests=50, clients=2).run(lambda _: None)
    assert len(told) == 50


@pytest.mark.parametrize("late", [0, 30])
def test_a_fault_of_our_own_ends_it_at_once(late: int) -> None:
    count = itertools.count()

    def ask(_: Line, question: int) -> Told:
        if next(count) >= late:
            raise ZeroDivisionError
        return Told(asked=(question,))

    with pytest.raises(ZeroDivisionError):
        load(ask, requests=1000, clients=4).run(lambda _: None)


def test_an_interrupt_ends_it_at_once() -> None:
    asked = threading.Event()

    def hang(*_: object) -> None:
        asked.set()
        time.sleep(30)

    def interrupt(_: int) -> None:
        assert asked.wait(5)
        raise KeyboardInterrupt

    def ask(line: Line, question: int) -> Told:
        try:
            line.ask("GET", "/")
        except EndpointError as error:
            return failed(error, (question,))
        return Told(asked=(question,))

    began = time.monotonic()
    with fake(hang) as server:
        waiting = replace(load(ask, requests=100_000, clients=2), connect=Endpoint(url=server.url).connect)
        with pytest.raises(KeyboardInterrupt):
            waiting.run(interrupt)
    assert time.monotonic() - began < 5
