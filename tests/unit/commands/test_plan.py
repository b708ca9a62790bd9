"""`plan`: what a change does, and on main what history asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests import remotes
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.commands.plan import show_plan, to_review
from slipway.errors import ExitCode, InputError
from slipway.screen import Screen

MANIFEST = "gitops/models/toy/production/seldon-deployment.yaml"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Toy is released, and the person's clone is at main."""
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    world.release(world.clone())
    world.pull()
    return world


def plan(
    world: World, capsys: pytest.CaptureFixture[str], git: Git | None = None, code: ExitCode = ExitCode.DONE
) -> Any:
    """The plan as JSON; as text it is about the same models."""
    workspace = world.workspace(git or world.person)
    assert show_plan(workspace, base=None, as_json=True) == code
    document = json.loads(capsys.readouterr().out)
    assert show_plan(workspace, base=None, as_json=False) == code
    text = capsys.readouterr().out
    shown = document["main"] if "main" in document and not any(effects(document)) else document["models"]
    lines = [line for line in text.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [one["model"] for one in shown]
    return document


def effects(document: Any) -> list[str]:
    return [one["effect"] for one in document["models"] if one["effect"] != "none"]


def test_main_says_what_history_asks_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (state,) = plan(world, capsys)["main"]
    assert state["wanted"] == "none"
    tip = world.give("B")
    document = plan(world, capsys)
    (state,) = document["main"]
    assert (state["wanted"], state["because"][0]["commit"], effects(document)) == ("release", tip, [])


def test_what_main_has_besides_is_said(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    workspace = replace(world.workspace(world.person), screen=Screen(console=Console(stderr=True)))
    show_plan(workspace, base=None, as_json=False)
    assert "behind" not in capfd.readouterr().err
    world.give("B")
    world.person.run("reset", "--quiet", "--hard", "HEAD~1")
    show_plan(workspace, base=None, as_json=False)
    assert "What is here is 1 behind main, which nothing above saw: git pull --ff-only" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("path", "old", "new", "effect", "reason"),
    [
        ("data/toy/train.csv", "blue", "green", "retrain", "train.csv changed"),
        ("data/toy/model.toml", "folds = 2", "folds = 3", "retrain", "model.toml [search] changed"),
        (
            "data/toy/model.toml",
            "min_improvement = -5.0",
            "min_improvement = 0.0",
            "judge",
            "model.toml [gate] changed",
        ),
        ("data/toy/model.toml", "replicas = 2", "replicas = 3", "configure", "model.toml [serving] changed"),
        ("data/toy/expectations.json", "critical", "warning", "judge", "expectations.json changed"),
        (MANIFEST, "cpu: 100m", "cpu: 200m", "none", ""),
    ],
)
def test_a_branch_says_what_the_change_does(
    world: World, capsys: pytest.CaptureFixture[str], path: str, old: str, new: str, effect: str, reason: str
) -> None:
    world.person.run("switch", "--quiet", "--create", "change")
    world.change(path, old, new)
    world.person.run("commit", "--quiet", "--all", "--message=Change it")
    document = plan(world, capsys)
    (model,) = document["models"]
    assert "main" not in document
    assert (model["effect"], model["reasons"]) == (effect, [reason] if reason else [])


def test_a_change_of_both_sides_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.change("data/toy/train.csv", "blue", "green")
    world.change(MANIFEST, "cpu: 100m", "cpu: 200m")
    (model,) = plan(world, capsys, code=ExitCode.BAD_INPUT)["models"]
    assert model["effect"] == "refused"
    assert MANIFEST in model["reasons"][-1]
    assert "two pull requests" in model["reasons"][-1]
    with pytest.raises(InputError, match="toy is refused"):
        to_review(world.workspace(world.person), None, [])
    with pytest.raises(InputError, match="toy is refused"):  # whether it is named or not
        to_review(world.workspace(world.person), None, ["toy"])


def test_the_other_models_manifest_is_no_matter(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.add("other")
    world.change(MANIFEST, "cpu: 100m", "cpu: 200m")
    assert effects(plan(world, capsys)) == ["retrain"]
    assert to_review(world.workspace(world.person), None, []) == ["other"]


def test_both_may_be_deleted_together(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.write("data/toy", None)
    world.write("gitops/models/toy", None)
    (model,) = plan(world, capsys)["models"]
    assert model["effect"] == "retire"


def test_only_the_inputs_deleted_and_the_manifest_edited_is_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.write("data/toy", None)
    world.change(MANIFEST, "cpu: 100m", "cpu: 200m")
    (model,) = plan(world, capsys, code=ExitCode.BAD_INPUT)["models"]
    assert model["effect"] == "refused"


def test_no_change_is_success(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.person.run("switch", "--quiet", "--create", "change")
    assert effects(plan(world, capsys)) == []
    assert to_review(world.workspace(world.person), None, []) == []


def test_a_shallow_clone_of_main_deepens_by_itself(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.give("B")
    shallow = world.clone("shallow", "--depth=1")
    (state,) = plan(world, capsys, shallow)["main"]
    assert state["wanted"] == "release"


def test_what_is_broken_is_exit_code_2(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.write(MANIFEST, "kind: [\n")
    world.commit("Break it")
    (state,) = plan(world, capsys, code=ExitCode.BAD_INPUT)["main"]
    assert state["wanted"] == "faulty"
    assert state["problem"].startswith(MANIFEST)
