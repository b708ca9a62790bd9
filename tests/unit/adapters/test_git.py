"""Git, through its own program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.adapters.git import Git, WorkTree
from slipway.errors import InputError, OutsideError


def test_a_commit_is_read_without_a_checkout(repository: Git, commit: Callable[[str], str]) -> None:
    file = repository.root / "data/toy/ä b\n.csv"
    file.write_bytes(b"\x00\xffbytes")
    first = repository.commit(commit("Add a file with an awkward name"))
    file.unlink()
    second = repository.commit(commit("Take it away"))
    name = "data/toy/ä b\n.csv"
    assert first.read(name) == b"\x00\xffbytes"
    assert second.read(name) is None
    assert first.digest(name) is not None
    assert second.digest(name) is None
    assert name in first.files("data")
    assert name not in second.files("data")


def test_a_commit_and_the_folder_list_the_same_files(repository: Git) -> None:
    tree = WorkTree(root=repository.root)
    for prefix in ("data", "src/slipway/training", "nowhere"):
        assert tree.files(prefix).keys() == repository.commit("HEAD").files(prefix).keys()


@pytest.mark.parametrize("name", ["nope", "HEAD~99", "--output=/tmp/x", "", "HEAD:data"])
def test_names_that_are_no_commits_are_refused(repository: Git, name: str) -> None:
    assert repository.resolve(name) is None
    with pytest.raises(InputError, match="is not a commit"):
        repository.commit(name)


def test_a_folder_that_is_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git = Git(root=tmp_path)
    assert not git.is_repository()
    with pytest.raises(OutsideError, match="not a git repository"):
        git.run("log")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_somebody_else_does_not_pass_for_none(
    repository: Git, commit: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("first")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.delenv("SUDO_UID", raising=False)
    for path in (repository.root, repository.root / ".git"):
        os.chown(path, 1234, 1234)
    with pytest.raises(OutsideError, match="belongs to another user") as failure:
        repository.is_repository()
    assert "safe.directory" in str(failure.value.hint)


def test_a_machine_without_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutsideError, match="git is not installed"):
        Git(root=tmp_path).run("log")
