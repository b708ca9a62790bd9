"""MLflow: which data, which configuration and which trial made a model, from either end."""

from __future__ import annotations

import json
import socket
import warnings
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.store import sha256
from slipway.adapters.tracking import SearchRun, Tracking, reason, record, without_credentials

MODEL = b"onnx"


def search_run() -> SearchRun:
    trial = {"family": "xgboost", "params": {"max_depth": 3}, "rounds": 40, "seconds": 1.5, "error": ""}
    return SearchRun(
        model="iris",
        key="ab" * 32,
        commit="c0ffee" * 6,
        data_file="data/iris/train.csv",
        data_digest="sha256:" + "12" * 32,
        rows=150,
        columns=5,
        params={"trials": 2, "family": "xgboost"},
        metrics={"cv_log_loss": 0.2},
        tags={"slipway.onnx_sha256": sha256(MODEL), "slipway.verdict": "promote"},
        metric="log_loss",
        best=0,
        trials=[
            {"number": 0, "score": 0.2, "fold_scores": [0.1, 0.3], "state": "complete", **trial},
            {"number": 1, "score": None, "fold_scores": [], "state": "failed", **trial, "error": "ValueError: no"},
        ],
        began_ms=1_700_000_000_000,
    )


@pytest.fixture
def client(tmp_path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient

        return MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_search_can_be_followed_from_either_end(tmp_path: Path, client: Any) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for _ in range(2):  # the second records nothing
        recorder = Tracking(uri=uri).start("iris")
        recorder.record(search_run(), {"model.onnx": MODEL, "model.json": b"{}"})
        assert recorder.close() == ""

    experiment = client.get_experiment_by_name("iris").experiment_id
    runs = client.search_runs([experiment])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(runs) == 3

    # from the model to its data, configuration, trial and commit
    (by_bytes,) = client.search_runs([experiment], f"tags.`slipway.onnx_sha256` = '{sha256(MODEL)}'")
    assert by_bytes.info.run_id == parent.info.run_id
    assert parent.data.tags["mlflow.source.git.commit"] == "c0ffee" * 6
    assert parent.data.tags["slipway.trial"] == "0"
    (dataset,) = parent.inputs.dataset_inputs
    assert dataset.dataset.digest == "12" * 18
    assert json.loads(dataset.dataset.source)["path"] == "data/iris/train.csv"
    assert {artifact.path for artifact in client.list_artifacts(parent.info.run_id)} == {"model.onnx", "model.json"}

    # and from the trial to the model
    (chosen,) = client.search_runs([experiment], "tags.`slipway.challenger` = 'true'")
    assert chosen.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert chosen.data.params == {"family": "xgboost", "max_depth": "3"}
    assert chosen.data.metrics["log_loss"] == 0.2
    (lost,) = client.search_runs([experiment], "tags.`slipway.trial` = '1'")
    assert lost.info.status == "FAILED"
    assert lost.data.tags["slipway.error"] == "ValueError: no"


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_is_not_there_is_one_line() -> None:
    recorder = Tracking(uri="bogus://nowhere").start("iris")
    recorder.record(search_run(), {})
    assert "bogus" in recorder.close()


@pytest.mark.filterwarnings("ignore")
def test_a_recorder_that_is_told_nothing_records_nothing(tmp_path: Path, client: Any) -> None:
    recorder = Tracking(uri=f"sqlite:///{tmp_path / 'mlflow.db'}").start("iris")
    assert recorder.close() == ""
    experiment = client.get_experiment_by_name("iris")
    assert experiment is not None
    assert not client.search_runs([experiment.experiment_id])


@pytest.mark.filterwarnings("ignore")
def test_an_interrupted_recording_is_made_again(tmp_path: Path, client: Any) -> None:
    """A parent that never ended does not count as recorded."""
    experiment = client.create_experiment("iris", artifact_location=(tmp_path / "a").as_uri())
    client.create_run(experiment, tags={"slipway.key": "ab" * 32})
    (tmp_path / "files").mkdir()
    record(client, experiment, search_run(), tmp_path / "files")
    finished = client.search_runs([experiment], "attributes.status = 'FINISHED'")
    assert len([run for run in finished if "mlflow.parentRunId" not in run.data.tags]) == 1


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_refuses_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        recorder = Tracking(uri=f"http://bob:s3cr3t@{address}").start("iris")
        recorder.record(search_run(), {})
        told = recorder.close()
    assert f"http://{address}/api" in told
    assert "s3cr3t" not in told
    assert "bob" not in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to http://bob:s3cr3t@127.0.0.1:9/api failed", "to http://127.0.0.1:9/api failed"),
        ("'https://token@host', again https://a:b@host.", "'https://host', again https://host."),
        ("postgresql+psycopg2://a:p@ss/w@rd@host:5/db", "postgresql+psycopg2://host:5/db"),
        ("http://:only@host?x", "http://host?x"),
        ("http://host:80/Users/bob@example.org", "http://host:80/Users/bob@example.org"),
        ("http://host/a?as=bob@example.org ann@host", "http://host/a?as=bob@example.org ann@host"),
        ("sqlite:////home/bob@work/mlflow.db: locked", "sqlite:////home/bob@work/mlflow.db: locked"),
    ],
)
def test_an_address_is_told_without_its_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert reason(1, f"Traceback\n{text}\n".encode()) == shown


def test_the_address_does_not_show() -> None:
    assert "secret" not in repr(Tracking(uri="https://user:secret@host"))
