"""What is counted of what Prometheus answers; the answers are made as it gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.prometheus import Sample, Series
from slipway.errors import OutsideError
from slipway.live import traffic
from slipway.live.selector import Selector
from slipway.live.traffic import Side, Window, increments, is_good, quantile, slower

NEW, OLD, EARLIER = "n" * 64, "o" * 64, "e" * 64
SELECTOR = Selector(model="toy", namespace="models-production")
WINDOW = Window(start=0, end=300)
"""Seconds; a moment is one."""


@dataclass
class Pod:
    """A server, from when on it was scraped, and what it had counted by then of each code."""

    name: str
    predictor: str
    key: str
    counted: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    seen: Sequence[float] = range(301)
    transport: str = "rest"


@dataclass
class Told:
    """A Prometheus that scraped these servers."""

    pods: Sequence[Pod]
    asked: list[str] = field(default_factory=list)

    def query(self, expression: str, *, at: float | None = None) -> tuple[Sample, ...]:
        self.asked.append(f"{expression} @ {at}")
        return (Sample(labels={"le": "+Inf"}, value=10.0), Sample(labels={"le": "0.01"}, value=9.0))

    def range(self, expression: str, *, start: float, end: float, step: float) -> tuple[Series, ...]:
        assert (start, end, step) == (WINDOW.start, WINDOW.end, WINDOW.step)
        if expression.startswith("slipway_model_info"):
            return tuple(
                Series(labels=self._labels(pod) | {"key": pod.key}, points=tuple((at, 1.0) for at in pod.seen))
                for pod in self.pods
            )
        return tuple(
            Series(labels=self._labels(pod) | {"code": code, "transport": pod.transport}, points=tuple(points))
            for pod in self.pods
            for code, points in pod.counted.items()
        )

    def _labels(self, pod: Pod) -> dict[str, str]:
        return {"pod": pod.name, "instance": f"{pod.name}:6000", "predictor_name": pod.predictor}


def canary(*pods: Pod) -> Side:
    return traffic.look(Told(pods), SELECTOR, WINDOW).side("canary", NEW)


BEFORE = Pod("d", "default", OLD)


def test_the_first_errors_of_a_release_are_counted() -> None:
    counted = {"200": [(60, 5), (61, 8)], "500": [(90, 3), (91, 3)], "13": [(91, 1)], "422": [(92, 2)], "3": [(93, 1)]}
    pod = Pod("c", "canary", NEW, counted, range(60, 301))
    assert canary(BEFORE, pod) == Side(seconds=241, requests=15, errors=7, faults=4, is_alone=True)


def test_what_was_counted_before_anybody_looked_is_not() -> None:
    pod = Pod("d", "default", OLD, {"200": [(0, 1000), (1, 1010)]})
    assert traffic.look(Told([pod]), SELECTOR, WINDOW).side("default", OLD).requests == 10


def test_a_prometheus_that_lost_all_comes_to_one_server_after_the_other() -> None:
    """Their counters are of hours, so the side that is scraped first would look as if it had had no errors."""
    first = Pod("d1", "default", OLD, {"200": [(203, 50_000), (300, 51_940)], "500": [(203, 1000)]}, range(203, 301))
    late = Pod("c", "canary", NEW, {"200": [(214, 5000), (300, 5172)], "500": [(214, 100)]}, range(214, 301))
    looked = traffic.look(Told([first, late]), SELECTOR, WINDOW)
    assert [(side.requests, side.errors) for side in (looked.side("default", OLD), looked.side("canary", NEW))] == [
        (1940, 0),
        (172, 0),
    ]
    shown_later = replace(late, counted={"500": [(220, 3)]})
    assert traffic.look(Told([first, shown_later]), SELECTOR, WINDOW).side("canary", NEW).errors == 3


@pytest.mark.parametrize("value", [-1.0, 1e13, 1e308])
def test_what_can_be_no_count(value: float) -> None:
    pod = Pod("c", "canary", NEW, {"500": [(60, value)]}, range(60, 301))
    with pytest.raises(OutsideError, match="as a count of requests"):
        canary(BEFORE, pod)


def test_a_server_that_began_anew() -> None:
    pod = Pod("c", "canary", NEW, {"200": [(60, 100), (61, 120), (200, 7)]}, [60, 61, *range(200, 301)])
    assert canary(BEFORE, pod) == Side(seconds=103, requests=127, errors=0, is_alone=True)


def test_an_hour_without_the_cluster_is_not_seen() -> None:
    """Of five minutes here: nothing is scraped, so nothing is there."""
    hour = [*range(60, 100), *range(280, 301)]
    assert canary(Pod("d", "default", OLD, seen=hour), Pod("c", "canary", NEW, seen=hour)).seconds == 61


def test_pods_of_the_release_before_go_on_for_a_while() -> None:
    earlier = Pod("c1", "canary", EARLIER, {"500": [(60, 50), (100, 70)]}, range(50, 201))
    new = Pod("c2", "canary", NEW, {"200": [(180, 4)]}, range(180, 301))
    assert canary(BEFORE, earlier, new) == Side(seconds=121, requests=4, errors=0, is_alone=True)
    looked = traffic.look(Told([BEFORE, earlier, new]), SELECTOR, WINDOW)
    assert (looked.side("canary", EARLIER).requests, looked.side("canary", EARLIER).is_alone) == (70, False)
    both = Pod("c1", "canary", EARLIER, seen=range(50, 301))
    assert not canary(BEFORE, both, new).is_alone


def test_two_models_behind_one_address_one_after_the_other() -> None:
    """A server was started again on the same port, with another key."""
    first = Pod("c", "canary", EARLIER, {"200": [(60, 50), (70, 60), (100, 9)]}, range(60, 71))
    assert canary(BEFORE, first, Pod("c", "canary", NEW, seen=range(100, 301))).requests == 9


def test_scrapes_and_probes_are_no_requests() -> None:
    pod = Pod("c", "canary", NEW, {"200": [(60, 500)]}, range(60, 301), transport="other")
    assert canary(BEFORE, pod).requests == 0


def test_nothing_is_known() -> None:
    assert canary() == Side()
    assert canary().p99_ms is None


def test_the_times_of_exactly_these_servers() -> None:
    told = Told([])
    found = traffic.times(told, SELECTOR, WINDOW, predictor="canary", key=NEW)
    assert found == ((0.01, 9.0), (math.inf, 10.0))
    (asked,) = told.asked
    assert asked.count('predictor_name="canary"') == 2
    assert f'key="{NEW}"' in asked
    assert asked.endswith("@ 300")


@pytest.mark.parametrize(
    ("code", "good"),
    [("200", True), ("304", True), ("400", False), ("500", False), ("0", True), ("13", False), ("", False)],
)
def test_which_answers_are_good(code: str, *, good: bool) -> None:
    assert is_good(code) is good


BUCKETS = ((0.01, 50.0), (0.025, 90.0), (0.1, 99.0), (math.inf, 100.0))


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.01), (0.25, 0.005), (0.7, 0.0175), (0.99, 0.1), (0.999, 0.1)])
def test_a_quantile_of_buckets(share: float, seconds: float) -> None:
    assert quantile(BUCKETS, share) == pytest.approx(seconds)
    assert quantile((), share) is None
    assert quantile(((math.inf, 0.0),), share) is None


@pytest.mark.parametrize(("seconds", "found"), [(0.01, (50, 100)), (0.011, (10, 100)), (0.1, (1, 100)), (5, (0, 100))])
def test_how_many_answers_took_longer(seconds: float, found: tuple[int, int]) -> None:
    assert slower(BUCKETS, seconds) == found
    assert slower((), seconds) == (0, 0)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=4))
def test_no_request_is_counted_twice_and_none_is_lost(lives: list[list[int]]) -> None:
    """A counter lives several times, each from nought on, and is looked at each time that it grew."""
    values = [float(value) for life in lives for value in accumulate(life, initial=0)]
    found = list(increments(list(enumerate(values)), began=0.0))
    assert sum(more for _, more in found) == sum(map(sum, lives))
    assert all(more >= 0 for _, more in found)
