"""MLflow: which data, which configuration and which trial made a model, from either end.

A run is recorded by a process of its own, because MLflow takes seconds to import and nobody should wait
for it: `Tracking.start` has it made ready while the search goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from slipway.key import SHORT

_OF_SEARCH = "tags.`slipway.run` = 'search' AND attributes.status = 'FINISHED'"
_URI = "MLFLOW_TRACKING_URI"
_LONGEST_PARAM = 500
_LOCAL = "sqlite:///"
_RUN, _FILES = "run.json", "artifacts"
_NICE = 19
"""Everything else goes first."""


@dataclass(frozen=True, kw_only=True)
class SearchRun:
    """What is recorded of a search: one parent run, and a child for each trial."""

    model: str
    key: str
    commit: str | None
    data_file: str
    data_digest: str
    rows: int
    columns: int
    params: Mapping[str, Any]
    """The search's own settings."""
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    metric: str
    best: int
    """The number of the trial that became the challenger."""
    trials: Sequence[Mapping[str, Any]]
    """`Outcome.to_dict()` of each trial."""
    began_ms: int
    """When the search began, in milliseconds since 1970."""


@dataclass(kw_only=True)
class Recorder:
    """A process that has MLflow ready, and waits to be told what to record."""

    process: subprocess.Popen[bytes]
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def record(self, run: SearchRun, files: Mapping[str, bytes]) -> None:
        """Have a search and its files recorded; a search that was recorded before is not repeated."""
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-tracking-")
        place = Path(self._folder.name)
        (place / _RUN).write_text(json.dumps(asdict(run)))
        (place / _FILES).mkdir()
        for name, content in files.items():
            (place / _FILES / name).write_bytes(content)
        with contextlib.suppress(BrokenPipeError):  # it ended before; `close` says why
            self._told(f"{place}\n".encode())

    def close(self) -> str:
        """Wait for its end: an empty text, or the reason why nothing was recorded."""
        _, errors = self.process.communicate()
        if self._folder is not None:
            self._folder.cleanup()
        if self.process.returncode == 0:
            return ""
        lines = errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the recorder ended with {self.process.returncode}"

    def _told(self, line: bytes) -> None:
        if self.process.stdin is not None:
            self.process.stdin.write(line)
            self.process.stdin.flush()


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An MLflow server or database."""

    uri: str = field(repr=False)

    def start(self, model: str) -> Recorder:
        """Start a recorder for a model; if it is told nothing until it is closed, it records nothing."""
        environment = os.environ | {_URI: self.uri, "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
        process = subprocess.Popen(  # noqa: S603  this very program
            [sys.executable, "-P", "-m", "slipway.adapters.tracking", model],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # the interrupt key is not for it
        )
        return Recorder(process=process)


def record(client: Any, experiment: str, run: SearchRun, artifacts: Path) -> str:  # noqa: ANN401  mlflow is heavy
    """Record a search now; the id of its parent run."""
    known = client.search_runs([experiment], f"{_OF_SEARCH} AND tags.`slipway.key` = '{run.key}'")
    if known:
        return str(known[0].info.run_id)
    parent = client.create_run(experiment, start_time=run.began_ms, run_name=run.key[:SHORT], tags=_tags(run))
    parent_id: str = parent.info.run_id
    _log(client, parent_id, run.params, run.metrics, run.began_ms)
    _log_dataset(client, parent_id, run)
    end = run.began_ms
    for trial in run.trials:
        end = _record_trial(client, experiment, parent_id, run, trial, end)
    client.log_artifacts(parent_id, str(artifacts))
    client.set_terminated(parent_id, "FINISHED", end_time=end)
    return parent_id


def _experiment(client: Any, uri: str, model: str) -> str:  # noqa: ANN401
    """The model's experiment. Beside a local database its artefacts go into a folder next to it."""
    known = client.get_experiment_by_name(model)
    if known is not None:
        return str(known.experiment_id)
    location = None
    if uri.startswith(_LOCAL):
        location = (Path(unquote(uri.removeprefix(_LOCAL))).parent / "mlflow-artifacts" / model).resolve().as_uri()
    return str(client.create_experiment(model, artifact_location=location))


def _tags(run: SearchRun) -> dict[str, str]:
    commit = {"mlflow.source.git.commit": run.commit} if run.commit else {}
    own = {
        "slipway.run": "search",
        "slipway.model": run.model,
        "slipway.key": run.key,
        "slipway.data": f"{run.data_file}@{run.data_digest}",
        "slipway.trial": str(run.best),
    }
    return {**commit, **own, **run.tags}


def _record_trial(
    client: Any,  # noqa: ANN401
    experiment: str,
    parent: str,
    run: SearchRun,
    trial: Mapping[str, Any],
    began: int,
) -> int:
    complete = trial["score"] is not None
    tags = {
        "mlflow.parentRunId": parent,
        "slipway.key": run.key,
        "slipway.model": run.model,
        "slipway.trial": str(trial["number"]),
        "slipway.challenger": str(trial["number"] == run.best).lower(),
    } | ({"slipway.error": trial["error"]} if trial["error"] else {})
    child = client.create_run(experiment, start_time=began, run_name=f"trial {trial['number']}", tags=tags)
    folds = {f"fold_{index}_{run.metric}": value for index, value in enumerate(trial["fold_scores"], start=1)}
    rounds = {"rounds": trial["rounds"]} if trial["rounds"] is not None else {}
    metrics = {"seconds": trial["seconds"], **folds, **rounds, **({run.metric: trial["score"]} if complete else {})}
    end = began + round(trial["seconds"] * 1000)
    _log(client, child.info.run_id, {"family": trial["family"], **trial["params"]}, metrics, end)
    client.set_terminated(child.info.run_id, "FINISHED" if complete else "FAILED", end_time=end)
    return end


def _log(client: Any, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float], when: int) -> None:  # noqa: ANN401
    from mlflow.entities import Metric, Param

    client.log_batch(
        run_id,
        params=[Param(name, str(value)[:_LONGEST_PARAM]) for name, value in params.items()],
        metrics=[Metric(name, float(value), when, 0) for name, value in metrics.items()],
    )


def _log_dataset(client: Any, run_id: str, run: SearchRun) -> None:  # noqa: ANN401
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=run.data_file,
        digest=run.data_digest.rpartition(":")[2][:36],
        source_type="git",
        source=json.dumps({"path": run.data_file, "commit": run.commit, "digest": run.data_digest}),
        profile=json.dumps({"num_rows": run.rows, "num_columns": run.columns}),
    )
    client.log_inputs(run_id, [DatasetInput(dataset=dataset, tags=[InputTag("mlflow.data.context", "training")])])


def main(model: str) -> None:
    """Make everything ready; then record what the one line on standard input names, if there is one."""
    os.nice(_NICE)
    from mlflow.tracking import MlflowClient

    uri = os.environ[_URI]
    client = MlflowClient(uri)
    experiment = _experiment(client, uri, model)
    if line := sys.stdin.readline().strip():
        place = Path(line)
        record(client, experiment, SearchRun(**json.loads((place / _RUN).read_text())), place / _FILES)


if __name__ == "__main__":
    main(sys.argv[1])
