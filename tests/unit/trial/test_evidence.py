"""The test that may be looked at always: its arithmetic, and that it keeps what it promises."""

from __future__ import annotations

import math
import random

import pytest

from slipway.live.traffic import Side
from slipway.spec import GateTable
from slipway.trial.comparison import ANY, credited, more_errors, slower_answers
from slipway.trial.evidence import is_more, log_evidence


@pytest.mark.parametrize(("hits", "total", "share"), [(0, 0, 0.1), (3, 5, 0.1), (10, 10, 0.5), (2, 300, 0.01)])
def test_the_mixture_is_what_it_says(hits: int, total: int, share: float) -> None:
    """The mean of the likelihood ratio over all larger shares, summed up in small steps."""
    steps = 20_000
    width = (1 - share) / steps
    larger = (share + (step + 0.5) * width for step in range(steps))
    ratios = ((theta / share) ** hits * ((1 - theta) / (1 - share)) ** (total - hits) for theta in larger)
    assert log_evidence(hits, total, share) == pytest.approx(math.log(sum(ratios) / steps), abs=1e-3)


def test_however_often_one_looks_a_good_canary_is_seldom_called_worse() -> None:
    """At 90 %, with a look after each of 400 errors: one in ten at most. A test for one look would say so of half."""
    draw, share, called = random.Random(3), 0.1, 0
    for _ in range(200):
        hits = 0
        for total in range(1, 401):
            hits += draw.random() < share
            if total % 4 == 0 and is_more(hits, total, share, 0.9):
                called += 1
                break
    assert called <= 20


@pytest.mark.parametrize("percent", [10, 50, 95])
def test_nor_is_one_of_few_requests(percent: int) -> None:
    """The share is what was counted, and not what was to be: with a look after each bad answer, from the first on."""
    draw, gate, called = random.Random(5), GateTable(confidence=0.9), 0
    for _ in range(100):
        requests, errors = [0, 0], [0, 0]
        for _ in range(400):
            at, is_bad = draw.random() * 100 < percent, draw.random() < 0.05
            requests[at] += 1
            errors[at] += is_bad
            if is_bad and more_errors(one(requests[1], errors[1]), one(requests[0], errors[0]), gate, ANY):
                called += 1
                break
    assert called <= 10


@pytest.mark.parametrize(("hits", "total", "more"), [(3, 3, True), (1, 1, False), (40, 400, False), (80, 400, True)])
def test_how_much_it_takes(hits: int, total: int, *, more: bool) -> None:
    assert is_more(hits, total, 0.1, 0.95) is more


def test_it_takes_any_numbers() -> None:
    assert is_more(10**6, 10**6, 0.01, 0.95)
    assert not is_more(0, 10**6, 0.5, 0.999)


def one(requests: int, errors: int = 0, slow: int = 0) -> Side:
    """Of its answers so many took half a second, the others four milliseconds."""
    quick = float(requests - slow)
    return Side(
        seconds=600, requests=requests, errors=errors, buckets=((0.005, quick), (0.25, quick), (1.0, float(requests)))
    )


@pytest.mark.parametrize(
    ("canary", "default", "found"),
    [
        (one(300), one(2700), ""),
        (one(300, errors=3), one(2700, errors=27), ""),
        (one(300, errors=30), one(2700, errors=27), "10.00%"),
        (one(10, errors=10), one(2700), ""),
        (one(300, errors=300), one(10), ""),
        (one(10**6, errors=4000), one(9 * 10**6), ""),
        (one(300, slow=2), one(2700), ""),
        (one(300, slow=60), one(2700), "60 of its 300 answers"),
        (one(300, slow=60), one(2700, slow=540), ""),
        (one(50, slow=50), one(2700), ""),
        (one(300, slow=60), one(90), ""),
        (one(0), one(0), ""),
    ],
    ids=[
        "equal",
        "equal errors",
        "more errors",
        "too few of the canary's",
        "too few of the default's",
        "a difference of no matter",
        "two slow ones",
        "slow",
        "both slow",
        "too few times",
        "too few of the default's times",
        "nothing",
    ],
)
def test_what_is_worse(canary: Side, default: Side, found: str) -> None:
    gate = GateTable()
    said = [one for one in (more_errors(canary, default, gate), slower_answers(canary, default, gate)) if one]
    assert bool(said) is bool(found)
    assert found in " ".join(said)


@pytest.mark.parametrize(
    ("own", "beside", "percent", "count"),
    [(300, 2700, 10, 300), (900, 900, 10, 100), (9, 0, 10, 0), (80, 200, 50, 80), (80, 0, 100, 80), (80, 9000, 0, 0)],
)
def test_slipway_s_own_requests_are_nobody_s(own: int, beside: int, percent: int, count: int) -> None:
    assert credited(one(own), one(beside), percent) == count
