"""What a change is compared with: the main that a release lands on, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.errors import InputError
from slipway.workspace import Workspace


@pytest.fixture
def git(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository with no branch at all, its HEAD at a commit."""
    monkeypatch.delenv("SLIPWAY_REMOTE", raising=False)
    git = workspace.git
    git.run("switch", "--quiet", "--detach")
    for ref in git.run("for-each-ref", "--format=%(refname)").splitlines():
        git.run("update-ref", "-d", ref)
    return git


def branches(git: Git, *places: str) -> dict[str, str]:
    """Branches, here and of remotes, each at a commit of its own."""
    tree = git.run("rev-parse", "HEAD^{tree}")
    made = {place: git.run("commit-tree", tree, "-p", "HEAD", "-m", place) for place in places}
    for place, commit in made.items():
        kind, _, rest = place.partition("/")
        if rest:
            git.run("config", f"remote.{kind}.url", "../nowhere")
        git.run("update-ref", f"refs/remotes/{place}" if rest else f"refs/heads/{place}", commit)
    return made


@pytest.mark.parametrize(
    ("places", "head", "expected"),
    [
        (("main",), "", "main"),
        (("master",), "", "master"),
        (("main", "master"), "", "main"),
        (("origin/main", "main"), "", "origin/main"),
        (("origin/master", "main"), "", "origin/master"),
        (("origin/main", "origin/master"), "", "origin/main"),
        (("origin/main", "origin/trunk"), "trunk", "origin/trunk"),
        (("origin/main", "origin/trunk"), "gone", "origin/main"),
        (("origin/topic", "main"), "", "main"),
        (("company/main", "main"), "", "company/main"),
        (("upstream/main", "origin/main"), "", "origin/main"),
    ],
)
def test_the_base_is_the_main_that_a_release_lands_on(
    workspace: Workspace, git: Git, places: tuple[str, ...], head: str, expected: str
) -> None:
    made = branches(git, *places)
    if head:
        git.run("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{head}")
    found = workspace.base(None)
    assert found is not None
    assert {place for place, commit in made.items() if commit == found.id} == {expected}
    assert MainBranch.of(git).name == expected.rpartition("/")[2]


def test_a_fork_is_compared_with_the_remote_that_is_named(
    workspace: Workspace, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = branches(git, "origin/main", "upstream/main")
    monkeypatch.setenv("SLIPWAY_REMOTE", "upstream")
    found = workspace.base(None)
    assert found is not None
    assert found.id == made["upstream/main"]


@pytest.mark.parametrize(
    ("place", "said", "hint"),
    [
        ("topic", "there is no origin/main, main, origin/master, master to compare", "git fetch origin main"),
        ("origin/topic", "there is no origin/main, main, origin/master, master to compare", "git fetch origin main"),
        ("company/topic", "there is no company/main, main, company/master, master", "git fetch company main"),
    ],
)
def test_no_main_is_said_with_what_was_looked_for(
    workspace: Workspace, git: Git, place: str, said: str, hint: str
) -> None:
    made = branches(git, place)
    with pytest.raises(InputError, match=said) as failure:
        workspace.base(None)
    assert hint in str(failure.value)
    found = workspace.base(place)
    assert found is not None
    assert found.id == made[place]


def test_a_base_that_is_named_needs_no_remote_that_is_clear(workspace: Workspace, git: Git) -> None:
    made = branches(git, "company/main", "fork/main")
    with pytest.raises(InputError, match="Set SLIPWAY_REMOTE"):
        workspace.base(None)
    found = workspace.base("fork/main")
    assert found is not None
    assert found.id == made["fork/main"]


def test_a_folder_without_commits_has_no_base(workspace: Workspace, git: Git) -> None:
    bare = Git(root=git.root.parent / "fresh")
    git.run("init", "--quiet", str(bare.root))
    assert replace(workspace, git=bare).base(None) is None
