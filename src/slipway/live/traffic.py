"""How much one side of a trial was asked, how well it answered, and how long it was seen at all.

Requests are counted from the counters' own values, as they were at so many moments, and not by `increase()`: that
guesses what lies between two scrapes, and passes over what a series begins with. A server shows the counter of a code
with the first answer of that code, so the first errors of a release would never be seen. Each increment belongs to the
key that its server showed just then: the pods of an earlier release go on for a while under the same name.

A Prometheus that lost what it had scraped comes to one server after the other, each of which has counted for long. What
it shows then is nobody's increment: else one side would be judged by weeks, and the other by the minutes since.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from slipway.errors import OutsideError
from slipway.live.selector import PREDICTOR, Selector

INFO, REQUESTS, SECONDS = "slipway_model_info", "slipway_requests_total", "slipway_request_seconds_bucket"
ASKED = ("rest", "grpc", "v2")
"""Transports that ask for predictions. Scrapes and probes are counted too, as `other`."""
MOMENTS = 300
"""In a window. A counter forgets nothing in between; a hundred pods' answers still come in 10 MB."""
SHORTEST = 0.5
"""Seconds between two moments at least."""
STAGGER = 120.0
"""Seconds in which a Prometheus that begins comes to every server: two of the longest intervals that are usual."""
MOST = 10**12
"""Requests that a server may have counted; what says more counts something else."""
_TARGET = ("pod", "instance")
_GRPC_CODES = range(17)
"""Of these nought is what went well; https://grpc.io/docs/guides/status-codes/."""
_GOOD = range(200, 400)
_FAULTS = frozenset({*range(500, 600), 2, 4, 8, 12, 13, 14, 15})
"""As in the rules of `gitops/platform/monitoring`: of HTTP, and of gRPC."""
_P99 = 0.99

type Target = tuple[str, ...]


class SampleLike(Protocol):
    """A series' value at one moment."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""

    @property
    def value(self) -> float:
        """Finite."""


class SeriesLike(Protocol):
    """A series' values over time."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """Seconds since 1970, and a value."""


class Asks(Protocol):
    """A Prometheus."""

    def query(self, expression: str, *, at: float | None = None) -> Sequence[SampleLike]:
        """The value of each series at a moment."""

    def range(self, expression: str, *, start: float, end: float, step: float) -> Sequence[SeriesLike]:
        """The values of each series over time."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when to when, in seconds since 1970."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return max(self.end - self.start, SHORTEST)

    @property
    def step(self) -> float:
        """Seconds between two moments."""
        return max(self.seconds / MOMENTS, SHORTEST)


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is known of one key behind one predictor's name."""

    seconds: float = 0.0
    """How long it was seen: a time without its pods, or without Prometheus, is none."""
    requests: int = 0
    errors: int = 0
    """Those that got no good answer, whosever fault: requests go to either side by chance, so there are as many bad
    ones on both, and more refusals on one side are its own doing."""
    faults: int = 0
    """Those of them that the server itself calls its own fault, whatever it was asked."""
    buckets: tuple[tuple[float, float], ...] = ()
    """Seconds, and how many answers took no longer: ascending, the last one infinite."""
    is_alone: bool = False
    """Whether no pod of another key had its predictor's name when it was last looked."""

    @property
    def p99_ms(self) -> float | None:
        """The 99th percentile of the time for an answer, in milliseconds; None where nothing was answered."""
        found = quantile(self.buckets, _P99)
        return None if found is None else found * 1000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """All that Prometheus said of a model over a window, to be divided between its sides."""

    window: Window
    shown: Mapping[Target, Mapping[float, str]]
    """The key that a server showed, by the moment."""
    predictors: Mapping[Target, str]
    counters: Sequence[tuple[Target, str, Sequence[tuple[float, float]]]]
    """Of each server and code."""
    old: Mapping[Target, float]
    """The servers that may have counted before they were seen, each with the moment when it was."""

    def side(self, predictor: str, key: str) -> Side:
        """One of them, but for its times."""
        moments = {at for target in self._of(predictor) for at, shown in self.shown[target].items() if shown == key}
        counts = [self._counted(*counter, key) for counter in self.counters if counter[0] in self._of(predictor)]
        return Side(
            seconds=min(len(moments) * self.window.step, self.window.seconds),
            requests=_whole(count for _, count in counts),
            errors=_whole(count for code, count in counts if not is_good(code)),
            faults=_whole(count for code, count in counts if is_fault(code)),
            is_alone=self._keys_now(predictor) == {key},
        )

    def _of(self, predictor: str) -> set[Target]:
        return {target for target, name in self.predictors.items() if name == predictor}

    def _keys_now(self, predictor: str) -> set[str]:
        """The keys that this predictor's servers showed at the last moment that it had any."""
        last = max((at for target in self._of(predictor) for at in self.shown[target]), default=None)
        keys = (self.shown[target].get(last) for target in self._of(predictor) if last is not None)
        return {key for key in keys if key is not None}

    def _counted(self, target: Target, code: str, points: Sequence[tuple[float, float]], key: str) -> tuple[str, float]:
        shown = self.shown.get(target, {})
        began = self.old.get(target, -math.inf)
        return code, sum(more for at, more in increments(points, began) if shown.get(at) == key)


def look(prometheus: Asks, selector: Selector, window: Window) -> Looked:
    """Ask for all servers of a model, and what they counted; `OutsideError` where that can be no count."""
    span = {"start": window.start, "end": window.end, "step": window.step}
    told = prometheus.range(selector.series(INFO), **span)
    counted = prometheus.range(selector.series(REQUESTS), **span)
    shown: dict[Target, dict[float, str]] = defaultdict(dict)
    predictors: dict[Target, str] = {}
    for one in told:
        target = _target(one.labels)
        predictors[target] = one.labels.get(PREDICTOR, "")
        shown[target] |= {_moment(at): one.labels.get("key", "") for at, _ in one.points}
    return Looked(
        window=window,
        shown=shown,
        predictors=predictors,
        counters=[
            (
                _target(one.labels),
                one.labels.get("code", ""),
                [(_moment(at), _count(value)) for at, value in one.points],
            )
            for one in counted
            if one.labels.get("transport") in ASKED
        ],
        old=_old(shown, window),
    )


def _old(shown: Mapping[Target, Mapping[float, str]], window: Window) -> Mapping[Target, float]:
    """The servers that were there when the model was seen first, or soon after where nothing of it was at the start."""
    firsts = {target: min(moments) for target, moments in shown.items() if moments}
    began = min(firsts.values(), default=math.inf)
    is_gapless = began < window.start + window.step
    until = began if is_gapless else began + STAGGER
    return {target: first for target, first in firsts.items() if first <= until}


def times(
    prometheus: Asks, selector: Selector, window: Window, *, predictor: str, key: str
) -> tuple[tuple[float, float], ...]:
    """How long one side's answers took: the buckets of `Side`. Here a share is asked for, which `increase()` tells."""
    span = f"[{max(window.seconds, 1):.0f}s]"
    side = {PREDICTOR: predictor}
    servers = f"max by ({', '.join(_TARGET)}) (max_over_time({selector.series(INFO, **side, key=key)}{span}))"
    counts = f"increase({selector.series(SECONDS, **side)}{span})"
    asked = f"sum by (le) ({counts} * on ({', '.join(_TARGET)}) group_left () {servers})"
    found = prometheus.query(asked, at=window.end)
    return tuple(sorted((_bound(one.labels.get("le", "")), _count(one.value)) for one in found))


def increments(points: Sequence[tuple[float, float]], began: float) -> Iterator[tuple[float, float]]:
    """By how much a counter grew up to each moment. One that falls has begun anew, from nought.

    So has one that appears later than its server was first seen; what it had counted before that, nobody knows.
    """
    if not points:
        return
    at, first = points[0]
    if at > began:
        yield at, first
    for (_, before), (now, value) in pairwise(points):
        yield now, value - before if value >= before else value


def is_good(code: str) -> bool:
    """Whether an HTTP status, or one of gRPC, is a good answer's."""
    if not code.isdecimal():
        return False
    number = int(code)
    return number == 0 if number in _GRPC_CODES else number in _GOOD


def is_fault(code: str) -> bool:
    """Whether a status says that the server failed; others say that it was asked wrongly."""
    return code.isdecimal() and int(code) in _FAULTS


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """A quantile, with evenly spread values within a bucket, as `histogram_quantile` has it; None of nothing.

    Beyond the last finite bound it is that bound.
    """
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    rank = share * total
    for (low, below), (high, upto) in pairwise([(0.0, 0.0), *buckets]):
        if upto >= rank:
            return low if math.isinf(high) else low + (high - low) * (rank - below) / max(upto - below, 1e-12)
    return buckets[-1][0]


def slower(buckets: Iterable[tuple[float, float]], seconds: float) -> tuple[int, int]:
    """How many answers surely took longer than this, and how many there are: told by the next bound from there on."""
    listed = list(buckets)
    if not listed:
        return 0, 0
    total = listed[-1][1]
    within = next((count for bound, count in listed if bound >= seconds), total)
    return max(0, round(total - within)), round(total)


def _bound(text: str) -> float:
    try:
        bound = float(text)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(bound) else bound


def _count(value: float) -> float:
    if not 0 <= value <= MOST:
        raise OutsideError(f"Prometheus has {value:g} as a count of requests", hint="Do other series have their names?")
    return value


def _whole(counts: Iterable[float]) -> int:
    return min(round(sum(counts)), MOST)


def _target(labels: Mapping[str, str]) -> Target:
    return tuple(labels.get(name, "") for name in _TARGET)


def _moment(at: float) -> float:
    """Rounded as Prometheus does, so that two questions' moments are equal."""
    return round(at, 3)
