"""A clone for a run: what it holds, and what it does not leave behind."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from slipway.adapters.checkout import PAUSES, checkout
from slipway.adapters.credentials import credentials
from slipway.cli.ci import ci_checkout
from slipway.errors import InputError, OutsideError

TASK = Path(__file__).parents[3] / "tekton/tasks/checkout.yaml"

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


def clone(url: str, to: Path, *, ref: str = "", environ: Mapping[str, str] = ENVIRON) -> str:
    """Check out what nobody waits for."""
    nothing: list[object] = []
    tell = nothing.append
    commit = checkout(url, to, ref=ref, base="main", environ=environ, pause=tell, say=tell, about=tell)
    assert not nothing
    return commit


@dataclass
class Forge:
    """The repository as GitHub has it, with a pull request 7; pauses in which it does the next thing on its list."""

    folder: Path
    said: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    played: list[Callable[[], object]] = field(default_factory=list)

    def push(self, text: str) -> str:
        """A commit of the pull request on top of its last one. What its merge would be follows later."""
        git(self.folder, "switch", "--quiet", "change")
        (self.folder / "other").write_text(text)
        git(self.folder, "add", "other")
        git(self.folder, "commit", "--quiet", "-m", text)
        git(self.folder, "update-ref", "refs/pull/7/head", "HEAD")
        git(self.folder, "switch", "--quiet", "main")
        return git(self.folder, "rev-parse", "change")

    def merge(self) -> str:
        """Try the merge, as GitHub does some time after the push."""
        git(self.folder, "switch", "--quiet", "--detach", "main")
        git(self.folder, "merge", "--quiet", "--no-ff", "--no-edit", "change")
        git(self.folder, "update-ref", "refs/pull/7/merge", "HEAD")
        git(self.folder, "switch", "--quiet", "main")
        return git(self.folder, "rev-parse", "refs/pull/7/merge")

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.played:
            self.played.pop(0)()

    def checkout(self, to: Path, ref: str = "refs/pull/7/merge") -> str:
        return checkout(
            str(self.folder),
            to,
            ref=ref,
            base="main",
            environ=ENVIRON,
            pause=self.pause,
            say=self.said.append,
            about=self.heads.append,
        )


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        git(folder, "add", "file")
        git(folder, "commit", "--quiet", "-m", text)
    git(folder, "branch", "change", "HEAD~1")
    return folder


@pytest.fixture
def forge(origin: Path) -> Forge:
    return Forge(folder=origin)


def test_a_pull_requests_merge_is_checked_out_with_mains_history(forge: Forge, tmp_path: Path) -> None:
    """It is about the pull request's own commit, whatever the merge is called."""
    head, merge = forge.push("theirs"), forge.merge()
    to = tmp_path / "clone"
    assert forge.checkout(to) == head
    assert git(to, "rev-parse", "HEAD") == merge
    assert (to / "file").read_text() == "two"
    assert (to / "other").read_text() == "theirs"
    assert git(to, "rev-list", "--count", "origin/main") == "2"
    assert forge.heads == [head]
    assert not forge.waits
    assert not forge.said


def test_a_merge_that_lags_behind_the_push_is_waited_for(forge: Forge, tmp_path: Path) -> None:
    """GitHub tells of a push first, and tries the merge then."""
    forge.push("before")
    forge.merge()
    head = forge.push("now")
    forge.played = [lambda: None, forge.merge]
    assert forge.checkout(tmp_path / "clone") == head
    assert (tmp_path / "clone" / "other").read_text() == "now"
    assert forge.waits == list(PAUSES[:2])
    assert forge.said == [f"refs/pull/7/merge is not yet of {head[:12]}: waiting up to 3 minutes for GitHub to try it"]


def test_a_merge_that_is_not_there_yet_is_waited_for(forge: Forge, tmp_path: Path) -> None:
    head = forge.push("opened")
    forge.played = [forge.merge]
    assert forge.checkout(tmp_path / "clone") == head
    assert len(forge.said) == 1


def test_a_push_while_it_waits_is_what_the_run_is_about(forge: Forge, tmp_path: Path) -> None:
    first, later = forge.push("first"), ""

    def pushed() -> None:
        nonlocal later
        later = forge.push("later")

    forge.played = [pushed, forge.merge]
    assert forge.checkout(tmp_path / "clone") == later
    assert forge.heads == [first, later]


def test_main_is_as_new_as_the_merge_that_was_waited_for(forge: Forge, tmp_path: Path) -> None:
    """Else what main got meanwhile would count as the pull request's."""
    forge.push("theirs")

    def lands() -> None:
        git(forge.folder, "commit", "--quiet", "--allow-empty", "-m", "landed")
        forge.merge()

    forge.played = [lands]
    forge.checkout(tmp_path / "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD^1") == git(tmp_path / "clone", "rev-parse", "origin/main")


def test_a_pull_request_that_always_had_conflicts_is_told_as_such(forge: Forge, tmp_path: Path) -> None:
    head = forge.push("theirs")
    with pytest.raises(InputError, match=r"there is no refs/pull/7/merge(.|\n)*conflicts with main"):
        forge.checkout(tmp_path / "clone")
    assert forge.waits == list(PAUSES)
    assert forge.heads == [head]


def test_a_pull_request_that_came_to_have_conflicts_is_told_as_such(forge: Forge, tmp_path: Path) -> None:
    """GitHub leaves the merge as it was of the last commit that had none."""
    before = forge.push("before")
    forge.merge()
    head = forge.push("now")
    told = rf"refs/pull/7/merge is still of {before[:12]}, and the pull request is at {head[:12]}(.|\n)*conflicts"
    with pytest.raises(InputError, match=told):
        forge.checkout(tmp_path / "clone")
    assert forge.heads == [head]


def test_the_run_can_tell_of_conflicts_for_it_knows_its_commit(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tekton hands on the results of a task that failed to those at the end."""
    monkeypatch.setattr("slipway.adapters.checkout.PAUSES", ())
    head, result = forge.push("theirs"), tmp_path / "head"
    with pytest.raises(InputError, match="conflicts"):
        ci_checkout(str(forge.folder), tmp_path / "clone", ref="refs/pull/7/merge", base="main", head=result)
    assert result.read_text() == head


def test_a_pull_request_that_is_none_is_not_waited_for(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no pull request 8"):
        forge.checkout(tmp_path / "clone", "refs/pull/8/merge")
    assert not forge.waits


def test_the_wait_leaves_the_step_most_of_its_time() -> None:
    (step,) = yaml.safe_load(TASK.read_text())["spec"]["steps"]
    assert sum(PAUSES) == 180 < int(step["timeout"].removesuffix("m")) * 60 / 2


def test_a_branch_that_is_not_there_is_told(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no refs/heads/none"):
        forge.checkout(tmp_path / "clone", "refs/heads/none")


def test_a_pull_request_sends_git_lfs_nowhere(origin: Path, tmp_path: Path) -> None:
    """A machine that has Git LFS runs it for whatever .gitattributes names."""
    git(origin, "switch", "--quiet", "change")
    (origin / ".gitattributes").write_text("file filter=lfs\n")
    (origin / ".lfsconfig").write_text("[lfs]\n\turl = https://localhost/\n")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "theirs")
    told = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "filter.lfs.smudge"}
    told["GIT_CONFIG_VALUE_0"] = 'cat; echo " skipped=$GIT_LFS_SKIP_SMUDGE"'
    clone(str(origin), tmp_path / "clone", ref="refs/heads/change", environ={**ENVIRON, **told})
    assert (tmp_path / "clone" / "file").read_text() == "one skipped=1\n"


def test_without_a_ref_main_is_checked_out_and_may_be_pushed(origin: Path, tmp_path: Path) -> None:
    to = tmp_path / "clone"
    clone(str(origin), to)
    assert git(to, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_a_second_try_brings_the_folder_up_to_date(origin: Path, tmp_path: Path) -> None:
    to = tmp_path / "clone"
    clone(str(origin), to)
    (origin / "file").write_text("four")
    git(origin, "commit", "--quiet", "-am", "four")
    (to / "file").write_text("half written")
    clone(str(origin), to)
    assert (to / "file").read_text() == "four"


def test_a_folder_with_something_else_stays_as_it_is(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        clone(str(origin), tmp_path)


@pytest.mark.parametrize("url", ["ext::sh -c touch% owned", "/nowhere/at/all"])
def test_what_is_no_repository_is_one_message(url: str, tmp_path: Path) -> None:
    with pytest.raises(OutsideError):
        clone(url, tmp_path / "clone")
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
    clone(f"file://{origin}", to, environ=environ)
    written = b"".join(path.read_bytes() for path in (to / ".git").rglob("*") if path.is_file())
    assert b"a-secret-token" not in written
    assert base64.b64encode(b"x-access-token:a-secret-token") not in written
