"""The data of a pull request: main's code fetches them from main's remote, by main's configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import toy_csv

from slipway.adapters.data.remote import place
from slipway.adapters.git import Git
from slipway.commands import data
from slipway.datasets import proposed
from slipway.datasets.pointer import Pointer
from slipway.errors import InputError, OutsideError
from slipway.workspace import Workspace

NAME = "data/toy/train.csv"


def digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def own(workspace: Workspace, commit: Callable[[str], str], tmp_path: Path) -> Workspace:
    """Main, with a pointer and a folder as remote."""
    config = workspace.git.root / ".dvc/config"
    config.parent.mkdir()
    config.write_text(f"[core]\nremote = kept\n['remote \"kept\"']\nurl = {tmp_path / 'remote'}\n")
    own = replace(workspace, settings=replace(workspace.settings, data_cache=tmp_path / "cache"))
    data.push(own, "toy", None, source=None, as_json=False)
    commit("Move the data")
    return own


@pytest.fixture
def theirs(own: Workspace, tmp_path: Path) -> Git:
    """A checkout of a pull request with new data, which were pushed."""
    new = tmp_path / "new.csv"
    new.write_text(toy_csv(170))
    own.git.run("switch", "--quiet", "--create=change")
    data.push(own, "toy", new, source=None, as_json=False)
    own.git.run("commit", "--quiet", "--all", "--message=New data")
    git = Git(root=tmp_path / "theirs")
    own.git.run("clone", "--quiet", "--branch=change", str(own.git.root), str(git.root))
    git.run("config", "user.name", "Test")
    git.run("config", "user.email", "test@example.org")
    own.git.run("switch", "--quiet", "main")
    return git


def fetched(root: Path) -> set[str]:
    folder = root / "files/md5"
    return {file.parent.name + file.name for file in folder.rglob("*") if file.is_file()}


def test_the_changes_data_and_mains_are_where_its_stages_look(own: Workspace, theirs: Git) -> None:
    lines = list(proposed.fetch(own, theirs.root, None))
    assert [line.partition(" is there")[0] for line in lines] == [f"toy  {NAME}"] * 2
    assert fetched(theirs.root / ".slipway/data") == {digest(toy_csv(170)), digest(toy_csv())}
    (theirs.root / ".dvc/config").unlink()
    there = replace(own, settings=replace(own.settings, repo=theirs.root, data_cache=None), git=theirs)
    assert there.model("toy").dataset.table.num_rows == 170
    assert theirs.run("status", "--porcelain") == " D .dvc/config"


def test_the_pull_requests_own_remote_is_not_asked(own: Workspace, theirs: Git, tmp_path: Path) -> None:
    text = "width\n1\n"
    secret = tmp_path / "secret" / place(digest(text))
    secret.parent.mkdir(parents=True)
    secret.write_text(text)
    config = theirs.root / ".dvc/config"
    config.write_text(config.read_text().replace(str(tmp_path / "remote"), str(tmp_path / "secret")))
    (theirs.root / f"{NAME}.dvc").write_bytes(Pointer(path="train.csv", md5=digest(text)).to_bytes())
    theirs.run("commit", "--quiet", "--all", "--message=Theirs")
    lines = list(proposed.fetch(own, theirs.root, None))
    assert f"{tmp_path / 'remote'} does not have train.csv" in lines[0]
    assert fetched(theirs.root / ".slipway/data") == {digest(toy_csv())}


def test_models_that_are_not_reviewed_are_left(own: Workspace, tmp_path: Path) -> None:
    git = Git(root=tmp_path / "same")
    own.git.run("clone", "--quiet", str(own.git.root), str(git.root))
    assert list(proposed.fetch(own, git.root, None)) == []


def test_a_faulty_pointer_is_left_to_its_review(own: Workspace, theirs: Git, tmp_path: Path) -> None:
    (theirs.root / f"{NAME}.dvc").write_text("outs: 3\n")
    theirs.run("commit", "--quiet", "--all", "--message=Theirs")
    assert list(proposed.fetch(own, theirs.root, tmp_path / "to")) == []


def test_a_link_in_place_of_the_cache_is_refused(own: Workspace, theirs: Git, tmp_path: Path) -> None:
    (theirs.root / ".slipway").symlink_to(tmp_path)
    theirs.run("add", "--force", ".slipway")
    theirs.run("commit", "--quiet", "--message=Theirs")
    with pytest.raises(InputError, match="is committed in the pull request"):
        list(proposed.fetch(own, theirs.root, None))
    assert list(proposed.fetch(own, theirs.root, tmp_path / "to"))


def test_a_remote_that_does_not_answer_fails_the_run(own: Workspace, theirs: Git, commit: Callable[[str], str]) -> None:
    config = own.git.root / ".dvc/config"
    nobody = "url = s3://b/x\nendpointurl = http://127.0.0.1:9\nallow_anonymous_login = true\n"
    config.write_text(f"[core]\nremote = s\n['remote \"s\"']\n{nobody}")
    commit("Another remote")
    with pytest.raises(OutsideError, match="cannot be used"):
        list(proposed.fetch(own, theirs.root, None))
