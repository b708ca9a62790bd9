"""Whether a pull request may be merged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from slipway.errors import ExitCode
from slipway.forge.gate import decide
from slipway.report.review import ModelReview
from slipway.results import VerdictName


def judged(model: str, verdict: VerdictName) -> ModelReview:
    report: Any = SimpleNamespace(verdict=verdict)
    return ModelReview(model=model, report=report)


REVIEWS = {
    "promote": (judged("iris", VerdictName.PROMOTE), ExitCode.DONE),
    "inconclusive": (judged("iris", VerdictName.INCONCLUSIVE), ExitCode.DONE),
    "block": (judged("iris", VerdictName.BLOCK), ExitCode.VERDICT_NO),
    "a fault of the change": (ModelReview(model="iris", error="model.toml:3: no\nmore"), ExitCode.BAD_INPUT),
    "a fault outside": (ModelReview(model="iris", error="no S3", is_outside=True), ExitCode.OUTSIDE_FAILED),
}


@pytest.mark.parametrize(("review", "code"), REVIEWS.values(), ids=REVIEWS.keys())
def test_each_outcome_has_its_exit_code(review: ModelReview, code: ExitCode) -> None:
    (found,) = decide(["iris"], [review])
    assert (found.model, found.exit_code) == ("iris", code)
    assert found.text
    assert "\n" not in found.text


def test_a_model_without_a_review_is_no_pass() -> None:
    found = decide(["iris", "fraud"], [judged("iris", VerdictName.PROMOTE)])
    assert [one.exit_code for one in found] == [ExitCode.DONE, ExitCode.OUTSIDE_FAILED]


def test_a_review_that_nobody_planned_says_nothing() -> None:
    assert decide([], [judged("iris", VerdictName.PROMOTE)]) == []
