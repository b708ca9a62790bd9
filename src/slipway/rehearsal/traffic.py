"""Live traffic: clients that ask for one row after the other."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slipway.adapters.endpoint import PREDICT, Endpoint, Value, request
from slipway.adapters.line import EndpointError

_ANSWERED = 200


@dataclass(kw_only=True)
class Sent:
    """What came of the traffic so far."""

    answered: int = 0
    unanswered: int = 0


@contextmanager
def traffic(url: str, rows: Sequence[Sequence[Value]], names: Sequence[str], *, per_second: float) -> Iterator[Sent]:
    """Ask for one row after the other, at a steady pace, until the block ends. Who gets no answer asks the next one."""
    sent, ended = Sent(), threading.Event()
    bodies = itertools.cycle([request([row], names) for row in rows])

    def ask() -> None:
        due = time.monotonic()
        with Endpoint(url=url).connect() as line:
            while not ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + 1 / per_second, time.monotonic() - 1)
                try:
                    answered = line.ask("POST", PREDICT, next(bodies)).status == _ANSWERED
                except EndpointError:
                    answered = False
                sent.answered += answered
                sent.unanswered += not answered

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()
