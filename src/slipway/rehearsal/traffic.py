"""Live traffic: rows of the model's own data, asked one by one, from all of them or from a part that has moved."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.endpoint import PREDICT, Endpoint, Value, request
from slipway.adapters.line import EndpointError

if TYPE_CHECKING:
    from slipway.spec import ModelSpec

_MOST, _ANSWERED = 1000, 200
_PART = 3
"""Of drifted traffic: the upper third."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that a model is asked about."""

    names: tuple[str, ...]
    usual: tuple[tuple[Value, ...], ...]
    drifted: tuple[tuple[Value, ...], ...]
    """Those of the upper third by the first column: each is a row that might come, and together they are no sample."""


def rows(file: Path, spec: ModelSpec) -> Rows:
    """The rows of a data file, as clients would send them: at most a thousand, evenly from all of it."""
    import numpy as np

    from slipway.training.dataset import read
    from slipway.training.features import dataset, raw

    data = dataset(read(file, spec.data), spec)
    numeric, categorical = raw(data.table, data.columns)
    chosen = np.linspace(0, len(numeric) - 1, min(_MOST, len(numeric))).astype(int)
    usual = tuple(
        (
            *(None if math.isnan(value) else float(value) for value in numeric[row]),
            *(v or None for v in categorical[row]),
        )
        for row in chosen
    )
    ordered = sorted(usual, key=lambda row: (row[0] is not None, row[0]))
    return Rows(names=data.columns.names, usual=usual, drifted=tuple(ordered[-(len(ordered) // _PART or 1) :]))


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
