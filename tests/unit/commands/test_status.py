"""`status` and `history`: what is live, on trial, held or wanted, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.commands import status as commands
from slipway.errors import ExitCode, InputError


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


@pytest.fixture
def clone(world: World) -> Git:
    return world.clone()


class Told:
    """What the two commands print of a clone, as text and as JSON."""

    def __init__(self, world: World, git: Git, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.git, self.capsys = world, git, capsys

    def text(self, model: str = "", code: ExitCode = ExitCode.DONE) -> str:
        return self._run(model, code, as_json=False)

    def json(self, model: str = "", code: ExitCode = ExitCode.DONE) -> Any:
        return json.loads(self._run(model, code, as_json=True))

    def _run(self, model: str, code: ExitCode, *, as_json: bool) -> str:
        self.git.run("fetch", "--quiet", "origin")
        workspace = self.world.workspace(self.git)
        if model:
            assert commands.history(workspace, model, as_json=as_json) == code
        else:
            assert commands.status(workspace, [], as_json=as_json) == code
        return self.capsys.readouterr().out


@pytest.fixture
def told(world: World, clone: Git, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(world, clone, capsys)


def short(text: str) -> list[str]:
    """The cells of a table's first row."""
    return re.split(r" {2,}", text.splitlines()[1].strip())


def test_nothing_released(world: World, told: Told) -> None:
    (model,) = told.json()["models"]
    assert (model["live"], model["trial"], model["wanted"]) == (None, None, "release")
    assert model["because"] == [{"commit": world.main(), "what": f"changed the key to {model['key'][:8]}"}]
    text = told.text()
    assert short(text) == ["toy", "production", "-", f"release {model['key'][:8]}"]
    assert f"toy in production: release: {world.main()[:8]} changed the key to {model['key'][:8]}" in text
    assert told.json("toy") | model == {**model, "rollback": "", "events": []}


def test_live_then_on_trial_then_held(world: World, clone: Git, told: Told) -> None:
    (first,) = world.release(clone)
    (model,) = told.json()["models"]
    assert (model["wanted"], model["trial"]) == ("none", None)
    live = model["live"]
    assert (live["key"], live["since"], live["percent"]) == (first.key, first.commit, 100)
    assert live["metrics"]["log_loss"] > 0
    assert f"{str(first.key)[:8]} since {first.commit[:8]}" in told.text()
    assert f"log_loss {live['metrics']['log_loss']:.4g}" in told.text()

    world.give("B")
    (second,) = world.release(clone)
    (model,) = told.json()["models"]
    assert (model["live"]["percent"], model["live"]["since"]) == (90, first.commit)
    assert (model["trial"]["percent"], model["trial"]["since"]) == (10, second.commit)
    assert f"{str(second.key)[:8]} 10% since {second.commit[:8]}" in told.text()

    reverted = world.revert(second.commit)
    (model,) = told.json()["models"]
    assert (model["wanted"], model["trial"]) == ("held", None)
    assert model["because"][0]["commit"] == reverted
    assert model["live"]["since"] == first.commit
    assert f"to put it back: git revert {reverted[:8]}" in told.text()


def test_each_environment_has_its_own(world: World, clone: Git, told: Told) -> None:
    (first,) = world.release(clone)
    releaser = world.releaser(clone, environment="staging")
    world.give("B")
    (staged,) = releaser.release()
    production, staging = told.json()["models"]
    assert [one["environment"] for one in (production, staging)] == ["production", "staging"]
    assert (production["live"]["key"], production["wanted"]) == (first.key, "release")
    assert (staging["live"]["key"], staging["wanted"]) == (staged.key, "none")
    rows = [line.split()[:2] for line in told.text().splitlines() if line.startswith("toy  ")]
    assert rows == [["toy", "production"], ["toy", "staging"]]


def test_a_faulty_model_is_exit_code_2_and_hides_no_other(world: World, clone: Git, told: Told) -> None:
    world.release(clone)
    world.pull()
    world.add("other")
    world.write("data/toy/model.toml", "[model\n")
    world.commit("Break toy")
    other, toy = told.json(code=ExitCode.BAD_INPUT)["models"]
    assert (other["wanted"], toy["wanted"]) == ("release", "faulty")
    assert toy["problem"].startswith("data/toy/model.toml:1")
    assert toy["live"]["percent"] == 100  # what is served is known all the same
    assert "data/toy/model.toml:1" in told.text(code=ExitCode.BAD_INPUT)


def test_history_lists_every_act_newest_first(world: World, clone: Git, told: Told) -> None:
    world.release(clone)
    world.give("B")
    world.release(clone)
    promoted = world.releaser(clone).promote("toy")
    found = told.json("toy")
    subjects = [event["subject"] for event in found["events"]]
    assert subjects == [line for line in world.log() if line.startswith(("release(", "promote("))]
    assert [event["trial"] is not None for event in found["events"]] == [False, True, False]
    assert {event["author"] for event in found["events"]} == {"slipway"}
    assert found["rollback"] == f"git revert {promoted.commit[:12]}"
    assert told.text("toy").startswith("when")


def roll_back(world: World, told: Told) -> None:
    """What a person does with the command that `history` prints."""
    command = told.json("toy")["rollback"].split()
    assert command[:2] == ["git", "revert"]
    world.pull()
    world.person.run(*command[1:], "--no-edit")
    world.push()


def test_the_rollback_command_rolls_back(world: World, clone: Git, told: Told) -> None:
    (first,) = world.release(clone)
    world.give("B")
    world.release(clone)
    world.releaser(clone).promote("toy")
    roll_back(world, told)
    assert told.json("toy")["wanted"] == "rollback"
    world.release(clone)
    (model,) = told.json()["models"]
    assert (model["live"]["key"], model["trial"], model["wanted"]) == (first.key, None, "held")


def test_the_rollback_of_a_merge_says_which_side_stays(world: World, clone: Git, told: Told) -> None:
    """A release that came by a pull request is a merge commit, which Git reverts only when told so."""
    (first,) = world.release(clone)
    world.give("B")
    person = world.person
    world.pull()
    person.run("switch", "--quiet", "--create", "promotion")
    git = world.clone("other")
    git.run("remote", "remove", "origin")
    (step,) = world.releaser(git).release()
    person.run("fetch", "--quiet", str(git.root), step.commit)
    person.run("switch", "--quiet", "main")
    person.run("merge", "--quiet", "--no-ff", "--message=Merge pull request #1", "FETCH_HEAD")
    world.push()
    assert told.json("toy")["trial"]["key"] == step.key
    roll_back(world, told)
    (model,) = told.json()["models"]
    assert (model["live"]["key"], model["trial"], model["wanted"]) == (first.key, None, "held")


def test_a_model_that_nobody_has_is_named(told: Told) -> None:
    with pytest.raises(InputError, match="there is no model 'nobody' on main"):
        told.text("nobody")


def test_no_repository_and_no_models(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], told: Told
) -> None:
    empty = Git(root=tmp_path / "empty")
    empty.root.mkdir()
    with pytest.raises(InputError, match="no Git repository with a commit"):
        commands.status(world.workspace(empty), [], as_json=False)
    world.write("data/toy", None)
    world.commit("Delete toy")
    assert told.text() == ""
    assert told.json()["models"] == []
    assert capsys.readouterr().err == ""


def test_a_folder_beside_the_environments_is_none(world: World, clone: Git, told: Told) -> None:
    world.release(clone)
    world.pull()
    world.write("gitops/models/toy/base/kustomization.yaml", "resources: []\n")
    world.commit("Add a base")
    assert [model["environment"] for model in told.json()["models"]] == ["production"]
