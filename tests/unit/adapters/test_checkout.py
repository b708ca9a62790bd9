"""A clone for a run: what it holds, and what it does not leave behind."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from slipway.adapters.checkout import checkout
from slipway.adapters.credentials import credentials
from slipway.errors import InputError, OutsideError

ENVIRON = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@localhost",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@localhost",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],  # noqa: S607  the machine's own git
        env=ENVIRON,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        git(folder, "add", "file")
        git(folder, "commit", "--quiet", "-m", text)
    (folder / "file").write_text("three")
    git(folder, "commit", "--quiet", "-am", "three")
    git(folder, "update-ref", "refs/pull/7/merge", "HEAD")
    git(folder, "reset", "--quiet", "--hard", "HEAD~1")
    return folder


def test_a_pull_requests_merge_is_checked_out_with_mains_history(origin: Path, tmp_path: Path) -> None:
    to = tmp_path / "clone"
    commit = checkout(str(origin), to, ref="refs/pull/7/merge", base="main", environ=ENVIRON)
    assert commit == git(origin, "rev-parse", "refs/pull/7/merge")
    assert (to / "file").read_text() == "three"
    assert git(to, "rev-list", "--count", "origin/main") == "2"


def test_a_merge_that_was_tried_is_about_the_pull_requests_own_commit(origin: Path, tmp_path: Path) -> None:
    git(origin, "switch", "--quiet", "--create", "change", "HEAD~1")
    (origin / "other").write_text("theirs")
    git(origin, "add", "other")
    git(origin, "commit", "--quiet", "-m", "theirs")
    theirs = git(origin, "rev-parse", "HEAD")
    git(origin, "switch", "--quiet", "--detach", "main")
    git(origin, "merge", "--quiet", "--no-edit", "change")
    git(origin, "update-ref", "refs/pull/9/merge", "HEAD")
    assert checkout(str(origin), tmp_path / "clone", ref="refs/pull/9/merge", base="main", environ=ENVIRON) == theirs
    assert (tmp_path / "clone" / "other").exists()


def test_a_pull_request_sends_git_lfs_nowhere(origin: Path, tmp_path: Path) -> None:
    """A machine that has Git LFS runs it for whatever .gitattributes names."""
    git(origin, "switch", "--quiet", "--detach")
    (origin / ".gitattributes").write_text("file filter=lfs\n")
    (origin / ".lfsconfig").write_text("[lfs]\n\turl = https://localhost/\n")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "theirs")
    git(origin, "update-ref", "refs/pull/8/merge", "HEAD")
    told = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "filter.lfs.smudge"}
    told["GIT_CONFIG_VALUE_0"] = 'cat; echo " skipped=$GIT_LFS_SKIP_SMUDGE"'
    checkout(str(origin), tmp_path / "clone", ref="refs/pull/8/merge", base="main", environ={**ENVIRON, **told})
    assert (tmp_path / "clone" / "file").read_text() == "two skipped=1\n"


def test_without_a_ref_main_is_checked_out_and_may_be_pushed(origin: Path, tmp_path: Path) -> None:
    to = tmp_path / "clone"
    checkout(str(origin), to, ref="", base="main", environ=ENVIRON)
    assert git(to, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_a_second_try_brings_the_folder_up_to_date(origin: Path, tmp_path: Path) -> None:
    to = tmp_path / "clone"
    checkout(str(origin), to, ref="", base="main", environ=ENVIRON)
    (origin / "file").write_text("four")
    git(origin, "commit", "--quiet", "-am", "four")
    (to / "file").write_text("half written")
    checkout(str(origin), to, ref="", base="main", environ=ENVIRON)
    assert (to / "file").read_text() == "four"


def test_a_pull_request_with_conflicts_is_told_as_such(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="conflicts"):
        checkout(str(origin), tmp_path / "clone", ref="refs/pull/8/merge", base="main", environ=ENVIRON)


def test_a_folder_with_something_else_stays_as_it_is(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        checkout(str(origin), tmp_path, ref="", base="main", environ=ENVIRON)


@pytest.mark.parametrize("url", ["ext::sh -c touch% owned", "/nowhere/at/all"])
def test_what_is_no_repository_is_one_message(url: str, tmp_path: Path) -> None:
    with pytest.raises(OutsideError):
        checkout(url, tmp_path / "clone", ref="", base="main", environ=ENVIRON)
    assert not Path("owned").exists()


def test_the_token_is_shown_to_its_own_server_alone() -> None:
    environ = {"GITHUB_TOKEN": "secret", "GIT_CONFIG_COUNT": "1"}
    told = credentials("https://github.com/a/b", environ)
    assert told["GIT_CONFIG_COUNT"] == "2"
    assert base64.b64decode(told["GIT_CONFIG_VALUE_1"].rsplit(" ", 1)[1]) == b"x-access-token:secret"
    for other in ("https://github.com.evil.example/a/b", "http://github.com/a/b", "ssh://git@github.com/a/b"):
        assert credentials(other, environ) == {}


def test_the_token_is_not_left_in_the_folder(origin: Path, tmp_path: Path) -> None:
    environ = {**ENVIRON, "GITHUB_TOKEN": "a-secret-token", "GITHUB_SERVER_URL": "file://"}
    to = tmp_path / "clone"
    checkout(f"file://{origin}", to, ref="", base="main", environ=environ)
    written = b"".join(path.read_bytes() for path in (to / ".git").rglob("*") if path.is_file())
    assert b"a-secret-token" not in written
    assert base64.b64encode(b"x-access-token:a-secret-token") not in written
