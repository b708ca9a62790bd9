"""The jobs of a pull request's stages, each a process as on Tekton, where one of them cannot do its work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.adapters.git import Git
from slipway.bundle.document import Bundle
from slipway.errors import ExitCode

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CHANGE = ("--pull-request=7", f"--head={'a' * 40}")


def slipway(git: Git, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "slipway", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=git.root,
        env={**os.environ, **environ},
    )


def reviewed(git: Git, folder: Path, **environ: str) -> Bundle:
    """What a job after them finds, which the gate then refuses."""
    told = slipway(git, "ci", "review", "toy", "--defer", "--base=main", f"--bundle={folder}", *CHANGE, **environ)
    assert told.returncode == ExitCode.OUTSIDE_FAILED, told.stderr
    gate = slipway(git, "ci", "gate", folder, '--models=["toy"]', *CHANGE)
    assert gate.returncode == ExitCode.OUTSIDE_FAILED, gate.stderr
    return Bundle.from_json((folder / "toy" / "bundle.json").read_bytes(), "bundle")


def test_what_a_cluster_did_not_do_is_told_and_not_searched_here(repository: Git, tmp_path: Path) -> None:
    environ = {
        "SLIPWAY_STORE": str(tmp_path / "store"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }
    asked = ("--defer", f"--ray-job={ROOT / 'tekton/ray/rayjob.yaml'}", "--ray-image=localhost/none")
    told = slipway(repository, "tune", "toy", *asked, **environ)
    assert told.returncode == ExitCode.DONE, told.stderr
    bundle = reviewed(repository, tmp_path / "bundles", **environ)
    assert bundle.is_outside
    assert "a RayJob's pods cannot reach a store that is a folder" in bundle.error


def test_data_that_nobody_pushed_are_told(repository: Git, tmp_path: Path) -> None:
    pushed = tmp_path / "remote"
    pushed.mkdir()
    (repository.root / ".dvc").mkdir()
    (repository.root / ".dvc" / "config").write_text(f"[core]\nremote = here\n['remote \"here\"']\nurl = {pushed}\n")
    (repository.root / "data" / "toy" / "train.csv").unlink()
    pointer = "outs:\n- md5: 00000000000000000000000000000000\n  size: 10\n  hash: md5\n  path: train.csv\n"
    (repository.root / "data" / "toy" / "train.csv.dvc").write_text(pointer)
    repository.run("add", "--all")
    repository.run("commit", "--quiet", "--message=Point to data")
    environ = {"SLIPWAY_STORE": str(tmp_path / "store")}
    told = slipway(repository, "validate", "toy", "--defer", "--base=main", **environ)
    assert told.returncode == ExitCode.OUTSIDE_FAILED, told.stderr
    bundle = reviewed(repository, tmp_path / "bundles", **environ)
    assert bundle.is_outside
    assert "dvc push" in bundle.error
