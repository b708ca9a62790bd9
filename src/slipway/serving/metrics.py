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
them off. Not set, all are: a feature has up to 12 bins (22 of categories), each with two series.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import accumulate, pairwise
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exposition import CONTENT_TYPE, Histogram, Labels, Numbers, distinct
from .reference import Bins, Texts
from .shared import SLOTS, Floats, Slots

WAITING = 256
"""Rows that wait to be counted; their arrays are kept as long."""
SECONDS = 1.0
"""How long they wait while requests come in."""
LIMIT = "SLIPWAY_FEATURE_METRICS"
TRANSPORTS = ("rest", "grpc", "other")
CODES = (200, *(code.value for code in HTTPStatus if code > HTTPStatus.OK), *range(1, 17))
"""HTTP's, and gRPC's own for what went wrong. One that is unknown counts as its hundred, as RFC 9110 reads it."""
LATENCIES = (*(float(f"{digit}e{power}") for power in range(-4, 1) for digit in (1, 2.5, 5)), 10.0)
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)
_PLACES = {pair: n for n, pair in enumerate((name, code) for name in TRANSPORTS for code in CODES)}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is counted at once: all answers, and of the good ones the rows."""

    requests: Sequence[tuple[str, int]]
    seconds: Floats
    numeric: Sequence[NDArray[np.float32]]
    categorical: Sequence[Texts]
    output: NDArray[Any]
    """Rows x classes, or x 1."""


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """Numbers that are shown, and how much a batch adds to each."""

    shown: Numbers | Histogram
    increments: Callable[[Batch], Floats]


class Metrics:
    """The numbers of one served model. Make it before the workers are forked; each then calls it as its own."""

    def __init__(self, card: Mapping[str, Any], *, environ: Mapping[str, str] = os.environ, slots: int = SLOTS) -> None:
        """Of a card, `model.json`. `SystemExit` if the environment asks for what is no number of features."""
        common = origin()
        bins = Bins(card, most=_limit(environ.get(LIMIT, "")))
        self._counted = [*_traffic(common), *_answers(card, common), *_features(bins, common)]
        self._fixed = _fixed(card, bins, common)
        self._bounds = [*accumulate((counted.shown.width for counted in self._counted), initial=0)]
        self._slots = Slots(self._bounds[-1], slots=slots)
        self._nothing = np.empty((0, max(1, len(card["classes"]))))
        self._waiting: list[tuple[str, int, float, Any, Any, Any]] = []
        self._forked()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (renew := forked()) and renew())

    def _forked(self) -> None:
        """What the parent has not counted is the parent's to count; its lock is nobody's here."""
        self._waiting.clear()
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
            transport: One of `TRANSPORTS`; any other counts as `other`.
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
        waiting = self._waiting[:]
        del self._waiting[: len(waiting)]
        self._rows = 0
        self._due = monotonic() + SECONDS
        if waiting:
            batch = self._batch(waiting)
            self._slots.add(np.concatenate([counted.increments(batch) for counted in self._counted]))

    def text(self) -> tuple[str, str]:
        """All workers' numbers in Prometheus' text format, and the content type of that."""
        self.flush()
        cells = self._slots.total()
        parts = zip(self._counted, pairwise(self._bounds), strict=True)
        lines = [line for counted, (start, stop) in parts for line in counted.shown.text(cells[start:stop])]
        return "".join(
            [*lines, *(line for numbers, values in self._fixed for line in numbers.text(values))]
        ), CONTENT_TYPE

    def _batch(self, waiting: Sequence[tuple[str, int, float, Any, Any, Any]]) -> Batch:
        transports, codes, seconds, *_ = zip(*waiting, strict=True)
        good = [entry for entry in waiting if entry[5] is not None]
        return Batch(
            requests=list(zip(transports, codes, strict=True)),
            seconds=np.array(seconds, dtype=np.float64),
            numeric=[entry[3] for entry in good],
            categorical=[entry[4] for entry in good],
            output=np.concatenate([entry[5] for entry in good]) if good else self._nothing,
        )


def origin() -> Labels:
    """Those of Seldon's labels that say where a series comes from, if they are set."""
    from seldon_core.env_utils import NONIMPLEMENTED_MSG
    from seldon_core.metrics import DEFAULT_LABELS

    labels = {name: DEFAULT_LABELS[name] for name in ("deployment_name", "predictor_name", "model_name")}
    return {name: distinct([value])[0] for name, value in labels.items() if value and value != NONIMPLEMENTED_MSG}


def _limit(asked: str) -> int | None:
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit()):
        raise SystemExit(f"this model is not served: {LIMIT} must be a number of features, 0 for none, not {asked!r}")
    return int(asked)


def _traffic(common: Labels) -> list[_Counted]:
    requests = Numbers(
        name="slipway_requests_total",
        kind="counter",
        help="Requests answered, by transport and status.",
        labels=[{"transport": transport, "code": str(code)} for transport, code in _PLACES],
        common=common,
        quiet=True,
    )
    rows = Numbers(
        name="slipway_rows_total", kind="counter", help="Rows answered with a prediction.", labels=[{}], common=common
    )
    seconds = Histogram(
        name="slipway_request_seconds",
        help="Time from a request to its answer, in seconds.",
        bounds=LATENCIES,
        common=common,
    )
    return [
        _Counted(shown=requests, increments=_by_status),
        _Counted(shown=rows, increments=lambda batch: np.array([len(batch.output)], dtype=np.float64)),
        _Counted(shown=seconds, increments=lambda batch: seconds.count(batch.seconds)),
    ]


def _by_status(batch: Batch) -> Floats:
    cells = np.zeros(len(_PLACES))
    for (transport, code), times in Counter(batch.requests).items():
        known = transport if transport in TRANSPORTS else "other"
        hundred = code // 100 * 100 if 200 <= code < 600 else 500  # noqa: PLR2004  HTTP's own range
        cells[_PLACES.get((known, code), _PLACES[known, hundred])] += times
    return cells


def _answers(card: Mapping[str, Any], common: Labels) -> list[_Counted]:
    """How the predictions are distributed."""
    if not card["classes"]:
        numbers = Histogram(
            name="slipway_prediction", help="Predicted numbers.", bounds=_number_bounds(card), common=common
        )
        return [_Counted(shown=numbers, increments=lambda batch: numbers.count(batch.output.ravel().astype(float)))]
    classes = Numbers(
        name="slipway_predictions_total",
        kind="counter",
        help="Rows by the class of the largest probability, the first of equal ones.",
        labels=[{"class": name} for name in distinct(card["classes"])],
        common=common,
    )
    confidence = Histogram(
        name="slipway_confidence", help="The largest probability of a row.", bounds=CONFIDENCES, common=common
    )
    return [
        _Counted(
            shown=classes,
            increments=lambda batch: np.bincount(batch.output.argmax(axis=1), minlength=classes.width).astype(float),
        ),
        _Counted(shown=confidence, increments=lambda batch: confidence.count(batch.output.max(axis=1).astype(float))),
    ]


def _number_bounds(card: Mapping[str, Any]) -> tuple[float, ...]:
    """The deciles of the target; of the golden answers, with their ends, where the card does not say them."""
    for entry in card["reference"]:
        if entry["name"] == card["target"] and entry["kind"] == "numeric":
            return tuple(entry["edges"])
    answers = [golden["answer"][0] for golden in card["golden"]]
    return tuple(np.unique(np.quantile(answers, np.arange(11) / 10)).tolist()) if answers else ()


def _features(bins: Bins, common: Labels) -> list[_Counted]:
    if not bins.width:
        return []
    counts = Numbers(
        name="slipway_feature_total",
        kind="counter",
        help="Rows by the bin of the training reference that a feature's value lies in.",
        labels=bins.labels,
        common=common,
    )
    return [_Counted(shown=counts, increments=lambda batch: bins.count(batch.numeric, batch.categorical))]


def _fixed(card: Mapping[str, Any], bins: Bins, common: Labels) -> list[tuple[Numbers, Floats]]:
    """What does not change while a model is served."""
    told = {name: distinct([str(card[name])])[0] for name in ("model", "key", "family")}
    info = ("slipway_model_info", "The model that is served.", [told], np.ones(1))
    gauges: list[tuple[str, str, Sequence[Labels], Floats]] = [
        ("slipway_reference_rows", "Rows of the training side.", [{}], np.array([bins.rows], dtype=np.float64)),
        ("slipway_feature_reference_ratio", "Share of the training side's rows in a bin.", bins.labels, bins.ratios),
    ]
    return [
        (Numbers(name=name, kind="gauge", help=what, labels=labels, common=common), values)
        for name, what, labels, values in (info, *(gauges if bins.width else ()))
    ]
