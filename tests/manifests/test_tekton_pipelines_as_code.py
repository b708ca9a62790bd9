"""Pipelines-as-Code as the other way to start a run: the same runs, and none that a pull request could write."""

from __future__ import annotations

import pytest
from tests.manifests.tekton_objects import Object, objects

OTHER = objects("pipelines-as-code")
TEMPLATES = {name: objects("triggers")[f"run-{name}"] for name in ("pull-request", "release")}
PIPELINES = objects("pipelines")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_run_is_the_one_that_triggers_make(name: str) -> None:
    def fixed(spec: Object) -> Object:
        return {key: value for key, value in spec.items() if key not in {"params", "pipelineRef"}}

    (run,) = TEMPLATES[name]["spec"]["resourcetemplates"]
    assert fixed(OTHER[name]["spec"]) == fixed(run["spec"])
    assert OTHER[name]["metadata"]["labels"].keys() == run["metadata"]["labels"].keys()


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_runs_what_is_installed(name: str) -> None:
    spec = OTHER[name]["spec"]
    assert spec["pipelineRef"]["resolver"] == "cluster"
    asked = {one["name"]: one["value"] for one in spec["pipelineRef"]["params"]}
    assert asked == {"kind": "pipeline", "name": f"slipway-{name}", "namespace": "slipway"}
    declared = PIPELINES[name]["spec"]["params"]
    given = {one["name"] for one in spec["params"]}
    assert {one["name"] for one in declared if "default" not in one} - {"runs-url"} <= given
    assert given <= {one["name"] for one in declared}


def test_a_newer_commit_cancels_a_review_and_no_release() -> None:
    said = {name: OTHER[name]["metadata"]["annotations"] for name in TEMPLATES}
    key = "pipelinesascode.tekton.dev/cancel-in-progress"
    assert (said["pull-request"].get(key), said["release"].get(key)) == ("true", None)


def test_no_pull_request_brings_a_run_of_its_own() -> None:
    assert OTHER["repository"]["spec"]["settings"] == {"pipelinerun_provenance": "default_branch"}
    assert all(one["name"] != "store-secret" for name in TEMPLATES for one in OTHER[name]["spec"]["params"])
