"""What is handed on is what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.report.samples import BASE, CASES, COMMIT, promote

from slipway.bundle.document import LONGEST_ERROR, Bundle, Plan, ReportDocument
from slipway.errors import InputError
from slipway.report import ReportInput
from slipway.report.review import ModelReview
from slipway.training.trial import Outcome, TrialState

HEAD = "5e" * 20


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_report_is_the_same_after_its_way_through_json(case: str) -> None:
    report = replace(CASES[case](), commit=COMMIT, manifest_diff="--- a\n+++ b\n", data_digest="sha256:" + "0" * 64)
    document = ReportDocument.of(report)
    again = ReportDocument.from_json(document.to_json(), case)
    assert again.to_input(COMMIT) == report
    assert again.to_json() == document.to_json()


def test_what_a_model_toml_left_out_stays_out() -> None:
    """A family that names nothing is searched in its own space: a default that is filled in would change that."""
    report = promote()
    again = ReportDocument.from_json(ReportDocument.of(report).to_json(), "it").to_input(COMMIT)
    assert again.spec.model_fields_set == report.spec.model_fields_set
    assert again.spec.search.xgboost is not None
    assert again.spec.search.xgboost.model_fields_set == {"learning_rate", "max_depth", "subsample", "n_estimators"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    trial = Outcome(number=0, family="xgboost", params={"gamma": value}, state=TrialState.FAILED, error="e")
    with pytest.raises(InputError, match="cannot be handed on: params"):
        ReportDocument.of(replace(promote(), trials=(trial,)))


def bundle(**changes: Any) -> dict[str, Any]:
    return {"model": "iris", "pull_request": 7, "head": HEAD, "report": None, "error": "no data", **changes}


@pytest.mark.parametrize(
    "review",
    [
        ModelReview(model="iris", report=promote()),
        ModelReview(model="iris", error="data/iris/train.csv:3: this is no number\n  Mend it."),
        ModelReview(model="iris", error="the store does not answer", is_outside=True),
    ],
)
def test_a_review_is_the_same_after_its_way_through_json(review: ModelReview) -> None:
    content = Bundle.of(review, pull_request=7, head=HEAD).to_json()
    assert Bundle.from_json(content, "it").review(COMMIT) == review


def test_an_error_of_any_length_can_be_told() -> None:
    found = Bundle.of(ModelReview(model="iris", error="\udcff" + "x" * 10**6), pull_request=7, head=HEAD)
    assert len(found.error) == LONGEST_ERROR
    assert found.error.startswith("?x")
    assert found.error.endswith("x\n…")


@pytest.mark.parametrize(
    "wrong",
    [
        {"error": ""},
        {"is_outside": True, "error": ""},
        {"model": "../iris"},
        {"model": "iris\n"},
        {"pull_request": 0},
        {"pull_request": -1},
        {"head": HEAD.upper()},
        {"head": HEAD + "\n"},
        {"version": 2},
        {"surprise": 1},
    ],
)
def test_a_bundle_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Bundle.model_validate(bundle(**wrong))


def test_a_report_of_another_model_or_with_an_error_is_refused() -> None:
    report: ReportInput = promote()
    with pytest.raises(InputError, match="another model's"):
        Bundle.of(ModelReview(model="toy", report=report), pull_request=7, head=HEAD)
    with pytest.raises(InputError, match="a report, or an error"):
        Bundle.of(ModelReview(model="iris", report=report, error="e"), pull_request=7, head=HEAD)


@pytest.mark.parametrize("models", [("iris", "iris"), ("Iris",), ("-",), tuple(f"m{n}" for n in range(257))])
def test_a_plan_of_no_models_that_can_be_is_refused(models: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        Plan(pull_request=7, head=HEAD, models=models)


def test_a_head_that_is_no_commit_is_refused() -> None:
    with pytest.raises(InputError, match="the review of iris cannot be handed on: head"):
        Bundle.of(ModelReview(model="iris", error="e"), pull_request=7, head="main")


def test_a_base_that_is_no_commit_is_refused() -> None:
    with pytest.raises(InputError, match="base"):
        ReportDocument.of(replace(promote(), base=BASE[:8]))
