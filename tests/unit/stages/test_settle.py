"""What is asked twice before a release is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from slipway.errors import UnreachableError
from slipway.results import ModelCard, ReasonState
from slipway.spec import GateTable, ServingTable
from slipway.stages.settle import Addresses, Effects, run
from slipway.trial.decision import End
from slipway.trial.subject import Goal, Subject
from slipway.verification.document import Finding, Verification

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY, OTHER = "3fa9c1d2" * 8, "91bb04ce" * 8
RIGHT, WRONG = "right", "wrong"


@dataclass
class Silent:
    """A Prometheus that does not answer."""

    def query(self, expression: str, *, at: float | None = None) -> tuple[()]:
        del expression, at
        raise UnreachableError("Prometheus does not answer")

    def range(self, expression: str, *, start: float, end: float, step: float) -> tuple[()]:
        del expression, start, end, step
        raise UnreachableError("Prometheus does not answer")


@dataclass
class Endpoint:
    """Answers in turn, and how often it was asked."""

    answers: Iterator[str]
    asked: list[str] = field(default_factory=list)

    def ask(self, url: str, card: ModelCard) -> Verification:
        del card
        self.asked.append(url)
        is_right = next(self.answers) == RIGHT
        state = ReasonState.PASS if is_right else ReasonState.FAIL
        return Verification(
            model="iris", key=KEY, url=url, keys={KEY: 20}, golden=20, differing=() if is_right else (3,),
            largest=0.0, tolerance=1e-5, requests=10, clients=1, p50_ms=1.0, p99_ms=2.0, max_p99_ms=None,
            per_second=100.0, errors={}, counted=None, passed=is_right, seconds=1.0,
            reasons=(Finding(check="answers", state=state, text="golden request 3 got another answer"),),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "asked", "end"),
    [((RIGHT,), 1, End.WAIT), ((WRONG, RIGHT), 2, End.WAIT), ((WRONG, WRONG), 2, End.REVERT)],
)
def test_a_release_is_taken_back_for_what_it_answers_twice(answers: tuple[str, ...], asked: int, end: End) -> None:
    endpoint = Endpoint(answers=iter(answers))
    effects = Effects(ask=endpoint.ask, is_up=lambda _: True, prometheus=Silent(), now=lambda: NOW)
    subject = Subject(
        model="iris",
        environment="production",
        namespace="models-production",
        goal=Goal.PROMOTE,
        predictor="canary",
        key=KEY,
        beside=OTHER,
        percent=10,
        is_asked=True,
        since=NOW - timedelta(minutes=30),
        table=ServingTable(),
        gate=GateTable(),
    )
    outcome = run(subject, cast("ModelCard", None), Addresses(own="http://canary", beside="http://default"), effects)
    assert outcome.end is end
    assert len(endpoint.asked) == asked
