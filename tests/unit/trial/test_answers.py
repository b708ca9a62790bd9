"""What follows from the answers of an endpoint, and where it is."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.errors import InputError
from slipway.spec import DeploymentMode, Platform
from slipway.trial import address
from slipway.trial.answers import Answers, hear
from slipway.verification.document import Finding, Verification

KEY, OTHER = "k" * 64, "o" * 64


def verification(failed: str = "", **found: Any) -> Verification:
    """What `verify` found; with one check that failed."""
    checks = ("answers", "key", "labels", "errors", "latency")
    fields: dict[str, Any] = {
        "model": "toy", "key": KEY, "url": "http://toy", "keys": {KEY: 10}, "golden": 4, "differing": (),
        "largest": 0.0, "tolerance": 1e-5, "requests": 5, "clients": 1, "p50_ms": 1.0, "p99_ms": 2.0,
        "max_p99_ms": None, "per_second": 9.0, "errors": {}, "counted": None, "passed": not failed, "seconds": 1.0,
        "reasons": [
            Finding.model_validate({"check": one, "state": "fail" if one == failed else "pass", "text": one})
            for one in checks
        ],
    }  # fmt: skip
    return Verification.model_validate(fields | found)


@pytest.mark.parametrize(
    ("found", "answers"),
    [
        (verification(), Answers.RIGHT),
        (verification("latency"), Answers.RIGHT),
        (verification("answers", differing=(1,)), Answers.WRONG),
        (verification("labels"), Answers.WRONG),
        (verification("answers", errors={"500": 2}), Answers.WRONG),
        (verification("answers", errors={"not an answer": 2}), Answers.WRONG),
        (verification("errors", errors={"503": 1}), Answers.UNSTEADY),
        (verification("errors", errors={"timeout": 1}), Answers.UNSTEADY),
        (verification("key", keys={KEY: 5, OTHER: 5}), Answers.ANOTHER),
        (verification("answers", keys={KEY: 5, OTHER: 5}, differing=(1, 2)), Answers.ANOTHER),
        (verification("answers", keys={OTHER: 5}, differing=(1, 2)), Answers.ANOTHER),
        (verification("answers", keys={}, errors={"503": 10}), Answers.SILENT),
        (verification("answers", keys={}, errors={"404": 10}), Answers.SILENT),
        (verification("answers", keys={}, errors={"302": 10}), Answers.SILENT),
        (verification("answers", keys={}, errors={"not an answer": 10}), Answers.SILENT),
        (verification("answers", keys={}, errors={"500": 10}), Answers.REFUSED),
        (verification("answers", keys={}, errors={"400": 10}), Answers.REFUSED),
    ],
)
def test_what_answers_come_to(found: Verification, answers: Answers) -> None:
    heard = hear(found)
    assert heard.answers is answers
    assert heard.said


NAMES = {"model": "iris", "predictor": "canary", "namespace": "models-staging", "environment": "staging"}


@pytest.mark.parametrize(
    ("platform", "mode", "predictor", "canary", "url"),
    [
        (Platform.SELDON, DeploymentMode.STANDARD, "default", True, "http://iris-default.models-staging:9000"),
        (Platform.SELDON, DeploymentMode.STANDARD, "canary", True, "http://iris-canary.models-staging:9000"),
        (Platform.KSERVE, DeploymentMode.STANDARD, "default", True, "http://iris-predictor.models-staging"),
        (Platform.KSERVE, DeploymentMode.STANDARD, "canary", True, "http://iris-canary-predictor.models-staging"),
        (Platform.KSERVE, DeploymentMode.KNATIVE, "default", False, "http://iris-predictor.models-staging"),
        (Platform.KSERVE, DeploymentMode.KNATIVE, "default", True, "http://prev-iris-predictor.models-staging"),
        (Platform.KSERVE, DeploymentMode.KNATIVE, "canary", True, "http://latest-iris-predictor.models-staging"),
    ],
)
def test_where_a_release_is(
    platform: Platform, mode: DeploymentMode, predictor: str, *, canary: bool, url: str
) -> None:
    names = {**NAMES, "predictor": predictor}
    assert address.endpoint("", platform, mode, names, has_canary=canary) == url


def test_a_template_of_one_s_own() -> None:
    template = "https://{model}-{predictor}-{namespace}.apps.example.org/{environment}"
    url = address.endpoint(template, Platform.SELDON, DeploymentMode.STANDARD, NAMES, has_canary=True)
    assert url == "https://iris-canary-models-staging.apps.example.org/staging"
    assert address.namespace("models-{environment}", "staging") == "models-staging"


@pytest.mark.parametrize(
    "template", ["http://{modle}", "http://{", "http://{0}", "http://{model.x}", "http://{model!z}"]
)
def test_a_template_that_cannot_be_filled_in(template: str) -> None:
    with pytest.raises(InputError, match="not known"):
        address.endpoint(template, Platform.SELDON, DeploymentMode.STANDARD, NAMES, has_canary=True)
