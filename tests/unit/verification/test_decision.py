"""What an endpoint answered, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.endpoints import CLASSES, KEY, OTHER, card

from slipway.adapters.endpoint import Answer
from slipway.adapters.line import EndpointError, Kind
from slipway.results import ReasonState
from slipway.verification.decision import decide, percentile
from slipway.verification.document import Counted, Verification
from slipway.verification.findings import Facts, Limits
from slipway.verification.told import Told, failed, judge

CARD = card()
LIMITS = Limits(max_p99_ms=25.0, requests=4, clients=2)
GOLDEN = [Told(asked=(index,), key=KEY, seconds=0.001) for index in range(4)]
LOAD = [Told(asked=(index,), key=KEY, seconds=0.001 * (index + 1)) for index in range(4)]
FACTS = Facts(golden=GOLDEN, load=LOAD, load_seconds=0.01, counted=None)


def decided(facts: Facts, limits: Limits = LIMITS) -> Verification:
    found = decide(CARD, "http://host", facts, limits, seconds=1.0)
    assert found.passed is all(reason.state is not ReasonState.FAIL for reason in found.reasons)
    assert Verification.from_json(found.to_json(), "here") == found
    return found


def refused(kind: str, said: str = "answered with it") -> Told:
    return failed(EndpointError(kind, said), (0,))


def mixed(position: int, told: Told) -> list[Told]:
    return [told if index == position else one for index, one in enumerate(LOAD)]


def test_all_is_well() -> None:
    found = decided(FACTS)
    assert found.passed
    assert [reason.check for reason in found.reasons] == ["answers", "key", "labels", "errors", "latency"]
    assert (found.p50_ms, found.p99_ms, found.per_second, found.keys) == (2.0, 4.0, 400.0, {KEY: 8})
    assert found.reasons[1].text == "each of 8 answers carries the key abababab"
    assert found.reasons[4].text == "p50 2.0 ms, p99 4.0 ms, 400 requests/s; the limit of p99 is 25 ms"


@pytest.mark.parametrize(
    ("facts", "check", "said"),
    [
        (
            replace(FACTS, golden=[*GOLDEN[:3], replace(GOLDEN[3], differing=(3,), largest=0.5)]),
            "answers",
            "golden request 4 of 4 got another answer than in the review: up to 0.5 away (tolerance 1e-05)",
        ),
        (
            replace(FACTS, golden=[*GOLDEN[:3], refused("400", "answered with 400: columns are missing")]),
            "answers",
            "1 of 4 golden requests got no answer: it answered with 400: columns are missing",
        ),
        (
            replace(FACTS, load=mixed(2, replace(LOAD[2], key=OTHER))),
            "key",
            "1 of 8 answers carry another key than abababab: cdcdcdcd (1)",
        ),
        (
            replace(FACTS, golden=[replace(one, key=OTHER) for one in GOLDEN]),
            "key",
            "4 of 8 answers carry another key than abababab: cdcdcdcd (4)",
        ),
        (
            replace(FACTS, load=[replace(one, key=f"{index}" * 64) for index, one in enumerate(LOAD * 2)]),
            "key",
            "(1), others (3)",
        ),
        (
            replace(FACTS, load=mixed(1, replace(LOAD[1], mislabelled=(1,)))),
            "labels",
            "the labels of golden request 2 are not the likeliest classes",
        ),
        (
            replace(FACTS, load=mixed(1, refused("503", "answered with 503"))),
            "errors",
            "1 of 4 requests failed under load: 503 (1); the first answered with 503",
        ),
        (
            replace(FACTS, load=mixed(1, replace(LOAD[1], differing=(1,), largest=0.5))),
            "errors",
            "1 of 4 answers under load differ from the review's, and alone they did not",
        ),
        (
            replace(FACTS, load=[refused(Kind.TIMEOUT, "did not answer within 10 s")], unasked=3),
            "errors",
            "it stopped answering, and 3 requests were given up: it did not answer within 10 s",
        ),
        (
            replace(FACTS, load=mixed(3, replace(LOAD[3], seconds=0.0251))),
            "latency",
            "p50 2.0 ms, p99 25.1 ms, 400 requests/s: p99 is above the limit of 25 ms",
        ),
        (
            replace(FACTS, load=[refused("500")] * 4),
            "latency",
            "nothing was answered under load, so nothing was measured",
        ),
        (
            replace(FACTS, counted=Counted(before={"200": 5, "500": 1}, after={"200": 9, "500": 2, "503": 1})),
            "counters",
            "the server counted 2 answers of 500 and above meanwhile",
        ),
        (
            replace(FACTS, counted=EndpointError("404", "answered with 404")),
            "counters",
            "the server's metrics cannot be read: it answered with 404",
        ),
    ],
)
def test_what_is_wrong_is_said(facts: Facts, check: str, said: str) -> None:
    found = decided(facts)
    (reason,) = [reason for reason in found.reasons if reason.check == check]
    assert (reason.state, said in reason.text) == (ReasonState.FAIL, True), reason
    assert not found.passed


@pytest.mark.parametrize(
    ("facts", "limits", "check", "state", "said"),
    [
        (FACTS, replace(LIMITS, max_p99_ms=None), "latency", ReasonState.PASS, "no limit is set"),
        (FACTS, replace(LIMITS, max_p99_ms=4.0), "latency", ReasonState.PASS, "the limit of p99 is 4 ms"),
        (
            replace(FACTS, counted=Counted(before={"200": 5, "400": 1}, after={"200": 9, "400": 2})),
            LIMITS,
            "counters",
            ReasonState.PASS,
            "no answer of 500 or above among 11",
        ),
        (
            replace(FACTS, counted=Counted(before={"200": 5, "500": 3}, after={"200": 9, "500": 3})),
            LIMITS,
            "counters",
            ReasonState.WARN,
            "the server counted 3 answers of 500 and above among 12, all of them before",
        ),
    ],
)
def test_what_is_right_is_said_too(facts: Facts, limits: Limits, check: str, state: ReasonState, said: str) -> None:
    found = decided(facts, limits)
    (reason,) = [reason for reason in found.reasons if reason.check == check]
    assert (reason.state, said in reason.text) == (state, True), reason
    assert found.passed


def test_where_nothing_was_answered_there_is_one_reason() -> None:
    found = decided(replace(FACTS, golden=[refused("404")] * 4, load=[], load_seconds=0.0))
    assert [reason.check for reason in found.reasons] == ["answers"]
    assert (found.p50_ms, found.largest, found.errors) == (None, None, {"404": 4})


def answer(**changes: Any) -> Answer:
    told = CARD.golden[0].answer, CARD.golden[2].answer
    return replace(Answer(key=KEY, names=CLASSES, rows=told, labels=("no", "yes")), **changes)


def test_the_reviewed_answer() -> None:
    assert judge(answer(), CARD, (0, 2)) == Told(asked=(0, 2), key=KEY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rows": ((0.5625 + 1e-6, 0.4375), CARD.golden[2].answer)}, {"differing": (), "mislabelled": ()}),
        ({"rows": ((0.75, 0.25), CARD.golden[2].answer)}, {"differing": (0,), "largest": 0.1875}),
        ({"rows": (CARD.golden[0].answer, CARD.golden[0].answer)}, {"differing": (2,), "mislabelled": (2,)}),
        ({"labels": ("yes", "yes")}, {"mislabelled": (0,), "differing": ()}),
        ({"labels": ()}, {"mislabelled": (0, 2)}),
        ({"labels": ("no",)}, {"mislabelled": (0, 2)}),
        ({"rows": ((0.5, 0.5), CARD.golden[2].answer), "labels": ("yes", "yes")}, {"mislabelled": ()}),
        ({"key": OTHER}, {"key": OTHER, "error": ""}),
        ({"key": ""}, {"key": "none"}),
        ({"key": f"{KEY}-of-another"}, {"key": f"{KEY}…"}),
        ({"key": f"{KEY}\n"}, {"key": f"{KEY}…"}),
        ({"key": "\x1b[2J" + "k" * 900}, {"key": "\N{REPLACEMENT CHARACTER}[2J" + "k" * 60}),
        ({"names": ("yes", "no")}, {"error": Kind.FORM, "key": KEY}),
        ({"names": ("a",) * 9}, {"error": Kind.FORM}),
        ({"rows": ()}, {"error": Kind.FORM, "said": "answered with 0 rows of 'no', 'yes', not 2 of 'no', 'yes'"}),
        ({"rows": ((1.0,), (1.0,))}, {"error": Kind.FORM}),
        ({"rows": (CARD.golden[0].answer,)}, {"error": Kind.FORM}),
        ({"rows": ((1e308, -1e308), CARD.golden[2].answer)}, {"largest": 1e308}),
    ],
)
def test_an_answer_is_held_against_the_review(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    told = judge(answer(**changes), CARD, (0, 2))
    assert {name: getattr(told, name) for name in expected} == expected


def test_a_regression_has_numbers_without_labels() -> None:
    numbers = card("regression")
    told = judge(Answer(key=KEY, names=("label",), rows=(numbers.golden[1].answer,)), numbers, (1,))
    assert told == Told(asked=(1,), key=KEY)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7.0], 50, 7.0), ([7.0], 99, 7.0), ([1.0, 2.0], 50, 1.0), ([1.0, 2.0], 51, 2.0), (list(range(1, 101)), 99, 99)],
)
def test_percentiles_are_by_the_nearest_rank(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected


@given(st.lists(st.floats(0, 10), min_size=1), st.integers(1, 100))
def test_so_many_do_not_exceed_a_percentile(values: list[float], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)
