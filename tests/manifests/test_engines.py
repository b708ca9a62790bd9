"""One definition of the stages, and two engines that run them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.manifests.commands import Command, of_tekton, of_workflow
from tests.manifests.workflows import FOLDER, ROOT, in_order

from slipway.cli.app import STAGES, app

TEKTON = ROOT / "tekton"
_ONLY_TEKTON = {"ci checkout", "ci data"}
"""GitHub has an action for the one, and for the other a workflow of its own: a pull request's jobs have no secret."""
_ANYWHERE = {
    "ci running",  # says that the run has begun, whenever it can
    "ci champions",  # needed when a model is compared; on GitHub release.yml leaves them in main's cache for that
}
"""Commands whose place among the others differs from one engine to the other."""


def stages() -> list[str]:
    """The commands of single stages, in the order in which the command line lists them."""
    found = [one for one in app.registered_commands if one.rich_help_panel == STAGES]
    return [str(one.name or getattr(one.callback, "__name__", "")) for one in found]


def of_github(file: str) -> list[Command]:
    """A workflow's commands, in the order in which its jobs can run."""
    found = list(of_workflow(FOLDER / file))
    return [one for job in in_order(file) for one in found if one.where.startswith(f"{file}: {job.id}:")]


def of_pipeline(name: str) -> list[tuple[str, Command]]:
    """The tasks of a pipeline and their commands, in the order in which they can run."""
    return [(task["name"], command) for task in _ordered(name) for command in _commands(task["taskRef"]["name"])]


def _ordered(name: str) -> Iterator[dict[str, Any]]:
    spec = yaml.safe_load((TEKTON / "pipelines" / f"{name}.yaml").read_text())["spec"]
    left, done = list(spec["tasks"]), set[str]()
    while left:
        ready = next(task for task in left if _before(task, left) <= done)
        left.remove(ready)
        done.add(ready["name"])
        yield ready
    yield from spec["finally"]


def _before(task: dict[str, Any], others: Sequence[dict[str, Any]]) -> set[str]:
    """What a task waits for: what it names, and whose results it reads."""
    read = {other["name"] for other in others if f"$(tasks.{other['name']}.results." in str(task)}
    return {*task.get("runAfter", []), *read}


def _commands(task: str) -> list[Command]:
    return [one for one in _of_tasks() if f": {task}: " in one.where]


@cache
def _of_tasks() -> list[Command]:
    return [one for path in sorted((TEKTON / "tasks").glob("*.yaml")) for one in of_tekton(path)]


def _names(commands: Sequence[Command]) -> list[str]:
    """The subcommands, each where it comes last: one that is safe to repeat may come again."""
    names = [command.name for command in commands]
    return [name for place, name in enumerate(names) if name not in names[place + 1 :]]


def test_tekton_runs_each_stage_as_a_task_in_the_order_of_the_command_line() -> None:
    tasks = [name for name, _ in of_pipeline("pull-request") if name in stages()]
    assert tasks == stages() == ["validate", "tune", "compare", "report"]
    commands = dict(of_pipeline("pull-request"))
    names = [commands[stage].name for stage in stages()]
    assert names == ["validate", "tune", "compare", "ci review"]  # which reports what the others found, and hands it on


def test_github_runs_the_stages_by_one_command() -> None:
    assert _names(of_github("pull-request.yml")) == ["ci plan", "ci champions", "ci review", "ci gate"]


def test_both_engines_can_fetch_the_data_of_a_pull_request() -> None:
    tekton = [command.name for _, command in of_pipeline("pull-request")]
    assert "ci data" in tekton[: tekton.index("ci plan")]
    assert _names(of_github("data.yml")) == ["ci checkout", "ci data"]


def test_both_engines_do_the_same_for_a_pull_request() -> None:
    github = _names([*of_github("pull-request.yml"), *of_github("report.yml")])
    tekton = _names([command for _, command in of_pipeline("pull-request")])
    single = {*stages(), *_ONLY_TEKTON}
    assert _placed([name for name in tekton if name not in single]) == _placed(github)
    assert set(tekton) - single == set(github)


def _placed(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in _ANYWHERE]


def test_both_engines_do_the_same_for_a_merge() -> None:
    github, tekton = of_github("release.yml"), [command for _, command in of_pipeline("release")]
    assert _done(tekton) == _done(github)
    assert _until(tekton) == ["verdict", "image", "commit", "verdict"]
    assert _until(github) == ["image", "commit", "verdict"]  # the image's job asks for the verdict, too


def test_both_engines_build_in_one_job_what_another_commits() -> None:
    github, tekton = of_github("release.yml"), [command for _, command in of_pipeline("release")]
    for commands in (github, tekton):
        releases = [command.parse()[1] for command in commands if command.name == "release"]
        assert all((one["since"] == "image") is (one["until"] == "commit") for one in releases)
    committing = [one.parse()[1] for one in github if one.name in {"release", "rebuild"}]
    assert all(bool(one["signed"]) is (one["until"] == "commit") for one in committing)  # on Tekton, Chains signs
    assert _until(github, "rebuild") == _until(tekton, "rebuild") == ["image", "commit"]


def _done(commands: Sequence[Command]) -> list[str]:
    """What is done, but for what only says whether the gate let a model through."""
    acting = [one for one in commands if one.name != "release" or str(one.parse()[1]["until"]) != "verdict"]
    return [name for name in _placed(_names(acting)) if name not in _ONLY_TEKTON]


def _until(commands: Sequence[Command], name: str = "release") -> list[str]:
    return [str(command.parse()[1]["until"]) for command in commands if command.name == name]


@pytest.mark.parametrize(
    ("files", "read", "call"),
    [
        (sorted(FOLDER.glob("*.yml")), of_workflow, r"^[ -]*(?:run: )?(?:\S*/)?slipway [a-z]"),
        (sorted(TEKTON.rglob("*.yaml")), of_tekton, r"command:\s*(?:\[|- )slipway\b"),
    ],
    ids=["github", "tekton"],
)
def test_no_file_of_either_engine_names_a_command_that_is_not_read(
    files: Sequence[Path], read: Callable[[Path], Iterator[Command]], call: str
) -> None:
    called = {path: len(re.findall(call, path.read_text(), re.MULTILINE)) for path in files}
    assert {path: len(list(read(path))) for path in files} == called
    assert sum(called.values()) > 10
