"""What a repository keeps, read by one process."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from slipway.adapters.git import Commit, Git
from slipway.adapters.objects import Objects, Snapshot
from slipway.errors import OutsideError


@pytest.fixture(params=["sha1", "sha256"])
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Git:
    """A repository at `.root`, without a commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    found = Git(root=tmp_path / "repository")
    found.root.mkdir()
    found.run("init", "--quiet", "--initial-branch=main", f"--object-format={request.param}")
    found.run("config", "user.name", "Test")
    found.run("config", "user.email", "test@example.org")
    return found


def commit(git: Git, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        path = git.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message=Commit")
    return git.run("rev-parse", "HEAD")


def test_files_are_read_byte_for_byte(git: Git) -> None:
    files = {"a": b"", "b": b"no line end", "c": b"\0\n\xff\r\n", "folder/d e": b"missing\n", "folder/deep/f": b"1\n"}
    made = commit(git, files)
    with Objects(git.root) as objects:
        for _ in range(2):
            assert {name: objects.read(f"{made}:{name}") for name in files} == files
            assert objects.read(git.run("rev-parse", f"{made}:b")) == files["b"]


@pytest.mark.parametrize(
    "name",
    [
        "{c}:absent",
        "{c}:folder/absent",
        "{c}:file/below",
        "{c}:",
        "{c}:folder",
        "absent:file",
        "0" * 40,
        "{c}:a\nb",
        "",
    ],
)
def test_what_is_no_file_is_none_and_harms_no_later_question(git: Git, name: str) -> None:
    made = commit(git, {"file": b"1", "folder/a": b"2"})
    asked = name.format(c=made)
    with Objects(git.root) as objects:
        assert objects.read(asked) is None
        assert objects.sha256(asked) is None
        assert objects.read(f"{made}:file") == b"1"
        assert objects.sha256(f"{made}:folder/a") == hashlib.sha256(b"2").hexdigest()


def test_ids_name_files_and_folders(git: Git) -> None:
    made = commit(git, {"file": b"1", "folder/a": b"2"})
    with Objects(git.root) as objects:
        for path in ("file", "folder", "folder/a"):
            assert objects.id(f"{made}:{path}") == git.run("rev-parse", f"{made}:{path}")
        assert objects.id(f"{made}:absent") is None
        assert objects.id(f"{made}^") is None
        assert objects.id(made) == made


def test_a_folder_lists_what_stands_in_it(git: Git) -> None:
    made = commit(git, {"f/one": b"1", "f/deep/two": b"2", "f/a b": b"3"})
    (git.root / "f" / "script").symlink_to("one")
    made = commit(git, {"f/run": b"4"})
    with Objects(git.root) as objects:
        entries = {entry.name: entry for entry in objects.folder(f"{made}:f")}
        assert {name: entry.is_folder for name, entry in entries.items()} == {
            "a b": False,
            "deep": True,
            "one": False,
            "run": False,
            "script": False,
        }
        assert all(entry.id == git.run("rev-parse", f"{made}:f/{name}") for name, entry in entries.items())
        assert objects.folder(f"{made}:absent") == ()
        assert objects.folder(f"{made}:f/one") == ()


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 7])
def test_files_of_any_size(git: Git, size: int) -> None:
    content = random.Random(size).randbytes(size)
    made = commit(git, {"large": content, "small": b"1"})
    with Objects(git.root) as objects:
        assert objects.sha256(f"{made}:large") == hashlib.sha256(content).hexdigest()
        assert objects.read(f"{made}:large") == content
        assert objects.folder(f"{made}:large") == ()
        assert objects.read(f"{made}:small") == b"1"


def test_two_may_read_at_once(git: Git) -> None:
    files = {f"{number}": f"{number}".encode() * 9000 for number in range(20)}
    made = commit(git, files)
    with Objects(git.root) as one, Objects(git.root) as other:
        for name, content in files.items():
            assert one.read(f"{made}:{name}") == content
            assert other.sha256(f"{made}:{name}") == hashlib.sha256(content).hexdigest()
            assert one.id(f"{made}:{name}") == other.id(f"{made}:{name}")


def test_what_is_committed_meanwhile_is_found(git: Git) -> None:
    first = commit(git, {"a": b"1"})
    with Objects(git.root) as objects:
        assert objects.read(f"{first}:a") == b"1"
        second = commit(git, {"a": b"2"})
        assert objects.read(f"{second}:a") == b"2"


def test_a_closed_one_starts_anew(git: Git) -> None:
    made = commit(git, {"a": b"1"})
    objects = Objects(git.root)
    for _ in range(2):
        assert objects.read(f"{made}:a") == b"1"
        assert objects.id(f"{made}:a")
        objects.close()
    objects.close()


def test_there_is_no_repository(tmp_path: Path) -> None:
    with Objects(tmp_path / "absent") as objects:
        with pytest.raises(OutsideError, match="cat-file ended early"):
            objects.read("HEAD:a")
        with pytest.raises(OutsideError, match="git fsck"):
            objects.id("HEAD:a")


def lose(git: Git, name: str) -> None:
    found = git.run("rev-parse", name)
    (git.root / ".git" / "objects" / found[:2] / found[2:]).unlink()


@pytest.mark.parametrize("lost", ["data/a/model.toml", "data/a", "data", ""])
def test_what_git_lost_is_not_deleted(git: Git, lost: str) -> None:
    made = commit(git, {"data/a/model.toml": b"1", "data/b": b"2", "c": b"3"})
    lose(git, f"{made}:{lost}")
    with Objects(git.root) as objects:
        snapshot = Snapshot(objects=objects, id=made)
        for ask in (snapshot.read, snapshot.digest, snapshot.object):
            with pytest.raises(OutsideError, match=rf"git has lost {made}:{lost}\n.*git fsck"):
                ask("data/a/model.toml")
            with pytest.raises(OutsideError, match="git has lost") if lost == "" else nullcontext():
                assert ask("absent/d") is None


def test_a_lost_folder_is_not_empty(git: Git) -> None:
    made = commit(git, {"data/a/model.toml": b"1", "data/b": b"2"})
    lose(git, f"{made}:data/a")
    with Objects(git.root) as objects, pytest.raises(OutsideError, match="git has lost"):
        Snapshot(objects=objects, id=made).files("data")


def test_a_lost_object_is_not_found_by_its_id(git: Git) -> None:
    made = commit(git, {"a": b"1"})
    name = git.run("rev-parse", f"{made}:a")
    lose(git, name)
    with Objects(git.root) as objects:
        for ask in (objects.read, objects.sha256, objects.id, objects.folder):
            with pytest.raises(OutsideError, match=f"git has lost {name}"):
                ask(name)
        assert objects.id(made) == made
        assert objects.read(f"{made}:b") is None


def instead(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Have a shell script stand before the real git."""
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script.replace('GIT', f'{shutil.which("git")} "$@"')}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_one_content_is_read_once_to_be_summed(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"many\n" * 1000
    commits = [commit(git, {"a": content, "readme": f"{number}".encode()}) for number in range(3)]
    commits.append(commit(git, {"a": b"other", "b": content}))
    instead(monkeypatch, tmp_path / "bin", f"GIT | tee -a {tmp_path}/answered")
    with Objects(git.root) as objects:
        sums = [objects.sha256(f"{made}:{name}") for made in commits for name in ("a", "b")]
    other, same = hashlib.sha256(b"other").hexdigest(), hashlib.sha256(content).hexdigest()
    assert sums == [same, None] * 3 + [other, same]
    assert (tmp_path / "answered").read_bytes().count(content) == 1


def test_a_snapshot_says_what_the_commit_says(git: Git) -> None:
    made = commit(git, {"data/a/model.toml": b"1", "data/b/deep/x.csv": b"2\n", "src/é.py": b"3", "src/a b.py": b""})
    expected = Commit(git=git, id=made)
    with Objects(git.root) as objects:
        snapshot = Snapshot(objects=objects, id=made)
        for prefix in ("data", "data/b", "src", "absent"):
            assert snapshot.files(prefix) == expected.files(prefix)
            assert snapshot.files(prefix) == expected.files(prefix)
        for path in (*snapshot.files("data"), *snapshot.files("src"), "data", "absent"):
            assert snapshot.read(path) == expected.read(path)
            assert snapshot.digest(path) == expected.digest(path)
        assert snapshot.object("data") == git.run("rev-parse", f"{made}:data")
        assert snapshot.object("absent") is None


def test_names_that_are_no_text(git: Git) -> None:
    folder = os.fsencode(git.root) + b"/data"
    Path(os.fsdecode(folder)).mkdir()
    with open(folder + b"/\xff", "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(b"1")
    made = commit(git, {"data/b": b"2"})
    with Objects(git.root) as objects:
        snapshot = Snapshot(objects=objects, id=made)
        (strange,) = set(snapshot.files("data")) - {"data/b"}
        assert os.fsencode(strange) == b"data/\xff"
        assert snapshot.read(strange) == b"1"


@pytest.mark.parametrize("there", ["its commit is there", ""])
def test_a_submodule_is_no_file(git: Git, there: str) -> None:
    made = commit(git, {"a": b"1"})
    made = made if there else made[::-1]
    git.run("update-index", "--add", "--cacheinfo", f"160000,{made},data/module")
    git.run("commit", "--quiet", "--message=Submodule")
    tip = git.run("rev-parse", "HEAD")
    with Objects(git.root) as objects:
        snapshot = Snapshot(objects=objects, id=tip)
        assert snapshot.files("data") == {"data/module": made}
        assert snapshot.read("data/module") is None
        assert snapshot.digest("data/module") is None
        assert snapshot.read("a") == b"1"


def test_a_newer_git_says_submodule(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers `<id> submodule` where the one before said `<name> missing`."""
    made = commit(git, {"a": b"1"})[::-1]
    git.run("update-index", "--add", "--cacheinfo", f"160000,{made},data/module")
    git.run("commit", "--quiet", "--message=Submodule")
    tip = git.run("rev-parse", "HEAD")
    instead(monkeypatch, tmp_path / "bin", f"GIT | sed -u 's/^.*:data.module missing$/{made} submodule/'")
    with Objects(git.root) as objects:
        snapshot = Snapshot(objects=objects, id=tip)
        assert snapshot.read("data/module") is None
        assert snapshot.digest("data/module") is None
        assert snapshot.object("data/module") is None
        assert snapshot.files("data") == {"data/module": made}
        assert snapshot.read("a") == b"1"
