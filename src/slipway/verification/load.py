"""A small load: clients that ask at the same time, each on a line of its own, and how long each answer took."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from slipway.adapters.line import Line
from slipway.verification.told import Told

WARM_UP = 3
"""Requests of each client before the clock runs: its line is opened, and code runs for the first time."""
PATIENCE = 3
"""Requests in a row without any HTTP answer, after which the rest is given up."""
_EVERY = 0.1

type Connect = Callable[[], AbstractContextManager[Line]]


@dataclass(frozen=True, kw_only=True)
class Load[Question]:
    """Questions in turn, asked by several clients until there were enough."""

    questions: Sequence[Question]
    ask: Callable[[Line, Question], Told]
    """Ask one: what came of it, and how long it took."""
    connect: Connect
    requests: int
    clients: int
    clock: Callable[[], float]
    _taken: Iterator[int] = field(default_factory=itertools.count)
    """Whoever takes a number asks that one."""
    _told: list[Told] = field(default_factory=list)
    _lines: list[Line] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, advance: Callable[[int], None]) -> tuple[list[Told], float]:
        """What came back, and the seconds from the first request to the last answer; warm-up is part of neither."""
        started = threading.Barrier(self.clients)
        with ThreadPoolExecutor(self.clients) as pool:
            try:
                spans = [pool.submit(self._client, started) for _ in range(self.clients)]
                self._watch(spans, advance)
                begun, ended = zip(*(span.result() for span in spans), strict=True)
            finally:  # an interrupt, among others: nobody waits for what is not wanted any more
                self._over.set()
                started.abort()
                for line in self._lines:
                    line.interrupt()
        return self._told, max(ended) - min(begun)

    def _watch(self, spans: Sequence[Future[tuple[float, float]]], advance: Callable[[int], None]) -> None:
        while wait(spans, timeout=_EVERY, return_when=FIRST_EXCEPTION).not_done:
            advance(len(self._told))
            if any(span.done() and span.exception() for span in spans):
                return
        advance(len(self._told))

    def _client(self, started: threading.Barrier) -> tuple[float, float]:
        silent = 0
        with self.connect() as line:
            self._lines.append(line)
            for question in itertools.islice(itertools.cycle(self.questions), WARM_UP):
                silent = silent + 1 if self.ask(line, question).is_silence else 0
            started.wait()
            began = self.clock()
            while silent < PATIENCE and not self._over.is_set():
                number = next(self._taken)
                if number >= self.requests:
                    return began, self.clock()
                told = self.ask(line, self.questions[number % len(self.questions)])
                self._told.append(told)
                silent = silent + 1 if told.is_silence else 0
        self._over.set()
        return began, self.clock()
