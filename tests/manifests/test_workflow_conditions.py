"""When jobs and steps run: what their conditions say of what can happen."""

from __future__ import annotations

import json

import pytest
from tests.manifests.expressions import Value, dropped, evaluate, is_true
from tests.manifests.workflows import Job, job, jobs

_LOGIN = "docker/login-action"
_RUN = "github.event.workflow_run"


@pytest.mark.parametrize(
    ("action", "conclusion", "begun"),
    [
        ("in_progress", "", {"running"}),
        ("completed", "success", {"report", "keep"}),
        ("completed", "failure", {"report", "keep"}),
        ("completed", "cancelled", {"report"}),
        ("completed", "action_required", set()),  # a stranger's, which waits for a maintainer before it begins
        ("requested", "action_required", set()),
    ],
)
def test_a_pull_requests_run_is_told_of_when_it_begins_and_when_it_ends(
    action: str, conclusion: str, begun: set[str]
) -> None:
    context = {
        "github.event.action": action,
        f"{_RUN}.event": "pull_request",
        f"{_RUN}.conclusion": conclusion,
        "vars.SLIPWAY_STORE": "s3://bucket/store",
    }
    assert {of.id for of in jobs("report.yml") if is_true(of.content["if"], context)} == begun
    of_another = context | {f"{_RUN}.event": "merge_group"}
    assert not [of.id for of in jobs("report.yml") if is_true(of.content["if"], of_another)]


LOGGING_IN = [of for of in jobs("release.yml") if of.using(_LOGIN)]
OF_GITHUB, OWN = "the workflow's token", "a robot's"


@pytest.mark.parametrize("of", LOGGING_IN, ids=str)
@pytest.mark.parametrize(
    ("host", "password", "shown"),
    [
        ("", "", OF_GITHUB),
        ("ghcr.io", "", OF_GITHUB),
        ("", OWN, OWN),
        ("quay.io", OWN, OWN),
        ("quay.io", "", None),  # where only those who push need a password
    ],
)
def test_no_registry_but_githubs_is_shown_githubs_token(of: Job, host: str, password: str, shown: str | None) -> None:
    context: dict[str, Value] = {
        "github.token": OF_GITHUB,
        "secrets.REGISTRY_PASSWORD": password,
        "vars.SLIPWAY_REGISTRY_HOST": host,
    }
    context["env.REGISTRY_LOGIN"] = _written(evaluate(of.content["env"]["REGISTRY_LOGIN"], context))
    (step,) = (step for step in of.steps if step.get("uses", "").startswith(_LOGIN))
    assert is_true(step["if"], context) is (shown is not None)
    if shown is not None:
        assert evaluate(step["with"]["password"], context) == shown
        assert evaluate(step["with"]["registry"], context) == (host or "ghcr.io")


def test_every_step_of_a_job_sees_no_more_than_whether_it_logs_in() -> None:
    assert len(LOGGING_IN) > 4
    for of in LOGGING_IN:
        assert set(of.content["env"]) == {"REGISTRY_LOGIN"}
        assert isinstance(evaluate(of.content["env"]["REGISTRY_LOGIN"], {"secrets.REGISTRY_PASSWORD": OWN}), bool)


FOUND = '[{"name":"docker.io/acme/iris","digest":"sha256:1","by_this_workflow":true}]'
OK, NO, SKIPPED = "success", "failure", "skipped"


@pytest.mark.parametrize(
    ("name", "results", "runs"),
    [
        ("release", {"wanted": OK, "models": '["iris"]', "image": OK}, True),
        ("release", {"wanted": OK, "models": '["iris"]', "image": NO}, False),
        ("release", {"wanted": OK, "models": '["iris"]', "image": SKIPPED}, False),
        ("release", {"wanted": OK, "models": "[]", "image": SKIPPED}, True),
        ("release", {"wanted": OK, "models": dropped('["acme"]', "acme"), "image": SKIPPED}, False),
        ("release", {"wanted": NO, "image": SKIPPED}, False),
        ("sign", {"rebuild": OK, "images": FOUND}, True),
        ("sign", {"rebuild": NO, "images": FOUND}, True),  # one image could not be built, the others are there
        ("sign", {"rebuild": OK, "images": "[]"}, False),
        ("sign", {"rebuild": OK, "images": dropped(FOUND, "acme")}, True),  # and says so
        ("sign", {"rebuild": NO}, False),
        ("sign", {"rebuild": SKIPPED}, False),
        ("land", {"rebuild": OK, "images": FOUND, "sign": OK}, True),
        ("land", {"rebuild": NO, "images": FOUND, "sign": OK}, True),
        ("land", {"rebuild": OK, "images": FOUND, "sign": NO}, False),
        ("land", {"rebuild": OK, "images": "[]", "sign": SKIPPED}, True),
        ("land", {"rebuild": OK, "images": dropped(FOUND, "acme"), "sign": NO}, False),
        ("land", {"rebuild": OK, "images": dropped(FOUND, "acme"), "sign": SKIPPED}, False),
        ("land", {"rebuild": NO, "sign": SKIPPED}, False),
        ("land", {"rebuild": NO, "images": "[]", "sign": SKIPPED}, False),
    ],
)
def test_no_image_that_is_not_signed_gets_onto_main(name: str, results: dict[str, str], *, runs: bool) -> None:
    of = {"models": "needs.wanted.outputs.models", "images": "needs.rebuild.outputs.images"}
    context = {of.get(one, f"needs.{one}.result"): value for one, value in results.items()}
    assert is_true(job("release.yml", name).content["if"], context) is runs


def test_a_list_of_images_that_github_dropped_fails_the_run_and_says_why() -> None:
    sign = job("release.yml", "sign")
    first = sign.steps[0]
    made = evaluate(
        sign.content["strategy"]["matrix"]["image"],
        {"needs.rebuild.outputs.images": dropped(FOUND, "acme")},
        fromJSON=lambda text: text,
    )
    (image,) = json.loads(str(made))
    assert is_true(first["if"], {"matrix.image.name": image["name"]})
    assert not is_true(first["if"], {"matrix.image.name": "docker.io/acme/iris"})
    assert "::error::" in first["run"]
    assert first["run"].rstrip().endswith("exit 1")


def _written(value: Value) -> str:
    """As a variable of the environment holds it."""
    return str(value).lower() if isinstance(value, bool) else value
