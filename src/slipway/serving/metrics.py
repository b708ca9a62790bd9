"""What a served model tells Prometheus, counted at next to no cost on a request's path.

A request appends what it was and what it got to a list. Every few hundred rows, or when a second has passed, the
list is counted at once, with numpy, in memory that all workers share (`slipway.serving.shared`). A worker that is
killed takes with it what it had not counted: at most `WAITING` rows besides its last batch, from at most a second
where something calls `flush` each second. All workers count in the same series.

The counters say how far live traffic has moved from the training side, with no job that computes it. These rules
give the population stability index of each feature over a day, as `slipway validate` computes it (half a row is added
to each bin; Siddiqi's reading: below 0.1 stable, above 0.25 shifted):

    groups:
      - name: slipway
        rules:
          - record: slipway:feature_rows:before
            expr: >-
              max by (deployment_name, predictor_name, feature, bin) (slipway_feature_reference_ratio)
              * on (deployment_name, predictor_name) group_left ()
              max by (deployment_name, predictor_name) (slipway_reference_rows) + 0.5
          - record: slipway:feature_rows:now
            expr: >-
              sum by (deployment_name, predictor_name, feature, bin) (increase(slipway_feature_total[1d])) + 0.5
              and slipway:feature_rows:before
          - record: slipway:feature_share:before
            expr: >-
              slipway:feature_rows:before / ignoring (bin) group_left ()
              sum without (bin) (slipway:feature_rows:before)
          - record: slipway:feature_share:now
            expr: >-
              slipway:feature_rows:now / ignoring (bin) group_left ()
              sum without (bin) (slipway:feature_rows:now)
          - record: slipway:feature_psi
            expr: >-
              sum without (bin) (
                (slipway:feature_share:now - slipway:feature_share:before)
                * ln(slipway:feature_share:now / slipway:feature_share:before)
              )

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

from slipway.serving.counted import Batch, answers, features, fixed, origin, traffic
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
        self._counted = [*traffic(common), *answers(card, common), *features(bins, common)]
        self._fixed = fixed(card, bins, common)
        self._bounds = [*accumulate((counted.shown.width for counted in self._counted), initial=0)]
        self._slots = Slots(self._bounds[-1], slots=slots)
        self._nothing = np.empty((0, max(1, len(card["classes"]))))
        self._waiting: list[tuple[str, int, float | None, Any, Any, Any]] = []
        self._rewards: list[float] = []
        self._forked()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (renew := forked()) and renew())

    def _forked(self) -> None:
        """What the parent has not counted is the parent's to count; its lock is nobody's here."""
        self._waiting.clear()
        self._rewards.clear()
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

    def rewarded(self, reward: float) -> None:
        """Note the reward of a feedback."""
        self._rewards.append(reward)
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
        waiting, rewards = self._waiting[:], self._rewards[:]
        del self._waiting[: len(waiting)], self._rewards[: len(rewards)]
        self._rows = 0
        self._due = monotonic() + SECONDS
        if waiting or rewards:
            batch = self._batch(waiting, rewards)
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
        self, waiting: Sequence[tuple[str, int, float | None, Any, Any, Any]], rewards: Sequence[float]
    ) -> Batch:
        good = [entry for entry in waiting if entry[5] is not None]
        return Batch(
            requests=[entry[:2] for entry in waiting],
            rewards=rewards,
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
