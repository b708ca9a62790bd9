"""Releases that were taken back while nobody could be told: real remotes, and a GitHub of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tests import remotes
from tests.github_server import FakeGitHub
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.commands.settle import Look, settle
from slipway.errors import OutsideError
from slipway.release.releaser import Releaser
from slipway.screen import Screen

STAGING, PRODUCTION = "staging", "production"
WHY = "Its answers are wrong: 1 of 3 golden requests got another answer; 2 got none"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A world whose releases pass staging, and the GitHub that its pull request was merged at."""

    world: World
    git: Git
    github: FakeGitHub
    said: StringIO

    def releaser(self, environment: str, landing: Landing = Landing.PUSH) -> Releaser:
        return self.world.releaser(self.git, landing, environment=environment, environments=(STAGING, PRODUCTION))

    def merge(self, version: str) -> int:
        """Merge a pull request that brings other data, and release them to staging; its number."""
        pull = self.github.state.open_pull(branch=f"data-{version}")
        self.github.state.merge(pull, self.world.give(version))
        list(self.releaser(STAGING).release())
        return pull.number

    def revert(self, environment: str) -> str:
        """Take back what is on trial, as a run does that is killed before it tells anybody; the commit."""
        serving = self.releaser(environment)._read(self.world.main(), "toy").state.trial
        assert serving
        return self.releaser(environment).revert("toy", serving.key, why=WHY).commit

    def settle(
        self, *models: str, git: Git | None = None, later: timedelta = timedelta(), dry_run: bool = False
    ) -> str:
        """What another run says of it, minutes or hours after."""
        workspace = self.world.workspace(git or self.git, environments=(STAGING, PRODUCTION))
        self.said.truncate(0)
        settle(
            replace(
                workspace,
                now=lambda: remotes.NOW + later,
                screen=Screen(console=Console(file=self.said, width=200)),
            ),
            models,
            Look(dry_run=dry_run),
            as_json=True,
        )
        return self.said.getvalue()

    def comments(self) -> dict[int, list[str]]:
        """What was said of each pull request."""
        found: dict[int, list[str]] = {}
        for one in self.github.state.comments.values():
            found.setdefault(one.pull, []).append(one.body)
        return found


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    with FakeGitHub.serve() as github:
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        place = Place(world=world, git=world.clone(), github=github, said=StringIO())
        (first,) = place.releaser(STAGING).release()
        place.releaser(STAGING).confirm("toy", str(first.key))
        list(place.releaser(PRODUCTION).release())
        yield place


def test_a_later_run_tells_what_a_killed_one_did_not(place: Place) -> None:
    pull = place.merge("B")
    commit = place.revert(STAGING)
    assert "told" not in place.settle(dry_run=True)
    said = place.settle(later=timedelta(minutes=1))
    assert f"in {STAGING} was taken back by {commit[:8]}; told " in said
    (comment,) = place.comments()[pull]
    assert commit in comment
    assert "\n- 1 of 3 golden requests got another answer\n- 2 got none\n" in comment
    assert "taken back" not in place.settle(later=timedelta(minutes=2))
    assert len(place.github.asked("POST", "/comments")) == 1
    assert not place.github.asked("PATCH")


def test_it_is_told_in_the_end_where_the_forge_was_down(place: Place) -> None:
    pull = place.merge("B")
    place.revert(STAGING)
    place.github.state.denied |= {"pull_requests=write", "issues=write"}
    assert "could not be told" in place.settle(later=timedelta(minutes=1))
    place.github.state.denied.clear()
    assert "; told " in place.settle(later=timedelta(minutes=11))
    assert len(place.comments()[pull]) == 1


def test_a_forge_that_is_down_is_asked_of_one_revert_and_not_of_each(place: Place) -> None:
    pulls = [place.merge("B")]
    place.releaser(STAGING).promote("toy")
    list(place.releaser(PRODUCTION).release())
    place.revert(PRODUCTION)
    pulls.append(place.merge("C"))
    place.revert(STAGING)
    place.github.state.denied |= {"pull_requests=write", "issues=write"}
    assert place.settle(later=timedelta(minutes=1)).count("could not be told") == 1
    place.github.state.denied.clear()
    place.settle(later=timedelta(minutes=2))
    assert sorted(place.comments()) == pulls


def test_the_one_that_caused_it_is_told_whichever_environment_it_came_through(place: Place) -> None:
    pull = place.merge("B")
    place.releaser(STAGING).promote("toy")
    list(place.releaser(PRODUCTION).release())
    commit = place.revert(PRODUCTION)
    place.settle(later=timedelta(minutes=1))
    ((told, (comment,)),) = place.comments().items()
    assert (told, commit in comment, f"`{PRODUCTION}`" in comment) == (pull, True, True)


def test_a_shallow_clone_tells_it_too(place: Place, tmp_path: Path) -> None:
    pull = place.merge("B")
    place.revert(STAGING)
    place.git.run("clone", "--quiet", "--depth=1", f"file://{place.world.remote}", str(tmp_path / "shallow"))
    place.settle(git=Git(root=tmp_path / "shallow"), later=timedelta(minutes=1))
    assert list(place.comments()) == [pull]


def test_what_is_long_past_or_of_another_model_is_left(place: Place) -> None:
    place.merge("B")
    place.revert(STAGING)
    place.world.pull()
    place.world.add("other")
    place.world.commit("Add another model")
    place.settle("other", later=timedelta(minutes=1))
    asked = len(place.github.requests)
    place.settle(later=timedelta(hours=2))
    assert (place.comments(), len(place.github.requests)) == ({}, asked)


def test_a_commit_that_only_says_so_tells_nobody(place: Place) -> None:
    place.merge("B")
    place.world.pull()
    message = "revert(toy): 3fa9c1d2 It is slow\n\nIt is slow.\n\nSlipway-Model: {}\nSlipway-Key: {}\n"
    for model in ("toy", "../../x", "nobody"):
        place.world.commit(message.format(model, "3fa9c1d2" * 8) + f"Slipway-Environment: {STAGING}\n")
    place.settle(later=timedelta(minutes=1))
    assert place.comments() == {}


def test_a_revert_that_waited_is_told_again_once_it_is_merged(place: Place) -> None:
    pull = place.merge("B")
    main = MainBranch.of(place.git)
    trial = place.releaser(STAGING)._read(main.tip(), "toy").state.trial
    assert trial
    step = place.releaser(STAGING, Landing.BRANCH).revert("toy", trial.key, why=WHY)
    assert step.commit
    assert "taken back" not in place.settle(later=timedelta(minutes=1))
    place.world.pull()
    place.world.person.run("fetch", "--quiet", "origin")
    place.world.person.run("merge", "--quiet", "--no-ff", "--message=Merge pull request #9 from acme/it", step.commit)
    place.world.push()
    assert "; told " in place.settle(later=timedelta(hours=20)), "it is news, however long it waited"
    (comment,) = place.comments()[pull]
    assert f"{step.commit} took it back" in comment


def test_a_release_that_came_back_and_was_taken_back_again_is_told_of_the_last_time(place: Place) -> None:
    pull = place.merge("B")
    first = place.revert(STAGING)
    place.settle(later=timedelta(minutes=1))
    assert first in place.comments()[pull][0]
    place.world.revert(first)
    (back,) = place.releaser(STAGING).release()
    last = place.releaser(STAGING).revert("toy", str(back.key), why="It is slow: p99 is 90 ms").commit
    assert last
    for minute in (2, 3):
        place.settle(later=timedelta(minutes=minute))
    (comment,) = place.comments()[pull]
    assert (f"{last} took it back" in comment, "p99 is 90 ms" in comment) == (True, True)
    assert len(place.github.asked("PATCH")) == 1


@pytest.mark.parametrize("kind", ["extended", "perl", "fixed"])
def test_nobodys_configuration_of_grep_hides_it(place: Place, kind: str) -> None:
    pull = place.merge("B")
    place.revert(STAGING)
    place.git.run("config", "grep.patternType", kind)
    place.settle(later=timedelta(minutes=1))
    assert list(place.comments()) == [pull]


def test_what_goes_wrong_with_it_is_told_and_no_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.merge("B")
    place.revert(STAGING)

    def fail(*_: object) -> None:
        raise OutsideError("the disk is gone")

    monkeypatch.setattr("slipway.commands.telling.lately", fail)
    assert "could not be told: the disk is gone" in place.settle(later=timedelta(minutes=1))
