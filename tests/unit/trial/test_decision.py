"""How trials end: a table of what was heard and seen, and what follows."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from slipway.live.traffic import Side
from slipway.spec import GateTable, ServingTable
from slipway.trial.answers import Answers, Heard
from slipway.trial.decision import Blind, End, Live, decide
from slipway.trial.subject import HOUR, MINUTE, Goal, Subject

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CANARY = Subject(
    model="toy",
    environment="production",
    namespace="models-production",
    goal=Goal.PROMOTE,
    predictor="canary",
    key="k" * 64,
    beside="d" * 64,
    percent=10,
    is_asked=True,
    since=NOW - timedelta(minutes=15),
    table=ServingTable(canary_minutes=10, canary_requests=200, canary_hours=24),
    gate=GateTable(),
)
STAGED = replace(CANARY, environment="staging", is_asked=False)
UNCONFIRMED = replace(STAGED, goal=Goal.CONFIRM, predictor="default", beside=None, percent=None)
FRESH = replace(UNCONFIRMED, goal=Goal.KEEP, environment="production", is_asked=True)
DAY = timedelta(hours=25)


def late(subject: Subject, by: timedelta = DAY) -> Subject:
    return replace(subject, since=NOW - by)


def side(seconds: float, requests: int, errors: int = 0, ms: float = 4.0, *, is_alone: bool = True) -> Side:
    """One whose answers all took about so long."""
    bounds = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, math.inf)
    buckets = tuple((bound, float(requests if bound * 1000 >= ms else 0)) for bound in bounds)
    return Side(seconds=seconds, requests=requests, errors=errors, buckets=buckets, is_alone=is_alone)


def heard(answers: Answers, *, is_beside_up: bool = False) -> Heard:
    return Heard(answers=answers, said=f"it is {answers.value}", is_beside_up=is_beside_up)


RIGHT, WRONG, ANOTHER, UNSTEADY, REFUSED, SILENT = (
    heard(one)
    for one in (
        Answers.RIGHT,
        Answers.WRONG,
        Answers.ANOTHER,
        Answers.UNSTEADY,
        Answers.REFUSED,
        Answers.SILENT,
    )
)
ALONE = heard(Answers.SILENT, is_beside_up=True)
GOOD = Live(own=side(12 * MINUTE, 300), beside=side(15 * MINUTE, 2700))
EARLY = Live(own=side(3 * MINUTE, 300), beside=side(15 * MINUTE, 2700))
FEW = Live(own=side(12 * MINUTE, 60), beside=side(15 * MINUTE, 90))
IDLE = Live(own=side(24 * HOUR, 50_000), beside=side(25 * HOUR, 0))
EMPTY = Live(own=Side(), beside=Side())
ABSENT = Live(own=Side(), beside=side(25 * HOUR, 2700))
FAILS = Live(own=side(2 * MINUTE, 60, errors=12), beside=side(15 * MINUTE, 540, errors=1))
SLOW = Live(own=side(12 * MINUTE, 200, ms=60.0), beside=side(15 * MINUTE, 2700))
SLOW_AT_FIRST = Live(own=side(2 * MINUTE, 200, ms=60.0), beside=side(15 * MINUTE, 2700))
MIXED = Live(own=side(2 * MINUTE, 200, is_alone=False), beside=side(15 * MINUTE, 2700))
BLIND = Blind(said="Prometheus does not answer")
MOST = replace(CANARY, percent=95)
ALL = replace(CANARY, percent=100)
TENS = replace(CANARY, table=ServingTable(canary_requests=10))
NONE_RIGHT = Live(own=side(24 * HOUR, 19, errors=19), beside=side(25 * HOUR, 171))
TWO_WRONG = Live(own=side(24 * HOUR, 19, errors=2), beside=side(25 * HOUR, 171, errors=3))
SOME_WRONG = Live(own=side(24 * HOUR, 19, errors=3), beside=side(25 * HOUR, 171, errors=3))
ONE_WRONG = Live(own=side(24 * HOUR, 19, errors=1), beside=side(25 * HOUR, 171))
NONE_SLOW = Live(own=side(24 * HOUR, 19, ms=900.0), beside=side(25 * HOUR, 171))
FAULTY = replace(side(12 * MINUTE, 250, errors=250), faults=250)
REFUSES = side(12 * MINUTE, 250, errors=250)

TABLE = [
    # a canary with traffic
    ("better or equal, with enough of all", CANARY, RIGHT, GOOD, End.PROMOTE, "300 requests"),
    ("right so far", CANARY, RIGHT, EARLY, End.WAIT, "7 minutes more"),
    ("too few requests yet", CANARY, RIGHT, FEW, End.WAIT, "190 more requests"),
    ("wrong answers", CANARY, WRONG, GOOD, End.REVERT, "it is wrong"),
    ("wrong answers, and Prometheus is down", CANARY, WRONG, BLIND, End.REVERT, "it is wrong"),
    ("more errors, before its minutes are over", CANARY, RIGHT, FAILS, End.REVERT, "20.00%"),
    ("slower, when its minutes are over", CANARY, RIGHT, SLOW, End.REVERT, "took longer"),
    ("slow at first", CANARY, RIGHT, SLOW_AT_FIRST, End.WAIT, "it is watched for 8 minutes more"),
    ("errors of an unsteady one", CANARY, UNSTEADY, FAILS, End.REVERT, "no good answer"),
    # while it is rolled out
    ("another release answers", CANARY, ANOTHER, MIXED, End.WAIT, "it is another"),
    ("another release answers for ever", late(CANARY), ANOTHER, GOOD, End.WAIT, "look at its pods"),
    ("some requests get no answer", CANARY, UNSTEADY, EARLY, End.WAIT, "it is unsteady"),
    ("refuses, and is alone there", CANARY, REFUSED, EARLY, End.REVERT, "it is refused"),
    ("refuses, or another does", CANARY, REFUSED, MIXED, End.WAIT, "nobody can tell"),
    ("refuses, and Prometheus is down", CANARY, REFUSED, BLIND, End.WAIT, "nobody can tell"),
    # a cluster that is down
    ("nobody answers yet", CANARY, SILENT, EMPTY, End.WAIT, "it is silent"),
    ("the cluster is down for an hour", late(CANARY, timedelta(hours=1)), SILENT, EMPTY, End.WAIT, "it is silent"),
    ("the cluster is down for a day", late(CANARY), SILENT, EMPTY, End.WAIT, "it is silent"),
    ("the cluster and Prometheus are down for a day", late(CANARY), SILENT, BLIND, End.WAIT, "it is silent"),
    ("it never came up", late(CANARY), ALONE, ABSENT, End.REVERT, "did not come up within 25 hours"),
    ("it did not come up yet", CANARY, ALONE, ABSENT, End.WAIT, "it is silent"),
    ("it never came up, and nor did Prometheus", late(CANARY), ALONE, BLIND, End.WAIT, "it is silent"),
    ("it cannot be reached from here", late(CANARY), ALONE, GOOD, End.WAIT, "reached from here"),
    # Prometheus without data
    ("Prometheus does not answer", CANARY, RIGHT, BLIND, End.WAIT, "does not answer"),
    ("Prometheus does not answer for a week", late(CANARY, 7 * DAY), RIGHT, BLIND, End.WAIT, "does not answer"),
    ("Prometheus has no data", CANARY, RIGHT, EMPTY, End.WAIT, "no data of it"),
    ("Prometheus has no data for a week", late(CANARY, 7 * DAY), RIGHT, EMPTY, End.WAIT, "is it scraped?"),
    ("no data of the default", CANARY, RIGHT, replace(GOOD, beside=Side()), End.WAIT, "data of the default"),
    # no traffic
    ("nobody asks it", late(CANARY), RIGHT, IDLE, End.PROMOTE, "none of the 200 requests came"),
    ("few ask it", late(CANARY), RIGHT, replace(IDLE, beside=side(DAY.total_seconds(), 90)), End.PROMOTE, "10 of"),
    ("nobody asked it yet", CANARY, RIGHT, Live(own=side(720, 900), beside=side(900, 0)), End.WAIT, "200 more"),
    ("a day of which it was seen an hour", late(CANARY), RIGHT, replace(IDLE, own=side(HOUR, 9)), End.WAIT, "200 more"),
    ("two such days", late(CANARY, 2 * DAY), RIGHT, replace(IDLE, own=side(HOUR, 9)), End.PROMOTE, "none of the 200"),
    # errors of too few requests to be compared on the way
    ("none right, of few", late(CANARY), RIGHT, NONE_RIGHT, End.REVERT, "19 of its 19"),
    ("none right of few, so far", CANARY, RIGHT, NONE_RIGHT, End.WAIT, "181 more requests"),
    ("none right, of most", MOST, RIGHT, Live(own=REFUSES, beside=side(900, 14)), End.REVERT, "250 of its 250"),
    ("none right, of ten", TENS, RIGHT, Live(own=side(720, 15, 15), beside=side(900, 140)), End.REVERT, "15 of its 15"),
    ("some wrong, of few", late(CANARY), RIGHT, SOME_WRONG, End.WAIT, "may be chance"),
    ("some wrong, of ten", TENS, RIGHT, SOME_WRONG, End.WAIT, "it waits for more requests"),
    ("one wrong more than its share", late(CANARY), RIGHT, TWO_WRONG, End.PROMOTE, "19 of the 200"),
    ("one wrong, and none of the default's", late(CANARY), RIGHT, ONE_WRONG, End.PROMOTE, "19 of the 200"),
    ("all wrong, on both sides", TENS, RIGHT, Live(own=side(720, 15, 15), beside=side(900, 140, 140)), End.PROMOTE, ""),
    ("seems worse", CANARY, RIGHT, Live(own=side(720, 300, 4), beside=side(900, 2700, 9)), End.WAIT, "be chance"),
    ("none right, and nobody asks the default", ALL, RIGHT, Live(own=REFUSES, beside=IDLE.beside), End.WAIT, "nobody"),
    ("all right, and nobody asks the default", ALL, RIGHT, replace(GOOD, beside=IDLE.beside), End.PROMOTE, "300"),
    (
        "none right for a day",
        late(MOST),
        RIGHT,
        replace(IDLE, own=side(DAY.total_seconds(), 9, 9)),
        End.WAIT,
        "by hand",
    ),
    ("all slow, of few", late(CANARY), RIGHT, NONE_SLOW, End.WAIT, "19 of its 19 answers took longer"),
    ("all slow, on both sides", late(CANARY), RIGHT, replace(NONE_SLOW, beside=NONE_SLOW.own), End.PROMOTE, "3 of the"),
    # where another environment follows, nobody asks
    ("staged", STAGED, RIGHT, Live(own=side(601, 0), beside=Side()), End.PROMOTE, "10 minutes"),
    ("staged a moment ago", STAGED, RIGHT, Live(own=side(30, 0), beside=Side()), End.WAIT, "10 minutes more"),
    ("staged, with wrong answers", STAGED, WRONG, GOOD, End.REVERT, "it is wrong"),
    ("staged, and not seen", STAGED, RIGHT, EMPTY, End.WAIT, "no data"),
    ("unconfirmed", UNCONFIRMED, RIGHT, Live(own=side(601, 0)), End.CONFIRM, "10 minutes"),
    ("unconfirmed a moment ago", UNCONFIRMED, RIGHT, Live(own=side(30, 0)), End.WAIT, "10 minutes more"),
    ("unconfirmed, and wrong", UNCONFIRMED, WRONG, Live(own=side(30, 0)), End.REVERT, "it is wrong"),
    ("unconfirmed, and never up", late(UNCONFIRMED), SILENT, Live(own=Side()), End.WAIT, "it is silent"),
    ("unconfirmed, and it fails", UNCONFIRMED, RIGHT, Live(own=FAULTY), End.WAIT, "250 of its 250 requests"),
    ("unconfirmed, and it refuses", UNCONFIRMED, RIGHT, Live(own=REFUSES), End.CONFIRM, "12 minutes"),
    ("staged, and it fails", STAGED, RIGHT, Live(own=FAULTY, beside=side(900, 9)), End.WAIT, "a fault of its own"),
    ("staged, and both fail", STAGED, RIGHT, Live(own=FAULTY, beside=FAULTY), End.PROMOTE, "12 minutes"),
    # with the full traffic, and nobody after it
    ("fresh", FRESH, RIGHT, BLIND, End.KEEP, "it is right"),
    ("fresh, and it fails", FRESH, RIGHT, Live(own=FAULTY), End.WAIT, "250 of its 250 requests"),
    ("fresh, with one failure", FRESH, RIGHT, Live(own=replace(side(9, 300, 1), faults=1)), End.KEEP, "it is right"),
    ("fresh and wrong", FRESH, WRONG, BLIND, End.REVERT, "it is wrong"),
    ("fresh and silent", FRESH, SILENT, BLIND, End.WAIT, "it is silent"),
    ("fresh, and not there yet", FRESH, ANOTHER, BLIND, End.WAIT, "it is another"),
]


@pytest.mark.parametrize(
    ("subject", "said", "seen", "end", "text"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_how_a_trial_ends(subject: Subject, said: Heard, seen: Live | Blind, end: End, text: str) -> None:
    found = decide(subject, said, seen, NOW)
    assert found.end is end
    assert text in " ".join(found.reasons)
    assert bool(found.short) is (end is End.REVERT)
    assert found.is_outside <= (end is End.WAIT)


@pytest.mark.parametrize(
    ("subject", "said", "seen"),
    [
        (CANARY, RIGHT, BLIND),
        (late(CANARY), SILENT, EMPTY),
        (late(CANARY), ANOTHER, GOOD),
        (late(CANARY), RIGHT, EMPTY),
        (late(CANARY), RIGHT, SOME_WRONG),
        (late(CANARY), RIGHT, NONE_SLOW),
        (UNCONFIRMED, RIGHT, Live(own=FAULTY)),
        (FRESH, RIGHT, Live(own=FAULTY)),
    ],
)
def test_what_does_not_answer_and_should_is_said_by_the_exit_code(
    subject: Subject, said: Heard, seen: Live | Blind
) -> None:
    assert decide(subject, said, seen, NOW).is_outside


@pytest.mark.parametrize(("said", "seen"), [(SILENT, EMPTY), (RIGHT, EMPTY), (ANOTHER, EMPTY), (RIGHT, FEW)])
def test_a_release_that_just_came_is_waited_for_in_peace(said: Heard, seen: Live) -> None:
    assert not decide(late(CANARY, timedelta(minutes=3)), said, seen, NOW).is_outside


def test_what_a_commit_says_of_it() -> None:
    found = decide(CANARY, RIGHT, GOOD, NOW)
    assert found.said == (
        "It is right. It answered 300 requests (0.00% errors, p99 4.98 ms) in 12 minutes; "
        "the default 2,700 requests (0.00% errors, p99 4.98 ms)."
    )


def test_a_clock_that_is_behind() -> None:
    early = replace(CANARY, since=NOW + timedelta(hours=1))
    assert decide(early, SILENT, EMPTY, NOW).end is End.WAIT
