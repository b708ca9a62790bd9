"""The triggers of `tekton/`: which of GitHub's events start what, and that an event's words are only data."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from tests.manifests.commands import of_tekton
from tests.manifests.tekton_objects import (
    TEKTON,
    Object,
    objects,
    pipeline_tasks,
    references,
    seconds,
    task_of,
    texts,
)
from tests.manifests.test_tekton_tasks import BUILDERS, CODE_OF_PULL_REQUESTS

TRIGGERS, PIPELINES = objects("triggers"), objects("pipelines")
BINDINGS = {one["metadata"]["name"]: one for one in TRIGGERS.values() if one["kind"] == "TriggerBinding"}
TEMPLATES = {one["metadata"]["name"]: one for one in TRIGGERS.values() if one["kind"] == "TriggerTemplate"}
LISTENER = TRIGGERS["listener"]
RESTRICTED = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
AS_ROOT = {"runAsNonRoot": False}  # with a seccomp profile OpenShift's pipelines-scc would refuse the pod
MEMBERS = ("OWNER", "MEMBER", "COLLABORATOR")
STRANGERS = ("CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", "NONE")

REPOSITORY = {
    "full_name": "team/models",
    "clone_url": "https://github.com/team/models.git",
    "default_branch": "main",
}
PULL_REQUEST = {
    "action": "opened",
    "repository": REPOSITORY,
    "pull_request": {
        "number": 7,
        "state": "open",
        "author_association": "NONE",
        "base": {"ref": "main", "repo": {"full_name": "team/models"}},
        "head": {"ref": "--upload-pack=x", "sha": "a" * 40, "repo": {"full_name": "team/models"}},
    },
}
COMMENT = {
    "action": "created",
    "repository": REPOSITORY,
    "issue": {
        "number": 7,
        "state": "open",
        "pull_request": {"url": "https://api.github.com/repos/team/models/pulls/7"},
    },
    "comment": {"id": 99, "body": "/retest", "author_association": "MEMBER"},
}
PUSH = {"repository": REPOSITORY, "ref": "refs/heads/main", "after": "b" * 40, "deleted": False}
SAMPLES: dict[str, Any] = {"pull_request": PULL_REQUEST, "issue_comment": COMMENT, "push": PUSH}


def event(kind: str, **changes: Any) -> Any:
    """A sample with other values at some dotted places, written with `__`; None takes the key away."""
    found = copy.deepcopy(SAMPLES[kind])
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = found
        for key in path:
            inner = inner[key]
        if value is MISSING:
            del inner[last]
        else:
            inner[last] = value
    return found


MISSING = object()
OTHERS = {"pull_request__head__repo": {"full_name": "stranger/models"}}
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    *(
        (f"own branch {action}", "pull_request", {"action": action}, "own-branch")
        for action in ("opened", "synchronize", "reopened")
    ),
    *(
        (f"own branch {action}", "pull_request", {"action": action}, "")
        for action in ("closed", "edited", "labeled", "converted_to_draft", "review_requested")
    ),
    ("own branch, closed since", "pull_request", {"pull_request__state": "closed"}, ""),
    ("own branch, into another branch", "pull_request", {"pull_request__base__ref": "next"}, ""),
    ("fork that is gone", "pull_request", {"pull_request__head__repo": None}, ""),
    *(
        (f"fork of a {who}", "pull_request", {**OTHERS, "pull_request__author_association": who}, "fork")
        for who in MEMBERS
    ),
    *(
        (f"fork of a {who}", "pull_request", {**OTHERS, "pull_request__author_association": who}, "")
        for who in STRANGERS
    ),
    *((f"/retest by {who}", "issue_comment", {"comment__author_association": who}, "retest") for who in MEMBERS),
    *((f"/retest by {who}", "issue_comment", {"comment__author_association": who}, "") for who in STRANGERS),
    ("/retest with a line break", "issue_comment", {"comment__body": "/retest \r\n"}, "retest"),
    ("/retest in a sentence", "issue_comment", {"comment__body": "please /retest"}, ""),
    ("/retest and more", "issue_comment", {"comment__body": "/retest\nrm -rf /"}, ""),
    ("/retested", "issue_comment", {"comment__body": "/retested"}, ""),
    ("a comment written over", "issue_comment", {"action": "edited"}, ""),
    ("/retest on an issue", "issue_comment", {"issue__pull_request": MISSING}, ""),
    ("/retest on a closed one", "issue_comment", {"issue__state": "closed"}, ""),
    ("push to main", "push", {}, "push"),
    ("push to the default branch", "push", {"repository__default_branch": "trunk", "ref": "refs/heads/trunk"}, "push"),
    ("push elsewhere", "push", {"ref": "refs/heads/main2"}, ""),
    ("push of a branch called so", "push", {"ref": "refs/heads/x/refs/heads/main"}, ""),
    ("a tag called main", "push", {"ref": "refs/tags/main"}, ""),
    ("main is deleted", "push", {"deleted": True, "after": "0" * 40}, ""),
]


def parameter(interceptor: Object, name: str) -> Any:
    (value,) = [one["value"] for one in interceptor["params"] if one["name"] == name]
    return value


def started(kind: str, body: Any) -> list[str]:
    """The triggers that an event would start, as Tekton decides it: by its kind, then by its CEL filter."""
    cel = pytest.importorskip("cel", reason="common-expression-language is not installed")
    found = []
    for trigger in LISTENER["spec"]["triggers"]:
        signed, filtered = trigger["interceptors"]
        if (
            kind in parameter(signed, "eventTypes")
            and cel.evaluate(parameter(filtered, "filter"), {"body": body}) is True
        ):
            found.append(trigger["name"])
    return found


@pytest.mark.parametrize(("kind", "changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_event_starts_what_it_should(kind: str, changes: dict[str, Any], expected: str) -> None:
    assert started(kind, event(kind, **changes)) == ([expected] if expected else [])


def test_the_listener_checks_every_signature_first() -> None:
    for trigger in LISTENER["spec"]["triggers"]:
        signed, filtered = trigger["interceptors"]
        assert (signed["ref"]["name"], filtered["ref"]["name"]) == ("github", "cel")
        assert parameter(signed, "secretRef") == {"secretName": "slipway-webhook", "secretKey": "secret"}


@pytest.mark.parametrize("trigger", LISTENER["spec"]["triggers"], ids=lambda one: str(one["name"]))
def test_the_bindings_give_a_template_exactly_what_it_asks_for(trigger: Object) -> None:
    given = [one["name"] for ref in trigger["bindings"] for one in BINDINGS[ref["ref"]]["spec"]["params"]]
    asked = {one["name"] for one in TEMPLATES[trigger["template"]["ref"]]["spec"]["params"]}
    assert sorted(given) == sorted(asked)


def test_every_binding_and_template_is_used() -> None:
    triggers = LISTENER["spec"]["triggers"]
    assert {one["ref"] for trigger in triggers for one in trigger["bindings"]} == set(BINDINGS)
    assert {trigger["template"]["ref"] for trigger in triggers} == set(TEMPLATES)


def test_whoever_asks_for_the_daily_release_has_no_say_in_what_is_released() -> None:
    """It is not signed, so nothing of what was sent is taken; a release by itself does what history asks for."""
    schedule = objects("schedule")
    (trigger,) = schedule["listener"]["spec"]["triggers"]
    assert [one["ref"] for one in trigger["bindings"]] == [schedule["event"]["metadata"]["name"]]
    given = {one["name"]: one["value"] for one in schedule["event"]["spec"]["params"]}
    template = TEMPLATES[trigger["template"]["ref"]]
    assert set(given) == {one["name"] for one in template["spec"]["params"]}
    assert {text for text in given.values() if "$(" in text} == {"$(context.eventID)"}
    (job,) = objects("schedule")["release"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (command,) = of_tekton(TEKTON / "schedule/release.yaml")
    assert command.parse()[0] == "ci start"
    assert [*job["command"], *job["args"]][:3] == ["slipway", "ci", "start"]


def test_nothing_that_a_person_can_name_is_taken_from_an_event() -> None:
    """Branches, titles and texts may hold anything; numbers, commits and the repository's own names do not."""
    taken = {found for text in texts(BINDINGS) for found in re.findall(r"\$\(([^)]*)\)", text)}
    assert taken == {
        "body.after",
        "body.comment.id",
        "body.issue.number",
        "body.pull_request.head.sha",
        "body.pull_request.number",
        "body.repository.clone_url",
        "body.repository.default_branch",
        "body.repository.full_name",
    }


def test_only_own_branches_find_what_other_runs_left() -> None:
    def secret(trigger: Object) -> list[str]:
        return [
            one["value"]
            for ref in trigger["bindings"]
            for one in BINDINGS[ref["ref"]]["spec"]["params"]
            if one["name"] == "store-secret"
        ]

    found = {trigger["name"]: secret(trigger) for trigger in LISTENER["spec"]["triggers"]}
    assert found == {
        "own-branch": ["slipway-review-store"],
        "fork": ["slipway-no-secret"],
        "retest": ["slipway-no-secret"],  # an event of a comment does not say where the branch is
        "push": [],
    }


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_fits_its_pipeline(template: Object) -> None:
    (run,) = template["spec"]["resourcetemplates"]
    pipeline = PIPELINES[run["spec"]["pipelineRef"]["name"].removeprefix("slipway-")]
    declared = pipeline["spec"]["params"]
    given = {one["name"] for one in run["spec"]["params"]}
    assert {one["name"] for one in declared if "default" not in one} - {"runs-url"} <= given
    assert given <= {one["name"] for one in declared}
    assert {one["name"] for one in template["spec"]["params"]} == references(run, r"tt\.params")
    assert all(one["description"] for one in template["spec"]["params"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("slipway-pull-request", {"number": "9" * 9, "run": "a" * 40}),
        ("slipway-pull-request", {"number": "9" * 9, "run": f"retest-{2**63}"}),
        ("slipway-release", {"run": "a" * 40}),
        ("slipway-release", {"run": "8d5bd5b1-6f6b-4c39-8e9b-0d8ae8a9a0b1"}),  # of the schedule, by its event
    ],
)
def test_an_event_that_comes_twice_makes_one_run(name: str, values: dict[str, str]) -> None:
    """The run's name follows from the event, so that Kubernetes refuses the second one."""
    metadata = TEMPLATES[name]["spec"]["resourcetemplates"][0]["metadata"]
    assert "generateName" not in metadata
    made = re.sub(r"\$\(tt\.params\.([\w-]+)\)", lambda found: values[found[1]], metadata["name"])
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", made)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_each_task_runs_as_who_it_should(template: Object) -> None:
    (run,) = template["spec"]["resourcetemplates"]
    spec = run["spec"]
    pipeline = PIPELINES[spec["pipelineRef"]["name"].removeprefix("slipway-")]
    other = {one["pipelineTaskName"]: one for one in spec["taskRunSpecs"]}
    for one in pipeline_tasks(pipeline):
        task = task_of(one)
        said = other.pop(one["name"], {})
        account = said.get("serviceAccountName", spec["taskRunTemplate"]["serviceAccountName"])
        expected = "pull-request" if task in CODE_OF_PULL_REQUESTS else "image" if task in BUILDERS else "trusted"
        assert account == f"slipway-{expected}"
        pod = said.get("podTemplate", spec["taskRunTemplate"]["podTemplate"])
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"] == (AS_ROOT if task in BUILDERS else RESTRICTED)
    assert not other


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_run_is_bounded_and_leaves_time_to_tell(template: Object) -> None:
    (run,) = template["spec"]["resourcetemplates"]
    bounds = {name: seconds(text) for name, text in run["spec"]["timeouts"].items()}
    assert bounds["tasks"] + bounds["finally"] <= bounds["pipeline"]
    pipeline = PIPELINES[run["spec"]["pipelineRef"]["name"].removeprefix("slipway-")]
    assert all(seconds(one["timeout"]) <= bounds["tasks"] for one in pipeline["spec"]["tasks"])
    assert all(seconds(one["timeout"]) <= bounds["finally"] for one in pipeline["spec"]["finally"])
    assert sum(seconds(one["timeout"]) for one in pipeline["spec"]["tasks"] if "retries" not in one) < bounds["tasks"]
