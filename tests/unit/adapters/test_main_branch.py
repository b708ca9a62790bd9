"""Main of a real remote: what lands, what does not, and what is left of it in a clone."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.remotes import ENVIRON, PERSON

from slipway.adapters.git import Git
from slipway.adapters.git_log import ShallowError
from slipway.adapters.main_branch import AUTHOR, EMAIL, Files, MainBranch
from slipway.adapters.main_place import find
from slipway.errors import InputError, OutsideError, UnreachableError

WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
BRANCH = "slipway/production/toy"
MESSAGE = "release(toy): 1\n\nSlipway-Model: toy\n"
MANIFEST = "gitops/models/toy/production/seldon-deployment.yaml"


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A bare repository with one commit on main."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    seed, bare = Git(root=tmp_path / "seed"), Git(root=tmp_path / "remote.git")
    seed.root.mkdir()
    seed.run("init", "--quiet", "--initial-branch=main")
    for name, value in PERSON.items():
        seed.run("config", name, value)
    (seed.root / "README.md").write_text("a repository\n")
    (seed.root / "data").mkdir()
    (seed.root / "data" / "rows.csv").write_bytes(b"a,b\r\n1,2\r\n")
    seed.run("add", "--all")
    seed.run("commit", "--quiet", "--message=Begin")
    seed.run("clone", "--quiet", "--bare", ".", str(bare.root))
    seed.run("remote", "add", "origin", str(bare.root))
    return bare


@pytest.fixture
def clone(remote: Git) -> Git:
    return another(remote, "clone")


@pytest.fixture
def person(remote: Git) -> Git:
    return Git(root=remote.root.parent / "seed")


def another(remote: Git, name: str, *options: str) -> Git:
    git = Git(root=remote.root.parent / name)
    remote.run("clone", "--quiet", *options, f"file://{remote.root}", str(git.root))
    return git


def pushed(person: Git, name: str = "note.txt") -> str:
    """A commit of a person's, on main of the remote."""
    person.run("pull", "--quiet", "--ff-only", "origin", "main")
    (person.root / name).write_text(f"{name}\n")
    person.run("add", "--all")
    person.run("commit", "--quiet", f"--message=Write {name}")
    person.run("push", "--quiet", "origin", "main")
    return person.run("rev-parse", "HEAD")


def made(main: MainBranch, parent: str, content: bytes = b"one\n", message: str = MESSAGE) -> str:
    commit = main.commit(parent, {MANIFEST: content}, message, WHEN)
    assert commit is not None
    return commit


def hook(git: Git, name: str, script: str, folder: str = "hooks") -> None:
    file = git.root / folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def program(folder: Path, script: str) -> dict[str, str]:
    """An environment whose git does something else first."""
    file = folder / "bin" / "git"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which("git")} "$@"\n')
    file.chmod(0o755)
    return {**os.environ, "PATH": f"{file.parent}:{os.environ['PATH']}"}


def test_a_commit_is_made_of_objects_alone(clone: Git, remote: Git) -> None:
    (clone.root / "README.md").write_text("changed by hand\n")
    (clone.root / "untracked.txt").write_text("mine\n")
    (clone.root / "staged.txt").write_text("mine too\n")
    clone.run("add", "staged.txt")
    before = clone.run("status", "--porcelain=v2", "--branch", "--untracked-files=all")
    main = MainBranch.of(clone)
    message = "release(toy): 3fa9c1d2 100%\n\nWhy.\n\nSlipway-Model: toy\n"
    commit = made(main, main.tip(), b"a\r\n", message)
    assert main.land(commit, main.tip())
    form = "%an <%ae>|%cn <%ce>|%aI|%B"
    author = f"{AUTHOR} <{EMAIL}>"
    expected = f"{author}|{author}|2026-01-31T12:00:00+00:00|{message}"
    assert remote.run("log", "-1", f"--format={form}", "main") == expected
    assert remote.run("show", "--format=", "--name-status", "main") == f"A\t{MANIFEST}"
    assert remote.commit("main").read(MANIFEST) == b"a\r\n"  # no filter touched it
    assert remote.run("log", "-1", "--format=%P", "main") == clone.run("rev-parse", "HEAD")
    after = clone.run("status", "--porcelain=v2", "--branch", "--untracked-files=all")
    assert after.replace("+0 -1", "+0 -0") == before


@pytest.mark.parametrize(
    ("files", "changed"),
    [
        ({"data/rows.csv": None}, ["D\tdata/rows.csv"]),
        ({"data/rows.csv": None, "é ü.txt": b"x"}, ["D\tdata/rows.csv", "A\té ü.txt"]),
        ({"README.md": b"new\n", "a/b/c": b""}, ["M\tREADME.md", "A\ta/b/c"]),
        ({"data/rows.csv": b"a,b\r\n1,2\r\n"}, None),
        ({"absent.txt": None}, None),
        ({}, None),
    ],
)
def test_files_are_added_changed_and_removed_and_nothing_is_no_commit(
    clone: Git, files: Files, changed: list[str] | None
) -> None:
    main = MainBranch.of(clone)
    commit = main.commit(main.tip(), files, "subject\n", WHEN)
    if changed is None:
        assert commit is None
        return
    assert commit is not None
    listed = clone.run("-c", "core.quotePath=false", "show", "--format=", "--name-status", commit).splitlines()
    assert sorted(listed) == sorted(changed)


def test_a_repository_of_sha256_can_retire_a_model(clone: Git, tmp_path: Path) -> None:
    git = Git(root=tmp_path / "sha256")
    clone.run("init", "--quiet", "--initial-branch=main", "--object-format=sha256", str(git.root))
    (git.root / MANIFEST).parent.mkdir(parents=True)
    (git.root / MANIFEST).write_text("one\n")
    git.run("add", "--all")
    for name, value in PERSON.items():
        git.run("config", name, value)
    git.run("commit", "--quiet", "--message=Begin")
    main = MainBranch.of(git)
    tip = main.tip()
    commit = main.commit(tip, {MANIFEST: None, "other.txt": b"x"}, MESSAGE, WHEN)
    assert commit is not None
    assert main.land(commit, tip)
    assert git.run("show", "--format=", "--name-status", "main").split() == ["D", MANIFEST, "A", "other.txt"]
    assert not (git.root / MANIFEST).exists()


def test_the_environment_may_name_who_commits(clone: Git) -> None:
    own = {"GIT_AUTHOR_NAME": "bot", "GIT_AUTHOR_EMAIL": "bot@example.org", "GIT_AUTHOR_DATE": "1 +0100"}
    main = MainBranch.of(clone, {**os.environ, **own})
    commit = made(main, main.tip())
    said = clone.run("log", "-1", "--format=%an <%ae> %aI|%cn <%ce>", commit)
    assert said == f"bot <bot@example.org> 2026-01-31T12:00:00+00:00|{AUTHOR} <{EMAIL}>"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_name_is_none(clone: Git, empty: str) -> None:
    names = [f"GIT_{role}_{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")]
    main = MainBranch.of(clone, {**os.environ, **dict.fromkeys(names, empty)})
    said = clone.run("log", "-1", "--format=%an <%ae>|%cn <%ce>", made(main, main.tip()))
    assert said == f"{AUTHOR} <{EMAIL}>|{AUTHOR} <{EMAIL}>"


def test_no_hook_of_the_checked_out_tree_runs(clone: Git, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    names = ("pre-push", "reference-transaction", "post-merge", "pre-merge-commit", "post-index-change")
    for name in names:
        hook(clone, name, f"echo {name} >> {witness}; exit 1", folder=".husky")
    clone.run("config", "core.hooksPath", ".husky")
    main = MainBranch.of(clone)
    tip = main.tip()
    commit = made(main, tip)
    assert main.land(commit, tip)
    assert main.propose(made(main, commit, b"two\n"), BRANCH)
    assert main.withdraw(BRANCH)
    (clone.root / ".husky" / "reference-transaction").unlink()
    clone.run("remote", "remove", "origin")
    assert (own := MainBranch.of(clone)).land(made(own, tip), tip)
    assert not witness.exists()


def test_a_hook_of_the_remote_does_run(clone: Git, remote: Git) -> None:
    clone.run("remote", "set-url", "origin", str(remote.root))  # a child of the push, with its environment
    hook(remote, "pre-receive", "exit 1")
    main = MainBranch.of(clone)
    with pytest.raises(OutsideError, match="pre-receive hook declined"):
        main.land(made(main, main.tip()), main.tip())


def test_what_landed_is_known_where_nothing_fetches_main(clone: Git, remote: Git, person: Git) -> None:
    clone.run("config", "remote.origin.fetch", "+refs/heads/other:refs/remotes/origin/other")
    main = MainBranch.of(clone)
    tip = main.tip()
    commit = made(main, tip)
    assert main.land(commit, tip)
    assert main.known() == commit == remote.run("rev-parse", "main")
    newer = pushed(person)
    assert main.land(made(main, commit, b"two\n"), commit) is False
    assert main.known() == commit
    assert main.tip() == newer


def test_equal_commits_have_equal_names(remote: Git) -> None:
    mains = [MainBranch.of(another(remote, name)) for name in ("one", "two")]
    assert len({made(main, main.tip()) for main in mains}) == 1


def test_who_loses_a_race_is_told_so_and_changes_nothing(clone: Git, remote: Git, person: Git) -> None:
    main = MainBranch.of(clone)
    old = main.tip()
    commit = made(main, old)
    newer = pushed(person)
    assert main.land(commit, old) is False
    assert remote.run("rev-parse", "main") == newer
    assert main.tip() == newer
    again = made(main, newer)
    assert main.land(again, newer) is True
    assert remote.run("rev-parse", "main", "main^").split() == [again, newer]
    assert main.known() == again


def test_a_commit_that_landed_twice_is_there_once(clone: Git, remote: Git) -> None:
    main = MainBranch.of(clone)
    old = main.tip()
    commit = made(main, old)
    assert main.land(commit, old)
    assert main.land(commit, old)
    assert remote.run("rev-list", "--count", "main") == "2"


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("pre-receive", "echo 'main is protected: GH006' >&2; exit 1"),
        ("update", 'test "$1" != refs/heads/main || { echo "main is protected: GH006" >&2; exit 1; }'),
    ],
)
def test_a_remote_that_refuses_says_why_and_what_to_do(clone: Git, remote: Git, name: str, script: str) -> None:
    hook(remote, name, script)
    main = MainBranch.of(clone)
    old = main.tip()
    commit = made(main, old)
    with pytest.raises(OutsideError, match="main is protected: GH006") as failure:
        main.land(commit, old)
    assert "SLIPWAY_LANDING=branch" in failure.value.hint
    assert remote.run("rev-parse", "main") == old


def test_where_only_main_is_protected_a_branch_is_taken(clone: Git, remote: Git) -> None:
    hook(remote, "update", 'test "$1" != refs/heads/main')
    main = MainBranch.of(clone)
    commit = made(main, main.tip())
    assert main.propose(commit, BRANCH)
    assert remote.run("rev-parse", BRANCH) == commit


def test_a_remote_that_is_gone_or_has_no_main_is_named(clone: Git, remote: Git) -> None:
    remote.run("branch", "--move", "main", "trunk")
    with pytest.raises(UnreachableError, match="git fetch failed") as failure:
        MainBranch.of(clone).tip()
    assert "Is there a branch main" in failure.value.hint
    clone.run("remote", "set-url", "origin", str(remote.root / "nowhere"))
    with pytest.raises(OutsideError, match="git fetch failed"):
        MainBranch.of(clone).tip()


@pytest.mark.parametrize(("times", "works"), [(1, True), (4, True), (5, False)])
def test_another_command_in_the_same_clone_may_fetch_as_well(
    clone: Git, tmp_path: Path, *, times: int, works: bool
) -> None:
    busy = "error: cannot lock ref 'refs/remotes/origin/main': is at 066dfc53 but expected a0e642eb"
    count = tmp_path / "count"
    script = (
        f'case "$*" in *fetch*) echo x >> {count}; '
        f'test $(wc -l < {count}) -gt {times} || {{ echo "{busy}" >&2; exit 1; }};; esac'
    )
    main = MainBranch.of(clone, program(tmp_path, script))
    if works:
        assert main.tip() == clone.run("rev-parse", "HEAD")
    else:
        with pytest.raises(OutsideError, match="cannot lock ref"):
            main.tip()


def test_main_may_be_called_master(clone: Git, remote: Git) -> None:
    remote.run("branch", "--move", "main", "master")
    clone.run("fetch", "--quiet", "--prune", "origin")
    main = MainBranch.of(clone)
    commit = made(main, main.tip())
    assert main.land(commit, main.tip())
    assert remote.run("rev-parse", "master") == commit


class TestRemote:
    """Which remote is meant, and what main is called there."""

    @pytest.mark.parametrize(
        ("remotes", "wanted", "meant"),
        [
            ([], "", None),
            (["origin"], "", "origin"),
            (["company"], "", "company"),
            (["origin", "upstream"], "", "origin"),
            (["origin", "upstream"], "upstream", "upstream"),
            (["company", "fork"], "company", "company"),
        ],
    )
    def test_it_is_found(self, clone: Git, remotes: list[str], wanted: str, meant: str | None) -> None:
        self.have(clone, remotes)
        assert MainBranch.of(clone, {**os.environ, "SLIPWAY_REMOTE": wanted}).remote == meant

    @pytest.mark.parametrize(
        ("remotes", "wanted", "said", "hint"),
        [
            (["company", "fork"], "", "several remotes", "Set SLIPWAY_REMOTE"),
            (["origin"], "upstream", "SLIPWAY_REMOTE is 'upstream', which is no remote", "it is one of: origin"),
            ([], "origin", "SLIPWAY_REMOTE is 'origin', which is no remote", "there is none"),
            (["origin"], "--upload-pack=touch x", "would be read as an option", "Rename it"),
            (["-x"], "", "would be read as an option", "Rename it"),
            (["-x"], "-x", "would be read as an option", "Rename it"),
        ],
    )
    def test_it_is_not_guessed(self, clone: Git, remotes: list[str], wanted: str, said: str, hint: str) -> None:
        self.have(clone, remotes)
        with pytest.raises(InputError, match=said) as failure:
            MainBranch.of(clone, {**os.environ, "SLIPWAY_REMOTE": wanted})
        assert hint in str(failure.value)

    def have(self, clone: Git, remotes: list[str]) -> None:
        clone.run("remote", "remove", "origin")
        for name in remotes:
            clone.run("config", f"remote.{name}.url", "../remote.git")

    def test_a_release_lands_on_it(self, clone: Git, remote: Git) -> None:
        clone.run("remote", "rename", "origin", "company")
        main = MainBranch.of(clone)
        commit = made(main, main.tip())
        assert main.land(commit, main.tip())
        assert main.known() == commit == remote.run("rev-parse", "main")
        assert clone.run("rev-parse", "refs/remotes/company/main") == commit != clone.run("rev-parse", "main")

    @pytest.mark.parametrize(
        ("head", "there", "here", "name"),
        [
            ("trunk", ["main", "trunk"], [], "trunk"),
            ("master", ["main", "master"], [], "master"),
            ("gone", ["main", "master"], [], "main"),
            (None, ["main", "master"], [], "main"),
            (None, ["master"], ["main"], "master"),
            (None, ["trunk"], ["master"], "master"),
            (None, [], ["main", "master"], "main"),
            (None, [], [], "main"),
        ],
    )
    def test_main_is_what_the_remote_says(
        self, clone: Git, head: str | None, there: list[str], here: list[str], name: str
    ) -> None:
        tip = clone.run("rev-parse", "HEAD")
        clone.run("switch", "--quiet", "--detach")
        for ref in clone.run("for-each-ref", "--format=%(refname)").splitlines():
            clone.run("update-ref", "--no-deref", "-d", ref)
        for ref in [f"remotes/origin/{one}" for one in there] + [f"heads/{one}" for one in here]:
            clone.run("update-ref", f"refs/{ref}", tip)
        if head:
            clone.run("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{head}")
        place = find(clone, {})
        assert (place.remote, place.name) == ("origin", name)
        assert place.commit == (tip if there or here else None)
        assert MainBranch.of(clone, {}).name == name


class TestProposals:
    def test_one_that_says_the_same_is_left_alone(self, clone: Git, remote: Git) -> None:
        main = MainBranch.of(clone)
        tip = main.tip()
        first = made(main, tip)
        assert main.propose(first, BRANCH)
        later = main.commit(tip, {MANIFEST: b"one\n"}, f"later\n\n{MESSAGE}", WHEN.replace(hour=13))
        assert later not in (None, first)
        assert main.propose(str(later), BRANCH) == first == remote.run("rev-parse", BRANCH)

    def test_another_clone_leaves_it_alone_too(self, clone: Git, remote: Git) -> None:
        first = MainBranch.of(clone)
        waits = first.propose(made(first, first.tip()), BRANCH)
        other = MainBranch.of(another(remote, "other"))
        other.git.run("update-ref", "-d", f"refs/remotes/origin/{BRANCH}")
        later = other.commit(other.tip(), {MANIFEST: b"one\n"}, "later\n", WHEN.replace(hour=13))
        assert other.propose(str(later), BRANCH) == waits

    def test_one_that_says_something_else_is_replaced(self, clone: Git, remote: Git, person: Git) -> None:
        main = MainBranch.of(clone)
        assert main.propose(made(main, main.tip()), BRANCH)
        tip = pushed(person)
        assert main.tip() == tip
        rebuilt = made(main, tip)
        assert main.propose(rebuilt, BRANCH)
        other = made(main, tip, b"two\n")
        assert main.propose(other, BRANCH)
        assert remote.run("rev-parse", BRANCH, f"{BRANCH}^").split() == [other, tip]

    def test_one_that_says_the_same_stays_while_main_moves_elsewhere(self, clone: Git, person: Git) -> None:
        main = MainBranch.of(clone)
        waits = main.propose(made(main, main.tip()), BRANCH)
        for name in ("one.txt", "two.txt"):
            tip = pushed(person, name)
            assert main.tip() == tip
            assert main.propose(made(main, tip), BRANCH) == waits
        assert main.propose(made(main, tip, b"two\n"), BRANCH) != waits

    def test_a_shallow_clone_leaves_it_alone_too(self, clone: Git, remote: Git, person: Git) -> None:
        first = MainBranch.of(clone)
        waits = first.propose(made(first, first.tip()), BRANCH)
        for name in ("one.txt", "two.txt"):
            pushed(person, name)
        main = MainBranch.of(another(remote, "shallow", "--depth=1"))
        assert main.propose(made(main, main.tip()), BRANCH) == waits

    @pytest.mark.parametrize("content", [b"before\n", b"one\n"])
    def test_one_is_replaced_where_main_changed_the_same_file(
        self, clone: Git, remote: Git, person: Git, content: bytes
    ) -> None:
        main = MainBranch.of(clone)
        waits = main.propose(made(main, main.tip()), BRANCH)
        (person.root / MANIFEST).parent.mkdir(parents=True)
        (person.root / MANIFEST).write_bytes(content)
        pushed(person)
        commit = main.commit(main.tip(), {MANIFEST: b"one\n", "other.txt": b"x"}, MESSAGE, WHEN)
        assert commit not in (None, waits)
        assert main.propose(str(commit), BRANCH) == commit == remote.run("rev-parse", BRANCH)

    def test_one_that_changes_more_is_replaced(self, clone: Git, remote: Git) -> None:
        main = MainBranch.of(clone)
        tip = main.tip()
        more = main.commit(tip, {MANIFEST: b"one\n", "README.md": b"new\n"}, MESSAGE, WHEN)
        assert main.propose(str(more), BRANCH) == more
        less = made(main, tip)
        assert main.propose(less, BRANCH) == less
        assert main.propose(str(more), BRANCH) == more == remote.run("rev-parse", BRANCH)

    def test_one_on_what_main_never_had_is_replaced(self, clone: Git, remote: Git) -> None:
        main = MainBranch.of(clone)
        tip = main.tip()
        aside = str(main.commit(tip, {"aside.txt": b"x"}, "never on main\n", WHEN))
        stray = made(main, aside)
        assert main.propose(stray, BRANCH) == stray
        commit = made(main, tip)
        assert main.propose(commit, BRANCH) == commit == remote.run("rev-parse", BRANCH)

    def test_somebody_elses_commit_is_left_alone(self, clone: Git, remote: Git, person: Git) -> None:
        main = MainBranch.of(clone)
        main.propose(made(main, main.tip()), BRANCH)
        person.run("fetch", "--quiet", "origin", BRANCH)
        person.run("switch", "--quiet", "--detach", "FETCH_HEAD")
        person.run("commit", "--quiet", "--allow-empty", "--message=Set the replicas\n\nNot Slipway-Model: toy")
        person.run("push", "--quiet", "origin", f"HEAD:{BRANCH}")
        theirs = person.run("rev-parse", "HEAD")
        with pytest.raises(OutsideError, match=r"Person committed \w+ \(Set the replicas\) to slipway/") as failure:
            main.propose(made(main, main.tip(), b"two\n"), BRANCH)
        assert f"Merge that branch, or delete it (git push origin --delete {BRANCH})" in failure.value.hint
        assert main.withdraw(BRANCH) is False
        assert remote.run("rev-parse", BRANCH) == theirs

    @pytest.mark.parametrize("act", ["withdraw", "propose"])
    def test_what_changed_since_it_was_looked_at_is_left_alone(self, clone: Git, remote: Git, act: str) -> None:
        @dataclass(frozen=True, kw_only=True)
        class Slow(MainBranch):
            def waiting(self, pattern: str) -> Mapping[str, str]:
                found = super().waiting(pattern)
                remote.run("update-ref", f"refs/heads/{BRANCH}", "main")
                return found

        main = MainBranch.of(clone)
        main.propose(made(main, main.tip()), BRANCH)
        slow = Slow(git=clone, remote="origin", name="main", environ=os.environ)
        if act == "withdraw":
            assert slow.withdraw(BRANCH) is False
        else:
            with pytest.raises(OutsideError, match="somebody else writes"):
                slow.propose(made(main, main.tip(), b"two\n"), BRANCH)
        assert remote.run("rev-parse", BRANCH) == main.tip()

    def test_withdrawing_is_safe_to_repeat(self, clone: Git, remote: Git) -> None:
        main = MainBranch.of(clone)
        assert main.withdraw(BRANCH) is False
        main.propose(made(main, main.tip()), BRANCH)
        assert main.withdraw(BRANCH) is True
        assert main.withdraw(BRANCH) is False
        assert remote.resolve(BRANCH) is None

    def test_without_a_remote_there_is_nowhere_to_wait(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        main = MainBranch.of(clone)
        with pytest.raises(OutsideError, match="needs a remote"):
            main.propose(made(main, main.tip()), BRANCH)
        assert main.withdraw(BRANCH) is False


class TestWithoutRemote:
    def test_main_that_is_checked_out_moves_with_its_files(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        (clone.root / "untracked.txt").write_text("mine\n")
        (clone.root / "README.md").write_text("mine\n")
        main = MainBranch.of(clone)
        commit = made(main, main.tip())
        assert main.land(commit, main.tip())
        assert main.known() == commit == clone.run("rev-parse", "HEAD")
        assert (clone.root / MANIFEST).read_bytes() == b"one\n"
        assert clone.run("status", "--porcelain").split() == ["M", "README.md", "??", "untracked.txt"]

    def test_local_edits_of_the_same_file_are_not_lost(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        main = MainBranch.of(clone)
        tip = main.tip()
        (clone.root / MANIFEST).parent.mkdir(parents=True)
        (clone.root / MANIFEST).write_text("by hand\n")
        with pytest.raises(OutsideError, match="would be overwritten") as failure:
            main.land(made(main, tip), tip)
        assert "set aside your changes of gitops/" in failure.value.hint
        assert main.known() == tip
        assert (clone.root / MANIFEST).read_text() == "by hand\n"

    def test_main_that_another_work_tree_has_moves_with_its_files(self, clone: Git, tmp_path: Path) -> None:
        main, tree = self.elsewhere(clone, tmp_path)
        tip = main.tip()
        commit = made(main, tip)
        assert main.land(commit, tip)
        assert tree.run("rev-parse", "HEAD") == commit
        assert (tree.root / MANIFEST).read_bytes() == b"one\n"
        assert (tree.run("status", "--porcelain"), clone.run("status", "--porcelain")) == ("", "")
        assert clone.run("rev-parse", "HEAD") == tip

    def test_edits_in_another_work_tree_are_not_lost(self, clone: Git, tmp_path: Path) -> None:
        main, tree = self.elsewhere(clone, tmp_path)
        tip = main.tip()
        (tree.root / MANIFEST).parent.mkdir(parents=True)
        (tree.root / MANIFEST).write_text("by hand\n")
        with pytest.raises(OutsideError, match="would be overwritten") as failure:
            main.land(made(main, tip), tip)
        assert f"set aside your changes of gitops/ in {tree.root}" in failure.value.hint
        assert main.known() == tip
        shutil.rmtree(tree.root)
        with pytest.raises(OutsideError, match="which is not there") as failure:
            main.land(made(main, tip), tip)
        assert "git worktree prune" in failure.value.hint
        assert main.known() == tip

    def elsewhere(self, clone: Git, tmp_path: Path) -> tuple[MainBranch, Git]:
        """Main, and another work tree that has it checked out."""
        clone.run("remote", "remove", "origin")
        clone.run("switch", "--quiet", "--create", "elsewhere")
        tree = Git(root=tmp_path / "a tree")
        clone.run("worktree", "add", "--quiet", str(tree.root), "main")
        return MainBranch.of(clone), tree

    def test_of_many_at_once_one_lands_and_the_others_are_told_so(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        main = MainBranch.of(clone)
        tip = main.tip()
        commits = [made(main, tip, f"{number}\n".encode()) for number in range(6)]
        together = threading.Barrier(len(commits))

        def land(commit: str) -> bool:
            together.wait()
            return main.land(commit, tip)

        with ThreadPoolExecutor(len(commits)) as pool:
            landed = list(pool.map(land, commits))
        assert landed.count(True) == 1
        assert main.known() == commits[landed.index(True)]
        assert clone.run("status", "--porcelain") == ""

    def test_one_waits_until_the_other_has_moved_main_and_its_files(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        main = MainBranch.of(clone)
        tip = main.tip()
        first, second = (made(main, tip, content) for content in (b"one\n", b"two\n"))
        with ThreadPoolExecutor(1) as pool:
            with (clone.root / ".git" / "slipway.lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                waiting = pool.submit(main.land, second, tip)
                clone.run("checkout", "--quiet", first, "--", MANIFEST)  # as a merge that is half done leaves it
                with pytest.raises(TimeoutError):
                    waiting.result(timeout=0.5)
                clone.run("reset", "--quiet", "--hard", first)
            assert waiting.result(timeout=30) is False
        assert main.known() == first

    def test_main_that_moves_just_before_the_merge_is_a_lost_race(self, clone: Git, tmp_path: Path) -> None:
        clone.run("remote", "remove", "origin")
        main = MainBranch.of(clone)
        tip = main.tip()
        first, second = (made(main, tip, content) for content in (b"one\n", b"two\n"))
        git = shutil.which("git")
        script = f'case "$*" in *\\ merge\\ *) {git} -C {clone.root} merge --quiet --ff-only {first};; esac'
        slow = MainBranch.of(clone, program(tmp_path, script))
        assert slow.land(second, tip) is False
        assert main.known() == first

    def test_a_lock_that_was_left_behind_is_named(self, clone: Git, monkeypatch: pytest.MonkeyPatch) -> None:
        clone.run("remote", "remove", "origin")
        monkeypatch.setattr("slipway.adapters.main_checkout._PAUSE", 0)
        main = MainBranch.of(clone)
        tip = main.tip()
        commit = made(main, tip)
        (clone.root / ".git" / "index.lock").touch()
        with pytest.raises(OutsideError, match=r"index\.lock") as failure:
            main.land(commit, tip)
        assert "nobody else works there" in failure.value.hint
        assert main.known() == tip

    @pytest.mark.parametrize("switch", [["--detach"], ["--create", "elsewhere"]])
    def test_main_that_is_not_checked_out_moves_alone(self, clone: Git, switch: list[str]) -> None:
        clone.run("remote", "remove", "origin")
        clone.run("switch", "--quiet", *switch)
        main = MainBranch.of(clone)
        tip = main.tip()
        commit = made(main, tip)
        assert main.land(commit, tip)
        assert main.land(made(main, tip, b"two\n"), tip) is False
        assert (main.known(), clone.run("rev-parse", "HEAD")) == (commit, tip)
        assert clone.run("status", "--porcelain") == ""

    def test_no_main_at_all_is_said(self, clone: Git) -> None:
        clone.run("remote", "remove", "origin")
        clone.run("branch", "--move", "main", "trunk")
        with pytest.raises(OutsideError, match="no branch main here"):
            MainBranch.of(clone).tip()


class TestShallow:
    def test_the_rest_is_fetched_once_it_is_asked_for(self, remote: Git, person: Git) -> None:
        pushed(person)
        shallow = another(remote, "shallow", "--depth=1")
        main = MainBranch.of(shallow)
        assert main.deep(lambda: count(main, 1)) == 1
        assert main.deep(lambda: count(main, 2)) == 2
        assert shallow.run("rev-parse", "--is-shallow-repository") == "false"

    def test_what_cannot_be_fetched_is_named(self, remote: Git, person: Git) -> None:
        pushed(person)
        shallow = another(remote, "shallow", "--depth=1")
        shallow.run("remote", "remove", "origin")
        main = MainBranch.of(shallow)
        with pytest.raises(OutsideError, match="shallow, and has no remote") as failure:
            main.deep(lambda: count(main, 2))
        assert "without --depth" in failure.value.hint
        shallow.run("remote", "add", "origin", str(remote.root / "nowhere"))
        with pytest.raises(OutsideError, match="git fetch failed") as failure:
            MainBranch.of(shallow).deep(lambda: count(main, 2))
        assert "fetch-depth: 0" in failure.value.hint


def count(main: MainBranch, least: int) -> int:
    """How many commits main has here; `ShallowError` if there are fewer than asked for."""
    found = int(main.git.run("rev-list", "--count", main.known()))
    if found < least:
        raise ShallowError("too few")
    return found
