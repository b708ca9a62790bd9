"""What is counted of a served model: each series with its words, and what a batch of answers adds to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway.serving.exposition import Histogram, Labels, Numbers, distinct
from slipway.serving.reference import Bins, Texts
from slipway.serving.shared import Floats

TRANSPORTS = ("rest", "grpc", "v2", "feedback", "other")
"""The first three ask for predictions, and are what error rates are of; `feedback` is told over either of two."""
CODES = (200, *(code.value for code in HTTPStatus if code > HTTPStatus.OK), *range(1, 17))
"""HTTP's, and gRPC's own for what went wrong. One that is unknown counts as its hundred, as RFC 9110 reads it."""
LATENCIES = (*(float(f"{digit}e{power}") for power in range(-4, 1) for digit in (1, 2.5, 5)), 10.0)
SHOWN = frozenset((name, code) for name in TRANSPORTS[:3] for code in (200, 400, 500))
"""What is shown before there is any: Prometheus sees no growth in a series that begins with its first error."""
_PLACES = {pair: n for n, pair in enumerate((name, code) for name in TRANSPORTS for code in CODES)}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is counted at once: all answers, and of the good ones the rows."""

    requests: Sequence[tuple[str, int]]
    rewards: Sequence[float]
    labels: Sequence[tuple[int, float]]
    """Rows whose truth was told, and how many were right, or how far off they were together."""
    unused: int
    """Rows whose truth was told, and which another model answered."""
    seconds: Floats
    numeric: Sequence[NDArray[np.float32]]
    categorical: Sequence[Texts]
    output: NDArray[Any]
    """Rows x classes, or x 1."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Numbers that are shown, and how much a batch adds to each."""

    shown: Numbers | Histogram
    increments: Callable[[Batch], Floats]


def origin() -> Labels:
    """Those of Seldon's labels that say where a series comes from, if they are set."""
    from seldon_core.env_utils import NONIMPLEMENTED_MSG
    from seldon_core.metrics import DEFAULT_LABELS

    labels = {name: DEFAULT_LABELS[name] for name in ("deployment_name", "predictor_name", "model_name")}
    return {name: distinct([value])[0] for name, value in labels.items() if value and value != NONIMPLEMENTED_MSG}


def traffic(common: Labels) -> list[Counted]:
    """How much is asked, with what success, how fast."""
    requests = Numbers(
        name="slipway_requests_total",
        kind="counter",
        help="Requests answered, by transport and status.",
        labels=[{"transport": transport, "code": str(code)} for transport, code in _PLACES],
        common=common,
        quiet=frozenset(place for place, pair in enumerate(_PLACES) if pair not in SHOWN),
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
    feedback, reward = (
        Numbers(name=name, kind="counter", help=what, labels=[{"method": "feedback"}], common=common)
        for name, what in (
            ("seldon_api_model_feedback_total", "Feedback with a reward."),
            ("seldon_api_model_feedback_reward_total", "The sum of its rewards."),
        )
    )
    return [
        Counted(shown=feedback, increments=lambda batch: np.array([len(batch.rewards)], dtype=np.float64)),
        Counted(shown=reward, increments=lambda batch: np.array([sum(batch.rewards)], dtype=np.float64)),
        Counted(shown=requests, increments=_by_status),
        Counted(shown=rows, increments=lambda batch: np.array([len(batch.output)], dtype=np.float64)),
        Counted(shown=seconds, increments=lambda batch: seconds.count(batch.seconds)),
    ]


def _by_status(batch: Batch) -> Floats:
    cells = np.zeros(len(_PLACES))
    for (transport, code), times in Counter(batch.requests).items():
        known = transport if transport in TRANSPORTS else "other"
        hundred = code // 100 * 100 if 200 <= code < 600 else 500  # noqa: PLR2004  HTTP's own range
        cells[_PLACES.get((known, code), _PLACES[known, hundred])] += times
    return cells


def features(bins: Bins, common: Labels) -> list[Counted]:
    """How the rows are distributed over the bins of the training reference."""
    if not bins.width:
        return []
    counts = Numbers(
        name="slipway_feature_total",
        kind="counter",
        help="Rows by the bin of the training reference that a feature's value lies in.",
        labels=bins.labels,
        common=common,
    )
    return [Counted(shown=counts, increments=lambda batch: bins.count(batch.numeric, batch.categorical))]


def fixed(card: Mapping[str, Any], bins: Bins, common: Labels) -> list[tuple[Numbers, Floats]]:
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
