"""The search on Ray: reproducible at any width, and hard to kill."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from slipway import trained
from slipway.adapters.cluster import Cluster
from slipway.adapters.git import Git
from slipway.adapters.store import open_store
from slipway.adapters.tuner import RayTune
from slipway.errors import InputError, OutsideError, StoreError
from slipway.stages import tune
from slipway.training.search import InProcess
from slipway.training.trial import TrialState
from slipway.workspace import Workspace

SOURCE = Path(__file__).parents[2]


def elsewhere(workspace: Workspace, folder: Path) -> Workspace:
    """The same repository with an empty store and no record of earlier trials."""
    settings = dataclasses.replace(workspace.settings, repo=workspace.settings.repo)
    for journal in (settings.local / "work").rglob("*.jsonl"):
        journal.unlink()
    return dataclasses.replace(workspace, store=open_store(str(folder)), settings=settings)


def spec_file(workspace: Workspace) -> Path:
    return workspace.settings.repo / "data" / "toy" / "model.toml"


@pytest.fixture(scope="module", params=[1, 2, 4])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_any_number_of_workers_gives_the_same_bytes(workspace: Workspace, tmp_path: Path, width: int) -> None:
    """Beside a search in this very process, which is the plainest there is."""
    model = workspace.model("toy", trials=6)
    plain = tune.run(workspace, model, InProcess())
    cluster = Cluster(address=None, workers=width)
    try:
        wide = tune.run(elsewhere(workspace, tmp_path / "other"), model, RayTune(cluster=cluster))
    finally:
        cluster.stop()
    assert wide.onnx == plain.onnx
    assert wide.card == plain.card
    assert [dataclasses.replace(t, seconds=0) for t in wide.trials] == [
        dataclasses.replace(t, seconds=0) for t in plain.trials
    ]


def test_a_trial_that_fails_is_a_recorded_trial(workspace: Workspace) -> None:
    toml = spec_file(workspace)
    toml.write_text(toml.read_text().replace("max_depth = { int = [2, 4] }", "max_depth = { choice = [3, -7] }"))
    model = workspace.model("toy", trials=12)
    tuned = tune.run(workspace, model, InProcess())
    states = {trial.state for trial in tuned.trials}
    assert states == {TrialState.COMPLETE, TrialState.FAILED}
    assert tuned.card.failed_trials == sum(trial.state is TrialState.FAILED for trial in tuned.trials)
    assert all("max_depth" in trial.error for trial in tuned.trials if trial.state is TrialState.FAILED)


def test_a_search_in_which_all_fails_says_why(workspace: Workspace) -> None:
    toml = spec_file(workspace)
    text = toml.read_text().replace("max_depth = { int = [2, 4] }", "max_depth = -7")
    toml.write_text(text[: text.index("[search.xgboost]")])
    with pytest.raises(InputError, match=r"all 4 trials failed: .*max_depth"):
        tune.run(workspace, workspace.model("toy"), InProcess())


def test_a_worker_that_dies_changes_nothing(workspace: Workspace, cluster: Cluster, tmp_path: Path) -> None:
    """A killed process is what too little memory looks like: its trial is tried again."""
    model = workspace.model("toy", trials=10)
    plain = tune.run(workspace, model, InProcess())
    killed: list[int] = []
    killer = threading.Thread(target=_kill_a_worker, args=(killed,), daemon=True)
    killer.start()
    tuned = tune.run(elsewhere(workspace, tmp_path / "other"), model, RayTune(cluster=cluster))
    killer.join()
    assert killed
    assert tuned.onnx == plain.onnx
    assert tuned.card.failed_trials == 0


def _kill_a_worker(killed: list[int]) -> None:
    """Kill the first process of this test's own cluster that evaluates a trial."""
    deadline = time.monotonic() + 60
    while not killed and time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                title = (process / "cmdline").read_bytes()
                if title.startswith(b"ray::") and b".train" in title and _descends_from_here(process):
                    os.kill(int(process.name), signal.SIGKILL)
                    killed.append(int(process.name))
                    return
        time.sleep(0.001)


def _descends_from_here(process: Path) -> bool:
    while process.name not in {"0", "1"}:
        parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
        if int(parent) == os.getpid():
            return True
        process = process.parent / parent
    return False


def slipway(repository: Git, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "slipway", *arguments, "--repo", str(repository.root)]


def test_a_killed_search_goes_on_and_ends_with_the_same_bytes(
    repository: Git, workspace: Workspace, tmp_path: Path
) -> None:
    plain = tune.run(elsewhere(workspace, tmp_path / "plain"), workspace.model("toy", trials=24), InProcess())
    command = slipway(repository, "tune", "toy", "--trials", "24", "--workers", "2", "--store", str(tmp_path / "other"))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    work = repository.root / ".slipway" / "work" / "toy"
    deadline = time.monotonic() + 90
    while sum(len(file.read_bytes().splitlines()) for file in work.glob("*.jsonl")) < 4:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    recorded = sum(len(file.read_bytes().splitlines()) for file in work.glob("*.jsonl"))
    assert 4 <= recorded < 24

    subprocess.run(command, check=True, capture_output=True)
    store = open_store(str(tmp_path / "other"))
    resumed = tune.load(dataclasses.replace(workspace, store=store), workspace.model("toy", trials=24))
    assert resumed is not None
    assert resumed.onnx == plain.onnx
    assert not list(work.glob("*.jsonl"))


def test_workers_that_never_start_end_the_search(
    workspace: Workspace, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded of it: the next run begins where this one did."""
    monkeypatch.setattr("slipway.adapters.tuner._RETRIES", 0)
    kills: list[int] = []
    over = threading.Event()
    killer = threading.Thread(target=_kill_every_worker, args=(kills, over), daemon=True)
    killer.start()
    try:
        with pytest.raises(OutsideError, match="a worker of Ray died"):
            tune.run(elsewhere(workspace, tmp_path / "other"), workspace.model("toy"), RayTune(cluster=cluster))
    finally:
        over.set()
        killer.join()
    assert kills
    assert not list((workspace.settings.local / "work").rglob("*.jsonl"))


def _kill_every_worker(kills: list[int], over: threading.Event) -> None:
    while not over.wait(0.01):
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                title = (process / "cmdline").read_bytes()
                if title.startswith(b"ray::_Inner") and _descends_from_here(process):
                    os.kill(int(process.name), signal.SIGKILL)
                    kills.append(int(process.name))


def test_a_search_that_uv_runs_uses_the_same_environment(repository: Git, tmp_path: Path) -> None:
    """Ray would start its workers by `uv run` too, where uv may not be found or makes another environment."""
    uv = next(filter(None, (shutil.which("uv"), shutil.which(str(SOURCE / ".tools/bin/uv")))), None)
    if uv is None:
        pytest.skip("uv is not installed")
    command = slipway(repository, "tune", "toy", "--trials", "2", "--workers", "1", "--store", str(tmp_path / "store"))
    environ = {**os.environ, "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [uv, "run", "--no-project", "--", *command], check=True, capture_output=True, env=environ, timeout=90
    )


def test_training_code_that_is_not_the_repositorys_trains_nothing(workspace: Workspace) -> None:
    file = workspace.settings.repo / "src/slipway/training/seeds.py"
    file.write_text(file.read_text() + "# changed\n")
    with pytest.raises(InputError, match="other training code"):
        tune.run(workspace, workspace.model("toy"), InProcess())


def test_data_that_are_not_what_their_pointer_names_are_refused(workspace: Workspace) -> None:
    data = workspace.settings.repo / "data/toy/train.csv"
    digest = hashlib.md5(data.read_bytes(), usedforsecurity=False).hexdigest()
    pointer = data.with_name("train.csv.dvc")
    pointer.write_text(f"outs:\n- md5: {digest}\n  path: train.csv\n")
    assert workspace.model("toy").dataset.table.num_rows == 160
    pointer.write_text(f"outs:\n- md5: {'0' * 32}\n  path: train.csv\n")
    with pytest.raises(InputError, match="is not the file that"):
        _ = workspace.model("toy").dataset


@pytest.mark.parametrize("forged", [{"model.onnx": b"other"}, {"model.json": b"{}"}])
def test_a_store_whose_card_and_model_differ_is_not_believed(
    workspace: Workspace, tmp_path: Path, forged: dict[str, bytes]
) -> None:
    """Its `SHA256SUMS` may be right all the same: whoever wrote the files wrote that too."""
    model = workspace.model("toy")
    tune.run(workspace, model, InProcess())
    files = workspace.store.get(trained.place("toy", model.key))
    assert files is not None
    other = elsewhere(workspace, tmp_path / "forged")
    other.store.put(trained.place("toy", model.key), {**files, **forged})
    with pytest.raises(StoreError, match="challenger"):
        tune.load(other, model)
