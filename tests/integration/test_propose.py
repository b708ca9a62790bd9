"""Commits that wait for a pull request, where main is protected: slipway's own are opened, and merge themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests import remotes
from tests.github_server import FakeGitHub, Fault
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.github import GitHub, connect
from slipway.adapters.main_branch import Landing
from slipway.delivery.manifest import Release
from slipway.errors import OutsideError
from slipway.forge import approving
from slipway.forge.proposing import propose
from slipway.release.step import Done
from slipway.screen import Screen
from slipway.workspace import Workspace

BRANCH = "slipway/production/toy"
HEAD = "ab" * 20


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


@pytest.mark.parametrize(("text", "is_kept"), [("", False), ("\r\nI looked at it: fine.", True)])
def test_another_commit_on_the_branch_is_another_title(
    workspace: Workspace, forge: GitHub, server: FakeGitHub, waits: str, text: str, *, is_kept: bool
) -> None:
    propose(workspace, forge)
    (pull,) = server.state.pulls.values()
    pull.head, pull.title, pull.body = waits, "promote(toy): 3fa9c1d2 100%", pull.body.replace("\n", "\r\n") + text
    propose(workspace, forge)
    assert pull.title.startswith("promote" if is_kept else "release")


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


def test_what_was_closed_was_no_answer_to_another_commit(
    workspace: Workspace, forge: GitHub, server: FakeGitHub, waits: str
) -> None:
    server.state.open_pull(head=HEAD, branch=BRANCH).is_open = False
    server.state.open_pull(head=waits, branch="another").is_open = False
    (address,) = propose(workspace, forge)
    assert address.endswith("/pull/3")


def test_one_that_fails_keeps_no_other_from_its_own(
    world: World,
    clone: Git,
    workspace: Workspace,
    forge: GitHub,
    server: FakeGitHub,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.add("aaa")
    world.commit("Add aaa")
    list(world.releaser(clone, Landing.BRANCH).release(()))
    server.faults.append(Fault.refused("POST", "/pulls", status=422, message="No pull requests today."))
    server.faults[0].times = 1
    with pytest.raises(OutsideError, match=r"^slipway/production/aaa: GitHub refuses .*No pull requests today\.$"):
        propose(replace(workspace, screen=Screen(console=Console(stderr=True))), forge)
    (pull,) = server.state.pulls.values()
    assert (pull.branch, pull.merges_itself) == (BRANCH, True)
    assert "/pull/1" in capsys.readouterr().err
    pull.head = world.bare("rev-parse", BRANCH)
    assert len(propose(workspace, forge)) == 2


# ---- a person approves


@pytest.fixture
def to_approve(world: World, clone: Git) -> Workspace:
    """Staging has verified a release, and production's waits for a person."""
    chosen: dict[str, Any] = {
        "environment": "staging",
        "environments": ("staging", "production"),
        "approve": ("production",),
    }
    staging = world.releaser(clone, **chosen)
    (first,) = staging.release()
    staging.confirm("toy", str(first.key))
    approve(world, clone)
    return world.workspace(clone, **chosen)


def approve(world: World, clone: Git) -> None:
    chosen: dict[str, Any] = {
        "environment": "production",
        "environments": ("staging", "production"),
        "approve": ("production",),
    }
    list(world.releaser(clone, **chosen).release())


def test_what_a_person_approves_does_not_merge_itself(
    to_approve: Workspace, forge: GitHub, server: FakeGitHub, world: World
) -> None:
    first = propose(to_approve, forge)
    (pull,) = server.state.pulls.values()
    assert (pull.branch, pull.base, pull.merges_itself) == (BRANCH, "main", False)
    assert pull.title.endswith(" in production")
    key = world.workspace(world.person).model("toy").key
    assert f"`{key}`" in pull.body
    assert f"verified in staging | since {world.main()[:12]}, 2026-01-31 12:00 UTC" in pull.body
    assert "+++ b/gitops/models/toy/production/seldon-deployment.yaml" in pull.body
    assert "log_loss" in pull.body
    pull.head = world.bare("rev-parse", BRANCH)
    assert propose(to_approve, forge) == first
    assert (len(server.state.pulls), pull.merges_itself) == (1, False)


def test_a_text_that_a_person_took_over_stays_theirs(
    to_approve: Workspace, forge: GitHub, server: FakeGitHub, world: World
) -> None:
    propose(to_approve, forge)
    (pull,) = server.state.pulls.values()
    pull.head, ours = world.bare("rev-parse", BRANCH), pull.body
    pull.body = ours.replace("`gitops/`", "the folder")
    propose(to_approve, forge)
    assert pull.body == ours
    pull.body = "Mine."
    propose(to_approve, forge)
    assert pull.body == "Mine."


def test_no_commit_of_one_environment_brings_another_past_a_person(
    to_approve: Workspace, forge: GitHub, server: FakeGitHub, world: World
) -> None:
    """Whoever may push branches could write slipway's trailers, under the name of an environment without approval."""
    waiting = world.bare("rev-parse", BRANCH)
    for branch in ("slipway/staging/toy", "slipway/production/toy.at-once"):
        world.bare("update-ref", f"refs/heads/{branch}", waiting)
    assert len(propose(replace(to_approve, settings=replace(to_approve.settings, landing="branch")), forge)) == 2
    assert {pull.branch for pull in server.state.pulls.values()} == {BRANCH, f"{BRANCH}.at-once"}
    assert not any(pull.merges_itself for pull in server.state.pulls.values())


def test_a_promotion_waits_for_nobody_where_releases_do(
    to_approve: Workspace, forge: GitHub, server: FakeGitHub, world: World, clone: Git
) -> None:
    world.bare("update-ref", "refs/heads/main", BRANCH)
    world.give("B")
    chosen: dict[str, Any] = {"environments": ("staging", "production"), "approve": ("production",)}
    staging = world.releaser(clone, environment="staging", **chosen)
    list(staging.release())
    staging.promote("toy")
    approve(world, clone)
    world.bare("update-ref", "refs/heads/main", BRANCH)
    world.bare("branch", "-D", BRANCH)
    (step,) = [world.releaser(clone, Landing.BRANCH, environment="production", **chosen).promote("toy")]
    assert step.done is Done.PROPOSED
    propose(replace(to_approve, settings=replace(to_approve.settings, landing="branch")), forge)
    (pull,) = server.state.pulls.values()
    assert (pull.branch, pull.merges_itself) == (f"{BRANCH}.at-once", True)


HOSTILE = "<img src=x>|`x`\n@team [a](http://b) "


def test_nothing_of_a_manifest_is_rendered() -> None:
    release = Release(key="a" * 64, image=f"r/x@sha256:{'0' * 64}", commit="c" * 40, metrics={HOSTILE: 1.0})
    text = approving.body(
        approving.Offer(
            model="toy", environment="production", release=release, live=None, verified=None, diff=f"```\n{HOSTILE}\n"
        )
    )
    table, _, rest = text.partition("What changes")
    assert not any(active in table for active in ("<img", "@team", "](http", "`x`"))
    assert rest.count("\n````") == 2
    assert all(line.count("|") == 4 for line in table.splitlines() if line.startswith("|"))
