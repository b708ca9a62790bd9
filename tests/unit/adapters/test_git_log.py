"""The first-parent history, of real repositories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.adapters.git_log import GitLog, ShallowError, shallow
from slipway.errors import OutsideError

ENVIRON = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "Test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A repository to commit in."""

    root: Path

    def git(self, *arguments: str | bytes, given: bytes = b"") -> str:
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False, env=ENVIRON)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode(errors="surrogateescape").strip()

    def commit(self, message: str | bytes, **files: str | None) -> str:
        """A commit; `files`: by path, with `__` for `/`."""
        for name, text in files.items():
            path = self.root / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)
        self.git("add", "--all")
        given = message.encode() if isinstance(message, str) else message
        self.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--file=-", given=given)
        return self.git("rev-parse", "HEAD")

    def log(self, *paths: str) -> GitLog:
        return GitLog(root=self.root, tip=self.git("rev-parse", "HEAD"), paths=paths or ("data",))

    def clone(self, depth: int) -> Bench:
        root = self.root.parent / f"clone-{depth}"
        self.git("clone", "--quiet", f"--depth={depth}", f"file://{self.root}", str(root))
        return Bench(root=root)


@pytest.fixture(params=["sha1", "sha256"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    found = Bench(root=tmp_path / "repository")
    found.root.mkdir()
    found.git("init", "--quiet", "--initial-branch=main", f"--object-format={request.param}")
    return found


def test_commits_stand_newest_first_with_what_they_changed(bench: Bench) -> None:
    first = bench.commit("Add", data__a="1", README="x")
    bench.commit("Elsewhere", README="y")
    bench.commit("Nothing")
    second = bench.commit("Change", data__a="2", data__b="3")
    third = bench.commit("Delete", data__a=None)
    log = list(bench.log())
    assert [(entry.commit, entry.subject, entry.author) for entry in log] == [
        (third, "Delete", "Test"),
        (second, "Change", "Test"),
        (first, "Add", "Test"),
    ]
    one, two = (bench.git("rev-parse", f"{commit}:data/a") for commit in (first, second))
    changed = [entry.changed["data/a"] for entry in log]
    assert [(change.before, change.after) for change in changed] == [(two, None), (one, two), (None, one)]
    assert set(log[1].changed) == {"data/a", "data/b"}
    assert all(entry.when > 1_600_000_000 for entry in log)


@pytest.mark.parametrize("how", ["--no-ff", "--squash"])
def test_a_merge_is_one_commit_with_all_that_it_brought(bench: Bench, how: str) -> None:
    bench.commit("Add", data__a="1")
    bench.git("checkout", "--quiet", "-b", "topic")
    bench.commit("One", data__b="1")
    bench.commit("Two", data__c="1")
    bench.git("checkout", "--quiet", "main")
    bench.commit("Meanwhile", data__d="1")
    bench.git("merge", "--quiet", how, "topic", *(["--message=Merge"] if how == "--no-ff" else []))
    if how == "--squash":
        bench.commit("Merge")
    log = list(bench.log())
    assert [entry.subject for entry in log] == ["Merge", "Meanwhile", "Add"]
    assert set(log[0].changed) == {"data/b", "data/c"}


def test_a_merge_that_brings_nothing_is_passed_over(bench: Bench) -> None:
    bench.commit("Add", data__a="1")
    bench.git("checkout", "--quiet", "-b", "topic")
    bench.commit("One", data__b="1")
    bench.git("checkout", "--quiet", "main")
    bench.git("merge", "--quiet", "--strategy=ours", "--message=Merge", "topic")
    assert [entry.subject for entry in bench.log()] == ["Add"]


def test_a_rename_is_a_removal_and_an_addition(bench: Bench) -> None:
    bench.git("config", "diff.renames", "copies")
    bench.commit("Add", data__a="1\n2\n3\n")
    bench.commit("Move", data__a=None, data__b="1\n2\n3\n")
    changed = next(iter(bench.log())).changed
    assert changed["data/a"].after is None
    assert changed["data/b"].before is None
    assert changed["data/a"].before == changed["data/b"].after


@pytest.mark.parametrize("name", [b"a b", b"a\nb", b"a\tb", b":a", b'"a"', b"a\xff", "ä".encode(), b"\x01a"])
def test_file_names_are_anything(bench: Bench, name: bytes) -> None:
    path = os.fsencode(bench.root) + b"/data/" + name
    (bench.root / "data").mkdir()
    with open(path, "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(b"1")
    commit = bench.commit("Add")
    (entry,) = bench.log()
    assert entry.commit == commit
    assert list(entry.changed) == [os.fsdecode(b"data/" + name)]


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("", ""),
        (":100644 100644 a b M", ":100644 100644 a b M"),
        ("\x01Add", "\x01Add"),
        ("a\x1bb", "a\x1bb"),
        ("one\ntwo\n\nthree", "one two"),
        ("ä ö", "ä ö"),
        ("tab\there", "tab\there"),
    ],
)
def test_subjects_are_anything(bench: Bench, message: str, subject: str) -> None:
    first = bench.commit("Add", data__a="1")
    second = bench.commit(message, data__a="2")
    third = bench.commit("Last", data__a="3")
    log = list(bench.log())
    assert [entry.commit for entry in log] == [third, second, first]
    assert log[1].subject == subject


def test_a_subject_that_is_no_text_does_no_harm(bench: Bench) -> None:
    bench.commit(b"a\xffb", data__a="1")
    bench.commit("Last", data__a="2")
    assert len(list(bench.log())) == 2


def test_what_people_configure_changes_nothing(bench: Bench) -> None:
    bench.commit("Add", data__a="1", data__b="2")
    bench.commit("Change", data__a="2")
    expected = list(bench.log())
    for name, value in [
        ("log.showRoot", "false"),
        ("log.showSignature", "true"),
        ("log.follow", "true"),
        ("log.diffMerges", "off"),
        ("log.decorate", "full"),
        ("log.date", "relative"),
        ("format.pretty", "oneline"),
        ("core.abbrev", "4"),
        ("core.quotePath", "true"),
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
    ]:
        bench.git("config", name, value)
    assert list(bench.log()) == expected
    assert len(expected) == 2


def test_no_commit_touches_the_paths(bench: Bench) -> None:
    bench.commit("Add", README="1")
    assert list(bench.log()) == []


def test_the_history_is_read_as_far_as_it_is_asked_for_and_once(bench: Bench) -> None:
    for count in range(4):
        bench.commit(f"{count}", data__a=f"{count}")
    log = bench.log()
    newest = next(iter(log))
    assert newest.subject == "3"
    assert next(iter(log)) is newest
    assert [entry.subject for entry in log] == ["3", "2", "1", "0"]


def test_one_file_has_the_history_of_its_own(bench: Bench) -> None:
    for count in range(6):
        bench.commit(f"{count}", **{f"data__{'ab'[count % 2]}": f"{count}"})
    log = bench.log()
    both = zip(log.touching("data/a"), log.touching("data/b"), strict=True)
    assert [(a.subject, b.subject) for a, b in both] == [("4", "5"), ("2", "3"), ("0", "1")]
    assert [entry.subject for entry in log.touching("data/a")] == ["4", "2", "0"]
    assert list(log.touching("data/c")) == []
    assert [entry.subject for entry in log.touching("data/a", "data/b")] == ["5", "4", "3", "2", "1", "0"]


def test_a_commit_that_changed_two_files_comes_once(bench: Bench) -> None:
    bench.commit("first", data__a="1", data__b="1")
    bench.commit("second", data__b="2")
    assert [entry.subject for entry in bench.log().touching("data/a", "data/b")] == ["second", "first"]


def test_a_commit_that_is_not_there(bench: Bench) -> None:
    bench.commit("Add", data__a="1")
    with pytest.raises(OutsideError, match="git log failed"):
        list(GitLog(root=bench.root, tip="0" * 40, paths=("data",)))


# ---- shallow clones


@pytest.fixture
def long(bench: Bench) -> Bench:
    for count in range(5):
        bench.commit(f"{count}", data__a=f"{count}")
    return bench


@pytest.mark.parametrize(
    "ask", [list, lambda log: list(log.touching("data/a")), lambda log: list(log.touching("data/z"))]
)
def test_a_shallow_clone_answers_as_far_as_it_knows(long: Bench, ask: Callable[[GitLog], object]) -> None:
    clone = long.clone(3)
    assert len(shallow(clone.root)) == 1
    log = clone.log()
    newest = iter(log)
    assert [next(newest).subject, next(newest).subject] == ["4", "3"]
    with pytest.raises(ShallowError, match="shallow"):
        ask(log)


def test_it_does_not_know_more_when_it_is_asked_again(long: Bench) -> None:
    log = long.clone(2).log()
    for _ in range(3):
        with pytest.raises(ShallowError, match="git fetch --unshallow"):
            list(log)
        with pytest.raises(ShallowError):
            list(log.touching("data/a"))


def test_a_clone_that_was_deepened_knows_all(long: Bench) -> None:
    clone = long.clone(2)
    clone.git("fetch", "--quiet", "--unshallow")
    assert shallow(clone.root) == frozenset()
    assert len(list(clone.log())) == 5


def test_a_history_that_is_whole_for_its_first_parents_is_whole(bench: Bench) -> None:
    bench.commit("Add", data__a="1")
    bench.git("checkout", "--quiet", "-b", "topic")
    for count in range(6):
        bench.commit(f"{count}", data__b=f"{count}")
    bench.git("checkout", "--quiet", "main")
    bench.git("merge", "--quiet", "--no-ff", "--message=Merge", "topic")
    clone = bench.clone(3)
    assert shallow(clone.root)
    assert [entry.subject for entry in clone.log()] == ["Merge", "Add"]


def test_a_work_tree_of_its_own_is_as_shallow_as_its_repository(long: Bench) -> None:
    clone = long.clone(2)
    tree = Bench(root=long.root.parent / "tree")
    clone.git("worktree", "add", "--quiet", "--detach", str(tree.root))
    with pytest.raises(ShallowError):
        list(tree.log())
