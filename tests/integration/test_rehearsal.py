"""The whole life of a model, as a person would play it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SOURCE
from tests.prometheus_server import needs_prometheus

from slipway.adapters.git import Git
from slipway.rehearsal import rules

UNREACHABLE = {"SLIPWAY_STORE": "s3://nobody/here", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "GIT_DIR": "/nowhere"}


def rehearse(repository: Git, model: str, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slipway", "rehearse", model, *options, "--json", "--repo", str(repository.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})


def tree(root: Path) -> dict[str, int]:
    """Every file of a repository but what runs leave behind, with its time."""
    files = (file for file in root.rglob("*") if file.is_file() and ".slipway" not in file.parts)
    return {str(file): file.stat().st_mtime_ns for file in files}


MARK = "REHEARSED_BY"


def processes(mark: str) -> list[str]:
    """What runs of all that a rehearsal has started: each process inherits the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


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


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_prometheus
def test_the_cluster_is_settled_and_watched(repository: Git) -> None:
    monitoring = repository.root / rules.PLACE
    monitoring.parent.mkdir(parents=True)
    shutil.copytree(SOURCE / rules.PLACE, monitoring)
    before, mark = tree(repository.root), str(repository.root)
    done = rehearse(repository, "toy", "--full", **{MARK: mark})
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    played: Any = json.loads(done.stdout)
    told = {scene["title"]: scene["outcome"] for scene in played["scenes"]}
    assert len(told) == 11
    assert re.search(r"width: PSI \d.*; in Prometheus SlipwayFeatureDrift", told["What clients ask drifts"])
    assert "data/toy/train.csv.dvc, and nothing else" in told["Newer data appear at their source"]
    subjects = [re.sub(r"[0-9a-f]{8}", "KEY", line.split(": ", 1)[1]) for line in played["log"]]
    assert [one.partition(" golden")[0] for one in subjects if not one.startswith("Let everything through")] == [
        'Revert "Merge the third search"',
        "revert(toy): KEY Its answers are wrong:", "release(toy): KEY canary 25%", "Merge the third search",
        "promote(toy): KEY 100%", "release(toy): KEY canary 25%", "Merge the larger search",
        "release(toy): KEY 100%", "Begin toy with a small search",
    ]  # fmt: skip
    sandbox = repository.root / ".slipway" / "rehearsal"
    assert "The source of `toy` holds newer data; drift of" in (sandbox / "pull-request.md").read_text()
    branches = Git(root=sandbox / "remote.git").run("for-each-ref", "--format=%(refname:short)").splitlines()
    assert branches == ["main", "slipway/watch/toy"]
    assert tree(repository.root) == before
    assert not processes(mark), "no server and no Prometheus is left"


@needs_prometheus
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_it_leaves_nothing_running(repository: Git, number: int) -> None:
    environ = {**os.environ, MARK: str(repository.root)}
    command = [sys.executable, "-m", "slipway", "rehearse", "toy", "--full", "--repo", str(repository.root)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "slipway data push" in line)
        assert any("prometheus" in line for line in processes(environ[MARK]))
        process.send_signal(number)
        assert "interrupted" in process.stdout.read()
    assert process.returncode == 130
    assert not processes(environ[MARK])


def test_where_there_is_no_prometheus(repository: Git, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "/usr/bin/git")
    done = rehearse(repository, "toy", "--full", PATH=str(programs))
    assert (done.returncode, done.stdout) == (3, "")
    assert "prometheus was looked for on the PATH, and is not there" in done.stderr
    assert "apt-get install prometheus" in done.stderr
    assert not (repository.root / ".slipway" / "rehearsal").exists()


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_a_model_that_is_not_there(repository: Git, options: tuple[str, ...]) -> None:
    done = rehearse(repository, "nothing", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no model 'nothing' to rehearse" in done.stderr
    assert not (repository.root / ".slipway" / "rehearsal").exists()
