"""What a served model tells Prometheus, counted at next to no cost on a request's path.

A request appends what it was and what it got to a list. Every few hundred rows, or when a second has passed, the
list is counted at once, with numpy, in memory that all workers share (`slipway.serving.shared`). A worker that is
killed takes with it what it had not counted: at most `WAITING` rows besides its last batch, from at most a second
where something calls `flush` each second. All workers count in the same series.

The counters say how far live traffic has moved from the training side, and the answers from those to the holdout,
with no job that computes it: the rules for it, and for all else that is watched of a model, are in
`gitops/platform/monitoring/models/prometheus-rule.yaml`.

Of Seldon's labels each series has those that say where it comes from: `deployment_name`, `predictor_name` (canary or
not) and `model_name`, where Seldon sets them. The image and the version stand on `slipway_model_info` in the form of
the key, which joins to all others; on every series they would start all of them anew with each release.

`SLIPWAY_FEATURE_METRICS` limits the features that are counted to so many, in the card's order, numbers first; 0 turns
them off. Not set, all are: a number has 11 bins, a category up to 22, each with two series.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway.serving.answers import answers, labelled, reference
from slipway.serving.counted import Batch, features, fixed, origin, traffic
from slipway.serving.exposition import CONTENT_TYPE
from slipway.serving.reference import Bins, Texts
from slipway.serving.shared import SLOTS, Slots

WAITING = 256
"""Rows that wait to be counted; their arrays are kept as long."""
SECONDS = 1.0
"""How long they wait while requests come in."""
LIMIT = "SLIPWAY_FEATURE_METRICS"


class Metrics:
    """The numbers of one served model. Make it before the workers are forked; each then calls it as its own."""

    def __init__(self, card: Mapping[str, Any], *, environ: Mapping[str, str] = os.environ, slots: int = SLOTS) -> None:
        """Of a card, `model.json`. `SystemExit` if the environment asks for what is no number of features."""
        common = origin()
        bins = Bins(card, most=_limit(environ.get(LIMIT, "")))
        self._counted = [
            *(*traffic(common), *answers(card, common)),
            *(*labelled(card, common), *features(bins, common)),
        ]
        self._fixed = [*fixed(card, bins, common), *reference(card, common)]
        self._bounds = [*accumulate((counted.shown.width for counted in self._counted), initial=0)]
        self._slots = Slots(self._bounds[-1], slots=slots)
        self._nothing = np.empty((0, max(1, len(card["classes"]))))
        self._waiting: list[tuple[str, int, float | None, Any, Any, Any]] = []
        self._told: list[tuple[float, int, float, int]] = []
        self._forked()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (renew := forked()) and renew())

    def _forked(self) -> None:
        """What the parent has not counted is the parent's to count; its lock is nobody's here."""
        self._waiting.clear()
        self._told.clear()
        self._rows = 0
        self._due = monotonic() + SECONDS
        self._lock = threading.Lock()

    def answered(
        self,
        *,
        seconds: float,
        numeric: NDArray[np.float32],
        categorical: Texts,
        output: NDArray[Any],
        transport: str = "rest",
    ) -> None:
        """Note a good answer. The arrays are kept until they are counted, so nobody may write to them any more.

        Args:
            seconds: From the request to its answer.
            numeric: Rows x numeric columns, NaN where missing.
            categorical: Rows x categorical columns, empty where missing.
            output: Rows x classes, probabilities; in a regression rows x 1.
            transport: One of `counted.TRANSPORTS`; any other counts as `other`.
        """
        self._waiting.append((transport, 200, seconds, numeric, categorical, output))
        self._rows += len(output)
        if self._rows >= WAITING or monotonic() >= self._due:
            self._count_if_nobody_does()

    def refused(self, *, code: int, seconds: float, transport: str = "rest") -> None:
        """Note any other answer, by its status."""
        self._waiting.append((transport, code, seconds, None, None, None))
        self._rows += 1
        if self._rows >= WAITING or monotonic() >= self._due:
            self._count_if_nobody_does()

    def noted(self, *, code: int, transport: str) -> None:
        """Note an answer that no prediction was tried for, or none succeeded: how long it took tells nothing."""
        self._waiting.append((transport, code, None, None, None, None))

    def told(self, *, reward: float = 0.0, rows: int = 0, measured: float = 0.0, unused: int = 0) -> None:
        """Note a feedback.

        Args:
            reward: Nought is none.
            rows: Of how many the truth was told.
            measured: How many of them were right; in a regression, the sum of their absolute errors.
            unused: How many more there were that another model answered.
        """
        self._told.append((reward, rows, measured, unused))
        self.flush()

    def flush(self) -> None:
        """Count what waits. From any thread, but not from a signal's handler, which may interrupt just this."""
        with self._lock:
            self._count()

    def _count_if_nobody_does(self) -> None:
        """As `flush`, but a request does not wait for a thread that is counting a large batch."""
        if self._lock.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._lock.release()

    def _count(self) -> None:
        waiting, told = self._waiting[:], self._told[:]
        del self._waiting[: len(waiting)], self._told[: len(told)]
        self._rows = 0
        self._due = monotonic() + SECONDS
        if waiting or told:
            batch = self._batch(waiting, told)
            self._slots.add(np.concatenate([counted.increments(batch) for counted in self._counted]))

    def text(self) -> tuple[str, str]:
        """All workers' numbers in Prometheus' text format, and the content type of that."""
        self.flush()
        cells = self._slots.total()
        parts = zip(self._counted, pairwise(self._bounds), strict=True)
        lines = [line for counted, (start, stop) in parts for line in counted.shown.text(cells[start:stop])]
        lines += [line for numbers, values in self._fixed for line in numbers.text(values)]
        return "".join(lines), CONTENT_TYPE

    def _batch(
        self,
        waiting: Sequence[tuple[str, int, float | None, Any, Any, Any]],
        told: Sequence[tuple[float, int, float, int]],
    ) -> Batch:
        good = [entry for entry in waiting if entry[5] is not None]
        return Batch(
            requests=[entry[:2] for entry in waiting],
            rewards=[reward for reward, *_ in told if reward],
            labels=[(rows, measured) for _, rows, measured, _ in told],
            unused=sum(unused for *_, unused in told),
            seconds=np.array([entry[2] for entry in waiting if entry[2] is not None], dtype=np.float64),
            numeric=[entry[3] for entry in good],
            categorical=[entry[4] for entry in good],
            output=np.concatenate([entry[5] for entry in good]) if good else self._nothing,
        )


def _limit(asked: str) -> int | None:
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit()):
        raise SystemExit(f"this model is not served: {LIMIT} must be a number of features, 0 for none, not {asked!r}")
    return int(asked)
