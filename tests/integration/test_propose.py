"""Commits that wait for a pull request, where main is protected: slipway's own are opened, and merge themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import remotes
from tests.github_server import FakeGitHub
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.github import GitHub, connect
from slipway.adapters.main_branch import Landing
from slipway.forge.proposing import propose
from slipway.workspace import Workspace

BRANCH = "slipway/production/toy"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


@pytest.fixture
def clone(world: World) -> Git:
    return world.clone()


@pytest.fixture
def workspace(world: World, clone: Git) -> Workspace:
    return world.workspace(clone, landing="branch")


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as github:
        yield github


@pytest.fixture
def forge(server: FakeGitHub) -> GitHub:
    return connect({**os.environ, **server.environ()})


@pytest.fixture
def waits(world: World, clone: Git) -> str:
    """The commit of a release that waits on its branch."""
    (step,) = world.releaser(clone, Landing.BRANCH).release(())
    assert step.commit
    return step.commit


def test_a_release_that_waits_is_opened_once_and_merges_itself(
    workspace: Workspace, forge: GitHub, server: FakeGitHub, waits: str
) -> None:
    first = propose(workspace, forge)
    (pull,) = server.state.pulls.values()
    assert (pull.branch, pull.base, pull.merges_itself) == (BRANCH, "main", True)
    assert pull.title.startswith("release(toy): ")
    pull.head = waits
    assert propose(workspace, forge) == first
    assert len(server.state.pulls) == 1


def test_a_strangers_commit_is_not_slipways_to_open(
    world: World, workspace: Workspace, forge: GitHub, server: FakeGitHub
) -> None:
    world.write("evil", "anything")
    world.person.run("add", "--all")
    world.person.run("commit", "--quiet", "--message=release(toy): 3fa9c1d2 100%")
    world.person.run("push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
    assert propose(workspace, forge) == []
    assert not server.state.pulls


def test_slipways_trailers_do_not_open_the_way_for_another_file(
    world: World, workspace: Workspace, forge: GitHub, server: FakeGitHub, waits: str
) -> None:
    message = world.bare("log", "-1", "--format=%B", waits)
    world.write(".github/workflows/evil.yml", "on: push")
    world.person.run("add", "--all")
    world.person.run("commit", "--quiet", f"--message={message}")
    world.person.run("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
    assert propose(workspace, forge) == []
    assert not server.state.pulls


def test_a_pull_request_that_somebody_closed_was_an_answer(
    workspace: Workspace, forge: GitHub, server: FakeGitHub, waits: str
) -> None:
    closed = server.state.open_pull(head=waits, branch=BRANCH)
    closed.is_open = False
    assert propose(workspace, forge) == []
    assert len(server.state.pulls) == 1
