"""The real DVC reads what slipway writes, and the other way round. Needs `dvc` with dvc-s3; a minute."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import toy_csv
from tests.s3_server import bucket, put, serving, use

from slipway.adapters.data import source as data_source
from slipway.adapters.git import Git
from slipway.commands import data
from slipway.datasets.pointer import Pointer, Source
from slipway.workspace import Workspace

NAME = "data/toy/train.csv"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dvc") is None, reason="there is no dvc here: pip install dvc dvc-s3"),
]


@pytest.fixture
def own(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a remote in S3, configured by DVC itself."""
    with serving() as address:
        use(address, monkeypatch)
        for name in ("HOME", "XDG_CONFIG_HOME", "DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
            monkeypatch.setenv(name, str(tmp_path / "home"))
        monkeypatch.setenv("DVC_NO_ANALYTICS", "true")
        url = bucket("kept")
        for arguments in (
            ("init", "--quiet"),
            ("remote", "add", "--default", "Storage", f"{url}/some/prefix"),
            ("remote", "modify", "Storage", "endpointurl", address),
            ("remote", "modify", "--local", "Storage", "access_key_id", "test"),
            ("remote", "modify", "--local", "Storage", "secret_access_key", "test"),
        ):
            dvc(workspace.git, *arguments)
        commit(workspace.git, "Set DVC up")
        yield replace(workspace, settings=replace(workspace.settings, data_cache=tmp_path / "cache"))


def dvc(git: Git, *arguments: str) -> str:
    command = [shutil.which("dvc") or "", *arguments]
    done = subprocess.run(command, cwd=git.root, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(git: Git, message: str) -> None:
    git.run("add", "--all")
    git.run("commit", "--quiet", f"--message={message}")


def forget(own: Workspace, tmp_path: Path) -> None:
    """Leave the remote alone with the data."""
    (own.git.root / NAME).unlink()
    for folder in (own.git.root / ".dvc/cache", tmp_path / "cache"):
        shutil.rmtree(folder, ignore_errors=True)


def test_dvc_pulls_what_slipway_pushed(own: Workspace, tmp_path: Path) -> None:
    data.push(own, "toy", None, source=None, as_json=False)
    commit(own.git, "Move the data")
    pointer = (own.git.root / f"{NAME}.dvc").read_bytes()
    forget(own, tmp_path)
    dvc(own.git, "pull")
    assert (own.git.root / NAME).read_text() == toy_csv()
    assert "up to date" in dvc(own.git, "status")
    assert "in sync" in dvc(own.git, "status", "--cloud")
    dvc(own.git, "add", NAME)
    assert (own.git.root / f"{NAME}.dvc").read_bytes() == pointer
    assert own.git.run("status", "--porcelain") == ""


def test_slipway_fetches_what_dvc_pushed(own: Workspace, tmp_path: Path) -> None:
    own.git.run("rm", "--quiet", "--cached", NAME)
    dvc(own.git, "add", NAME)
    dvc(own.git, "push")
    commit(own.git, "Move the data")
    pointer = (own.git.root / f"{NAME}.dvc").read_bytes()
    assert Pointer.parse(pointer, f"{NAME}.dvc").to_bytes() == pointer
    forget(own, tmp_path)
    assert own.model("toy").dataset.table.num_rows == 160
    assert "up to date" in dvc(own.git, "status")
    (own.git.root / NAME).unlink()
    shutil.rmtree(tmp_path / "cache")
    dvc(own.git, "fetch")  # into DVC's own cache, which is read as well
    shutil.rmtree(own.git.root / ".dvc/tmp")
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    (own.git.root / ".dvc/config").unlink()
    assert own.model("toy").dataset.table.num_rows == 160


@pytest.mark.parametrize("versions", [False, True])
def test_an_import_is_the_same_to_both(own: Workspace, versions: bool) -> None:  # noqa: FBT001
    url = f"{bucket(f'versions-{versions}'.lower(), versions=versions)}/toy.csv"
    put(url, toy_csv().encode())
    data.push(own, "toy", None, source=url, as_json=False)
    commit(own.git, "Move the data")
    pointer = own.git.root / f"{NAME}.dvc"
    assert "up to date" in dvc(own.git, "status")
    dvc(own.git, "update", f"{NAME}.dvc")
    assert own.git.run("status", "--porcelain") == ""
    put(url, toy_csv(170).encode())
    dvc(own.git, "update", f"{NAME}.dvc")
    found = Pointer.parse(pointer.read_bytes(), f"{NAME}.dvc")
    assert found.source == data_source.head(url)
    assert found.to_bytes() == pointer.read_bytes()
    assert own.model("toy").dataset.table.num_rows == 170


def test_what_dvc_imports_is_read(own: Workspace) -> None:
    url = f"{bucket('incoming')}/toy.csv"
    put(url, toy_csv(90).encode())
    own.git.run("rm", "--quiet", NAME)
    dvc(own.git, "import-url", url, NAME)
    found = Pointer.parse((own.git.root / f"{NAME}.dvc").read_bytes(), f"{NAME}.dvc")
    head = data_source.head(url)
    assert found.source == Source(url=url, etag=head.etag, size=head.size)
    assert own.model("toy").inputs.data == found.digest
    assert own.model("toy").dataset.table.num_rows == 90
