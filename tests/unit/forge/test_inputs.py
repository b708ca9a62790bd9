"""Whose code a pull request's run was of, told from Git alone: also once it is merged, whatever the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.remotes import ENVIRON, PERSON

from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.forge.inputs import Inputs
from slipway.forge.interface import Pull

DATA, CODE = "data/toy/train.csv", "src/slipway/stages/tune.py"


@dataclass(frozen=True)
class People:
    """A repository whose pull request number 1 is of the branch `change`."""

    git: Git
    remote: Git

    def commit(self, *paths: str, text: str = "x\n") -> str:
        for path in paths:
            file = self.git.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((file.read_text() if file.exists() else "") + text)
        self.git.run("add", "--all")
        self.git.run("commit", "--quiet", "--message=Change")
        return self.git.run("rev-parse", "HEAD")

    def switch(self, branch: str, *options: str) -> None:
        self.git.run("switch", "--quiet", *options, branch)

    def merge(self, branch: str, *options: str) -> None:
        self.git.run("merge", "--quiet", "--no-edit", *options, branch)

    def open(self) -> None:
        """Push the change as it is now, and have the forge try its merge."""
        self.git.run("push", "--quiet", "--force", "origin", "main", "change:refs/pull/1/head")
        self.git.run("switch", "--quiet", "--detach", "main")
        self.merge("change", "--no-ff")
        self.git.run("push", "--quiet", "--force", "origin", "HEAD:refs/pull/1/merge")
        self.switch("main")

    def close(self) -> None:
        """Push main, and have the forge forget the merge that it tried."""
        self.git.run("push", "--quiet", "origin", "main", ":refs/pull/1/merge")

    def inputs(self) -> Inputs:
        """What slipway sees from a clone of its own."""
        clone = Git(root=self.git.root.parent / "clone")
        self.git.run("clone", "--quiet", str(self.remote.root), str(clone.root))
        head = self.git.run("rev-parse", "change")
        pull = Pull(number=1, head=head, head_repository="a/b", head_branch="change", base_branch="main", is_open=True)
        return Inputs(git=clone, main=MainBranch.of(clone, os.environ), pull=pull)


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    remote, git = Git(root=tmp_path / "remote"), Git(root=tmp_path / "person")
    for one in (remote, git):
        one.root.mkdir()
    remote.run("init", "--quiet", "--bare", "--initial-branch=main")
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("remote", "add", "origin", str(remote.root))
    for name, value in PERSON.items():
        git.run("config", name, value)
    people = People(git, remote)
    people.commit(DATA, CODE)
    people.commit("notes")
    people.switch("change", "--create")
    return people


def squash(people: People) -> None:
    people.merge("change", "--squash")
    people.git.run("commit", "--quiet", "--message=Change (#1)")


WAYS: dict[str, Callable[[People], object]] = {
    "open": lambda _: None,
    "merged": lambda people: people.merge("change", "--no-ff"),
    "squashed": squash,
    "rebased": lambda people: people.git.run("cherry-pick", "-x", "main..change"),
}


@pytest.mark.parametrize("moved", ["still", "updated"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("paths", "brings_code"), [((DATA,), False), ((DATA, CODE), True)], ids=["data", "code"])
def test_what_a_change_brings_is_the_same_before_and_after_its_merge(
    people: People, paths: tuple[str, ...], way: str, moved: str, *, brings_code: bool
) -> None:
    people.commit(*paths)
    if moved == "updated":
        people.switch("main")
        people.commit("src/slipway/other.py")
        people.switch("change")
        people.merge("main")
    people.open()
    if way != "open":
        if (way, moved) == ("rebased", "updated"):
            people.git.run("cherry-pick", "-x", "change^1")
        else:
            WAYS[way](people)
        people.commit("later")
        people.close()
    assert people.inputs().brings_code is brings_code


def test_what_cannot_be_told_may_have_brought_code(people: People) -> None:
    """Somebody pushed it to main as it was: nobody knows where main was before."""
    people.commit(DATA)
    people.open()
    people.merge("change", "--ff-only")
    people.close()
    inputs = people.inputs()
    assert inputs.brings_code
    assert replace(inputs, pull=replace(inputs.pull, head="ab" * 20)).brings_code


@pytest.mark.parametrize("is_tried", [True, False], ids=["tried", "not tried"])
def test_code_that_never_was_mains_is_not_by_a_merge_of_its_revert(people: People, *, is_tried: bool) -> None:
    """Another pull request brought it and took it back, and was merged; this one was upon the code in between."""
    people.switch("hidden", "--create")
    code = people.commit(CODE)
    people.git.run("revert", "--no-edit", "HEAD")
    people.git.run("branch", "--force", "change", code)
    people.switch("change")
    people.commit(DATA)
    people.switch("main")
    people.merge("hidden", "--no-ff")
    people.open()
    if not is_tried:
        people.close()
    assert people.inputs().brings_code
