"""The whole life of a model, as a person would play it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.git import Git

UNREACHABLE = {"SLIPWAY_STORE": "s3://nobody/here", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "GIT_DIR": "/nowhere"}


def rehearse(repository: Git, model: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slipway", "rehearse", model, "--json", "--repo", str(repository.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})


def tree(root: Path) -> dict[str, int]:
    """Every file of a repository but what runs leave behind, with its time."""
    files = (file for file in root.rglob("*") if file.is_file() and ".slipway" not in file.parts)
    return {str(file): file.stat().st_mtime_ns for file in files}


@pytest.mark.slow
def test_open_merge_revert(repository: Git) -> None:
    before = tree(repository.root)
    done = rehearse(repository, "toy", **{name: UNREACHABLE[name] for name in ("SLIPWAY_STORE", "MLFLOW_TRACKING_URI")})
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    played: Any = json.loads(done.stdout)
    assert len(played["scenes"]) == 8
    subjects = [line.split(": ", 1)[1].split(" ")[0].rstrip(":") for line in played["log"]]
    assert subjects == [
        "restore(toy)", "Revert",
        "restore(toy)", "Revert",
        "rollback(toy)", "Revert",
        "promote(toy)", "release(toy)", "Merge",
        "release(toy)", "Begin",
    ]  # fmt: skip
    assert tree(repository.root) == before
    assert not (repository.root / "gitops").exists()
    kept = {path.name for path in (repository.root / ".slipway/rehearsal/store/toy").glob("*/*")}
    assert "challenger" in kept, "the store is kept, so the next rehearsal trains nothing"


def test_a_model_that_is_not_there(repository: Git) -> None:
    done = rehearse(repository, "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no model 'nothing' to rehearse" in done.stderr
    assert not (repository.root / ".slipway" / "rehearsal").exists()
