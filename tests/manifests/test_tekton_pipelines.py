"""The pipelines of `tekton/`: they hold together, run what GitHub runs, and keep a pull request's code apart."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.manifests.tekton_objects import Object, objects, pipeline_tasks, references, seconds, step, task_of, texts
from tests.manifests.test_tekton_tasks import BUILDERS, CODE_OF_PULL_REQUESTS

from slipway.outputs import Outputs

TASKS, PIPELINES = objects("tasks"), objects("pipelines")
ALL = [(f"{name}: {one['name']}", one) for name, pipeline in PIPELINES.items() for one in pipeline_tasks(pipeline)]

ALONE = {"champions", "validate", "tune", "compare", "report"}
"""Tasks of a pull request of which one model's failure is nothing to the others. Tekton lets none of them try again."""

each_pipeline = pytest.mark.parametrize(("name", "pipeline"), PIPELINES.items(), ids=PIPELINES)
each_task = pytest.mark.parametrize("one", [one for _, one in ALL], ids=[name for name, _ in ALL])


def order(pipeline: Object) -> list[str]:
    """The names of a pipeline's tasks, each after those that it waits for."""
    graph = {one["name"]: {*one.get("runAfter", []), *references(one, "tasks")} for one in pipeline["spec"]["tasks"]}
    return list(TopologicalSorter(graph).static_order())


def before(pipeline: Object, name: str) -> set[str]:
    """All that a task waits for."""
    found = {one["name"]: {*one.get("runAfter", []), *references(one, "tasks")} for one in pipeline["spec"]["tasks"]}
    return found[name].union(*(before(pipeline, earlier) for earlier in found[name]))


def test_the_three_of_them() -> None:
    assert set(PIPELINES) == {"pull-request", "release", "verify"}
    assert {task_of(one) for _, one in ALL} == set(TASKS)


@each_pipeline
def test_every_parameter_is_described_and_used(name: str, pipeline: Object) -> None:
    spec = pipeline["spec"]
    assert pipeline["metadata"]["name"] == f"slipway-{name}"
    assert spec["description"].strip().endswith(".")
    assert {one["name"] for one in spec["params"]} == references(pipeline_tasks(pipeline), "params")
    assert all(len(one["description"]) > 10 for one in spec["params"])


@each_task
def test_a_task_is_given_what_it_asks_for(one: Object) -> None:
    spec = TASKS[task_of(one)]["spec"]
    given = [*one.get("params", []), *one.get("matrix", {}).get("params", [])]
    assert sorted(param["name"] for param in given) == sorted(param["name"] for param in spec.get("params", []))
    spaces = {space["name"] for space in spec.get("workspaces", [])}
    assert {space["name"] for space in one.get("workspaces", [])} == spaces
    assert all(space["subPath"] for space in one.get("workspaces", []))


@each_pipeline
def test_results_that_are_asked_for_are_there(name: str, pipeline: Object) -> None:
    del name
    tasks = {one["name"]: TASKS[task_of(one)] for one in pipeline["spec"]["tasks"]}
    asked = [
        found
        for text in texts(pipeline)
        for found in re.findall(r"\$\(tasks\.([\w-]+)\.results\.([\w-]+)(\[\*\])?\)", text)
    ]
    for task, result, whole in asked:
        types = {one["name"]: one["type"] for one in tasks[task]["spec"]["results"]}
        assert types[result] == ("array" if whole else "string")


def test_every_result_is_used() -> None:
    made = {(name, one["name"]) for name, task in TASKS.items() for one in task["spec"].get("results", [])}
    for_chains = {("image", "IMAGE_URL"), ("image", "IMAGE_DIGEST"), ("rebuild", "IMAGES")}
    used = {found for text in texts(PIPELINES) for found in re.findall(r"\$\(tasks\.([\w-]+)\.results\.([\w-]+)", text)}
    assert made - for_chains == used


def test_a_pull_request_runs_its_stages_in_order() -> None:
    stages = ("plan", "validate", "tune", "compare", "report", "gate")
    found = order(PIPELINES["pull-request"])
    assert tuple(name for name in found if name in stages) == stages
    for earlier, later in pairwise(stages):
        assert earlier in before(PIPELINES["pull-request"], later)
    assert [one["name"] for one in PIPELINES["pull-request"]["spec"]["finally"]] == ["tell", "keep"]


def test_a_merge_runs_its_stages_in_order() -> None:
    stages = ("wanted", "judge", "image", "release", "rebuild", "land", "propose")
    for earlier, later in pairwise(stages):
        assert earlier in before(PIPELINES["release"], later)


def test_what_is_secret_lies_in_no_volume_that_a_pull_requests_code_sees() -> None:
    """It may change what it sees, so nobody who has a secret runs anything there afterwards."""
    seen = {"source", "bundle", "store"}
    for one in pipeline_tasks(PIPELINES["pull-request"]):
        spaces = {space["subPath"] for space in one.get("workspaces", [])}
        task = TASKS[task_of(one)]
        if task_of(one) in CODE_OF_PULL_REQUESTS:
            assert spaces <= seen
        elif one["name"] not in before(PIPELINES["pull-request"], "plan"):
            read_only = {space["name"] for space in task["spec"].get("workspaces", []) if space.get("readOnly")}
            assert all(space["name"] in read_only for space in one.get("workspaces", []) if space["subPath"] in seen)
            assert "source" not in spaces


def test_those_who_build_images_have_a_clone_of_their_own() -> None:
    """They run as root: what they write, no other task could write over."""
    for one in pipeline_tasks(PIPELINES["release"]):
        spaces = {space["subPath"] for space in one["workspaces"]}
        assert spaces == ({"build"} if task_of(one) in BUILDERS or one["name"] == "build" else {"main"})


@each_task
def test_is_bounded_in_time_and_tried_again_only_where_that_can_help(one: Object) -> None:
    assert seconds(one["timeout"]) > seconds(step(TASKS[task_of(one)])["timeout"]) or one["name"] == "verdicts"
    says_no = {"plan", "gate", "judge", "image", "verify", "settle", "running"}  # or does not matter
    if task_of(one) in says_no | ALONE:
        assert "retries" not in one
    else:
        assert one["retries"] in {1, 2}
    assert not ("retries" in one and "onError" in one)


def test_a_refused_model_holds_up_no_other_and_is_told_at_the_end() -> None:
    spec = PIPELINES["release"]["spec"]
    ignored = {one["name"] for one in spec["tasks"] if one.get("onError") == "continue"}
    assert ignored == {"judge", "image"}
    (last,) = spec["finally"]
    assert task_of(last) == "judge"
    # Tekton 1.15 neither runs nor skips a final matrix whose result is missing, and the run would not end.
    assert last["when"] == [{"input": "$(tasks.wanted.status)", "operator": "in", "values": ["Succeeded"]}]


def test_what_commits_and_what_only_asks_are_never_both_run() -> None:
    tasks = {one["name"]: one for one in PIPELINES["verify"]["spec"]["tasks"]}
    (asks,), (commits,) = tasks["verify"]["when"], tasks["settle"]["when"]
    assert asks == {"input": "$(params.endpoint)", "operator": "notin", "values": [""]}
    assert commits == {**asks, "operator": "in"}


def test_a_comment_that_cannot_be_written_stops_no_review() -> None:
    spec = PIPELINES["pull-request"]["spec"]
    (running,) = (one for one in spec["tasks"] if one["name"] == "running")
    assert running["onError"] == "continue"
    assert not any("running" in before(PIPELINES["pull-request"], one["name"]) for one in spec["tasks"])


def test_a_model_that_fails_holds_up_no_other_and_the_gate_says_so() -> None:
    spec = PIPELINES["pull-request"]["spec"]
    ignored = {one["name"] for one in spec["tasks"] if one.get("onError") == "continue"}
    assert ignored == ALONE | {"running"}
    tasks = {one["name"]: one for one in spec["tasks"]}
    reviewed = {name for name, one in tasks.items() if "matrix" in one}
    assert reviewed - ignored == {"gate"}  # so it alone makes the run red, and it waits for all of them
    assert reviewed - {"gate"} < before(PIPELINES["pull-request"], "gate")
    # A result that a failed task did not write ends the run: nobody may ask any of these for one.
    assert not references(pipeline_tasks(PIPELINES["pull-request"]), "tasks") & ignored


def test_what_a_stage_left_undone_is_tried_again_with_as_much_memory() -> None:
    tune, report = (step(TASKS[name]) for name in ("tune", "report"))
    assert report["computeResources"]["limits"] == tune["computeResources"]["limits"]
    assert seconds(report["timeout"]) > seconds(tune["timeout"]) / 2


def test_nothing_to_do_is_no_failure() -> None:
    """A matrix without models skips what comes after it as well, unless a guard skips it first."""
    for one in PIPELINES["release"]["spec"]["tasks"]:
        if "matrix" in one:
            (guard,) = one["when"]
            assert guard == {
                "input": "$(tasks.wanted.results.output)",
                "operator": "notin",
                "values": ["models=[]\n"],
            }


def test_the_guard_reads_what_the_command_writes(tmp_path: Path) -> None:
    file = tmp_path / "output"
    Outputs.of({"GITHUB_OUTPUT": str(file)}).models([])
    assert file.read_text() == "models=[]\n"
