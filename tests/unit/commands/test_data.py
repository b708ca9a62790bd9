"""`data push` and `data pull`, and the stages that read what a pointer names. Real Git, a folder as remote."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from tests.conftest import toy_csv
from tests.s3_server import bucket, put, serving, use

from slipway.adapters.git import Git
from slipway.adapters.ray_job import source
from slipway.commands import data
from slipway.commands.review import review
from slipway.datasets.named import Named
from slipway.datasets.pointer import Pointer
from slipway.errors import InputError, OutsideError
from slipway.release.judge import Judge
from slipway.report.numbers import size
from slipway.screen import Screen
from slipway.stages import validate
from slipway.workspace import Workspace

NAME = "data/toy/train.csv"
CONFIG = "[core]\n    remote = kept\n['remote \"kept\"']\n    url = {url}\n"
KEPT = "files/md5"


@pytest.fixture
def remote(repository: Git, tmp_path: Path) -> Path:
    (repository.root / ".dvc").mkdir()
    (repository.root / ".dvc/config").write_text(CONFIG.format(url="../../remote"))
    return tmp_path / "remote"


@pytest.fixture
def own(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a cache of the machine."""
    return replace(workspace, settings=replace(workspace.settings, data_cache=tmp_path / "cache"))


def push(workspace: Workspace, file: Path | None = None, url: str | None = None) -> int:
    return data.push(workspace, "toy", file, source=url, as_json=False)


def pull(workspace: Workspace) -> int:
    return data.pull(workspace, [], as_json=False)


def elsewhere(own: Workspace, tmp_path: Path) -> Workspace:
    """A clone on another machine."""
    place = tmp_path / "clone"
    own.git.run("clone", "--quiet", str(own.git.root), str(place))
    shutil.copytree(own.git.root / ".dvc", place / ".dvc", dirs_exist_ok=True)
    settings = replace(own.settings, repo=place, data_cache=tmp_path / "other cache")
    return replace(own, settings=settings, git=Git(root=place))


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def test_a_push_leaves_a_pointer_and_git_forgets_the_data(
    own: Workspace, remote: Path, commit: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = own.git.root / NAME
    key = own.model("toy").key
    assert push(own) == 0
    assert capsys.readouterr().out.startswith(f"{NAME}  sent to {remote}  {size(file.stat().st_size)}, md5 {md5(file)}")
    pointer = Pointer.parse((own.git.root / f"{NAME}.dvc").read_bytes(), f"{NAME}.dvc")
    assert (pointer.md5, pointer.size) == (md5(file), file.stat().st_size)
    assert (own.git.root / "data/toy/.gitignore").read_text() == "/train.csv\n"
    assert (remote / KEPT / pointer.md5[:2] / pointer.md5[2:]).read_bytes() == file.read_bytes()
    commit("Move the data")
    assert NAME not in own.git.run("ls-files").splitlines()
    assert own.git.run("status", "--porcelain") == ""
    assert own.model("toy").key != key
    assert own.model("toy").inputs.data == f"md5:{pointer.md5}"


def test_data_that_were_edited_and_not_pushed_are_told_of(
    own: Workspace, remote: Path, commit: Callable[[str], str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert remote
    push(own)
    commit("Move the data")
    telling = replace(own, screen=Screen(console=Console(stderr=True, width=500)))
    for text in ("", "is not the file that"):
        assert review(telling, [], base="main", trials=None, workers=None, as_json=False) == 0
        said = capfd.readouterr().err
        assert "The change affects no model" in said
        assert (f"{NAME} is not the file that" in said, "slipway data push" in said) == (bool(text), bool(text))
        with (own.git.root / NAME).open("a") as file:
            file.write("1,2,a\n")


def test_what_says_where_the_data_are_is_to_be_committed_too(
    own: Workspace, remote: Path, commit: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert remote
    for paths in ([f"{NAME}.dvc", "data/toy/.gitignore", ".dvc/config"], [f"{NAME}.dvc", "data/toy/.gitignore"]):
        data.push(own, "toy", None, source=None, as_json=True)
        assert json.loads(capsys.readouterr().out)["commit"] == paths
        commit("Move the data")


def test_a_second_push_changes_nothing(
    own: Workspace, remote: Path, commit: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    push(own)
    commit("Move the data")
    before = {file: file.stat().st_mtime_ns for file in remote.rglob("*") if file.is_file()}
    capsys.readouterr()
    assert push(own) == 0
    assert "is already in" in capsys.readouterr().out
    assert own.git.run("status", "--porcelain") == ""
    assert {file: file.stat().st_mtime_ns for file in remote.rglob("*") if file.is_file()} == before


def test_another_clone_fetches_it_once(
    own: Workspace, remote: Path, commit: Callable[[str], str], tmp_path: Path
) -> None:
    push(own)
    commit("Move the data")
    there = elsewhere(own, tmp_path)
    assert there.model("toy").key == own.model("toy").key
    assert there.model("toy").dataset.table.num_rows == 160
    shutil.rmtree(remote)
    (there.git.root / NAME).unlink()
    assert there.model("toy").dataset.table.num_rows == 160
    assert there.git.run("status", "--porcelain") == ""
    shutil.rmtree(tmp_path / "other cache")
    (there.git.root / NAME).unlink()
    with pytest.raises(OutsideError, match=f"{NAME} is not here: .* does not have train.csv"):
        _ = there.model("toy").dataset


def test_an_edit_is_kept_until_it_is_pushed(own: Workspace, remote: Path, commit: Callable[[str], str]) -> None:
    del remote
    push(own)
    commit("Move the data")
    file = own.git.root / NAME
    first = md5(file)
    file.write_text(toy_csv(200))
    model = own.model("toy")
    for read in (model.check_unedited, model.fetched, lambda: pull(own)):
        with pytest.raises(InputError, match=r"is not the file that .*\n.*slipway data push"):
            read()
    assert file.read_text() == toy_csv(200)
    push(own)
    assert own.model("toy").dataset.table.num_rows == 200
    own.git.run("checkout", "--quiet", "--", f"{NAME}.dvc")
    assert pull(own) == 0  # what makes room is in the cache
    assert md5(file) == first


def test_new_data_may_lie_anywhere(own: Workspace, remote: Path, tmp_path: Path) -> None:
    del remote
    file = own.git.root / NAME
    new, old = tmp_path / "new.csv", md5(file)
    new.write_text(toy_csv(90))
    push(own, new)
    assert file.read_text() == toy_csv(90) == new.read_text()
    assert (tmp_path / "cache" / KEPT / old[:2] / old[2:]).is_file()  # what it replaced


def test_documents_for_programs(own: Workspace, remote: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.push(own, "toy", None, source=None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    found = md5(own.git.root / NAME)
    assert told == {
        "model": "toy", "file": NAME, "md5": found, "size": 3384, "source": None, "remote": str(remote), "sent": True,
        "untracked": True, "commit": [f"{NAME}.dvc", "data/toy/.gitignore", ".dvc/config"],
    } | {"size": (own.git.root / NAME).stat().st_size}  # fmt: skip
    data.pull(own, ["toy"], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"model": "toy", "file": NAME, "md5": found}]


@pytest.mark.parametrize(
    ("file", "said"), [("gone.csv", "there is no file"), ("new.parquet", "of another kind"), ("folder", "no file")]
)
def test_what_cannot_be_pushed_is_told(own: Workspace, remote: Path, tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "new.parquet").write_text("")
    with pytest.raises(InputError, match=said):
        push(own, tmp_path / file)
    assert not remote.exists()


def test_without_a_remote_that_is_told(own: Workspace) -> None:
    with pytest.raises(InputError, match=r"no DVC remote[\s\S]*dvc remote add"):
        push(own)
    (own.git.root / NAME).rename(own.git.root / f"{NAME}.old")
    (own.git.root / f"{NAME}.dvc").write_bytes(Pointer(path="train.csv", md5="0" * 32).to_bytes())
    with pytest.raises(InputError, match="is not here, and this repository has no DVC remote"):
        _ = own.model("toy").dataset


def test_every_model_is_pulled_before_the_first_fault_is_told(
    own: Workspace, remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del remote
    push(own)
    shutil.copytree(own.git.root / "data/toy", own.git.root / "data/aaa")
    (own.git.root / "data/aaa/train.csv.dvc").write_text("outs: 1\n")
    (own.git.root / NAME).unlink()
    with pytest.raises(InputError, match=r"data/aaa/train\.csv\.dvc:1"):
        pull(own)
    assert (own.git.root / NAME).is_file()
    assert "toy" in capsys.readouterr().out


def test_a_link_leads_nowhere(own: Workspace, remote: Path, tmp_path: Path) -> None:
    del remote
    push(own)
    (tmp_path / "victim").write_text("mine")
    (own.git.root / NAME).unlink()
    (own.git.root / NAME).symlink_to(tmp_path / "victim")
    for read in (lambda: own.model("toy").dataset, lambda: pull(own), lambda: push(own)):
        with pytest.raises(InputError, match="is a link"):
            read()
    assert (tmp_path / "victim").read_text() == "mine"


def test_the_bases_data_are_fetched_to_be_compared_with(
    own: Workspace, remote: Path, commit: Callable[[str], str], tmp_path: Path
) -> None:
    push(own)
    commit("Move the data")
    there = elsewhere(own, tmp_path)
    new = tmp_path / "new.csv"
    new.write_text(toy_csv(200))
    push(there, new)
    base = there.git.commit("HEAD")
    found, _ = validate._changed(there, there.model("toy"), base)
    assert found.change is not None
    assert (found.change.rows_before, found.change.rows_added, found.change.rows_removed) == (160, 40, 0)
    for folder in (remote, tmp_path / "other cache", tmp_path / "store"):
        shutil.rmtree(folder)
    for _ in range(2):  # nothing is kept of that
        assert (validate._changed(there, there.model("toy"), base)[0].change, (tmp_path / "store").exists()) == (
            None,
            False,
        )


def test_main_is_judged_by_its_own_data(
    own: Workspace, remote: Path, commit: Callable[[str], str], tmp_path: Path
) -> None:
    push(own)
    view: Any = SimpleNamespace(tip=commit("Move the data"))
    view.state = SimpleNamespace(model="toy", key=own.model("toy").key)
    there = elsewhere(own, tmp_path)
    there.git.run("fetch", "--quiet")
    (there.git.root / ".dvc/config").write_text("")  # what somebody is about to change here does not count
    (there.git.root / "data/toy/model.toml").write_text("")
    with Judge(workspace=there)._laid_out(view) as passing:
        assert passing.settings.repo != there.settings.repo
        shutil.rmtree(remote)
        assert passing.model("toy").key == view.state.key
        assert passing.model("toy").dataset.table.num_rows == 160
    assert not (there.git.root / NAME).exists()


def test_main_is_judged_beside_an_edit(own: Workspace, remote: Path, commit: Callable[[str], str]) -> None:
    del remote
    push(own)
    view: Any = SimpleNamespace(tip=commit("Move the data"))
    view.state = SimpleNamespace(model="toy", key=own.model("toy").key)
    with Judge(workspace=own)._laid_out(view) as same:
        assert same is own
    (own.git.root / NAME).write_text(toy_csv(200))
    with Judge(workspace=own)._laid_out(view) as passing:
        assert passing.model("toy").dataset.table.num_rows == 160
    assert (own.git.root / NAME).read_text() == toy_csv(200)


def test_a_searchs_pods_get_the_data_themselves(
    own: Workspace, remote: Path, commit: Callable[[str], str], tmp_path: Path
) -> None:
    push(own)
    commit("Move the data")
    there = elsewhere(own, tmp_path)
    archive = zipfile.ZipFile(io.BytesIO(source.pack(there.model("toy"))))
    shutil.rmtree(remote)
    archive.extractall(tmp_path / "pod")
    in_pod = replace(own.settings, repo=tmp_path / "pod" / "repository", data_cache=None)
    assert replace(own, settings=in_pod).model("toy").dataset.table.num_rows == 160


KILLED = """
import os, sys
from slipway.cli import main

def die(frame, event, arg):
    place = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
    if event == "call" and place.endswith(sys.argv[1]):
        os.kill(os.getpid(), 9)

sys.setprofile(die)
main(["data", "push", "toy", "--repo", sys.argv[2]])
"""


@pytest.mark.parametrize(
    "moment",
    [
        "adapters/data/files.py:_bounded",
        "adapters/data/remote.py:put",
        "adapters/data/files.py:_settle",
        "commands/data.py:_ignored",
        "commands/data.py:_untracked",
    ],
)
def test_a_push_that_is_killed_loses_nothing(own: Workspace, remote: Path, tmp_path: Path, moment: str) -> None:
    content = (own.git.root / NAME).read_bytes()
    environ = {**os.environ, "SLIPWAY_DATA_CACHE": str(tmp_path / "cache"), "GIT_CONFIG_GLOBAL": os.devnull}
    command = [sys.executable, "-c", KILLED, moment, str(own.git.root)]
    done = subprocess.run(command, check=False, capture_output=True, env=environ, timeout=60)
    assert done.returncode == -9, done.stderr.decode()
    assert (own.git.root / NAME).read_bytes() == content
    if (own.git.root / f"{NAME}.dvc").exists():
        named = own.model("toy").inputs.data.removeprefix("md5:")
        assert (remote / KEPT / named[:2] / named[2:]).read_bytes() == content
    assert push(own) == 0
    assert NAME not in own.git.run("ls-files", "--cached").splitlines()
    assert own.model("toy").dataset.table.num_rows == 160
    assert not [file for file in own.git.root.rglob("*part*") if ".git/" not in str(file)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def test_an_imports_source_is_noted_checked_and_asked(
    own: Workspace, server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commit: Callable[[str], str]
) -> None:
    use(server, monkeypatch)
    url = f"{bucket('incoming')}/toy.csv"
    (own.git.root / ".dvc").mkdir()
    (own.git.root / ".dvc/config").write_text(CONFIG.format(url=f"{bucket('kept')}/data"))
    put(url, toy_csv(160).encode())
    push(own, url=url)
    commit("Move the data")
    pointer = Pointer.parse((own.git.root / f"{NAME}.dvc").read_bytes(), f"{NAME}.dvc")
    assert pointer.source is not None
    assert (pointer.source.url, pointer.source.etag) == (url, pointer.md5)
    put(url, toy_csv(170).encode())
    with pytest.raises(InputError, match="is not what s3://incoming/toy"):
        push(own, own.git.root / NAME, url)
    push(own, url=url)
    assert own.model("toy").dataset.table.num_rows == 170
    new = tmp_path / "new.csv"
    new.write_text(toy_csv(90))
    push(own, new)
    again = Pointer.parse((own.git.root / f"{NAME}.dvc").read_bytes(), f"{NAME}.dvc")
    assert again.source is not None  # it is still looked at
    assert again.source.url == url


def test_what_the_remote_does_not_have_is_fetched_from_the_source(
    own: Workspace, server: str, monkeypatch: pytest.MonkeyPatch, remote: Path, tmp_path: Path
) -> None:
    use(server, monkeypatch)
    url = f"{bucket('versions', versions=True)}/toy.csv"
    put(url, toy_csv(160).encode())
    push(own, url=url)
    put(url, toy_csv(170).encode())
    shutil.rmtree(remote)
    shutil.rmtree(tmp_path / "cache")
    (own.git.root / NAME).unlink()
    with pytest.raises(OutsideError, match="does not have train"):
        replace(own.data(), sources=False).place(named_now(own), own.git.root / NAME)
    assert own.model("toy").dataset.table.num_rows == 160


def named_now(own: Workspace) -> Named:
    content = (own.git.root / f"{NAME}.dvc").read_bytes()
    return Named(name=NAME, pointer=Pointer.parse(content, f"{NAME}.dvc"))
