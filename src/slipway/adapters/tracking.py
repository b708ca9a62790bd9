"""MLflow: which data, which configuration and which trial made a model, from either end.

A run is recorded by a process of its own, because MLflow takes seconds to import and nobody should wait
for it: `Tracking.start` has it made ready while the search goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from slipway.key import SHORT

_OF_SEARCH = "tags.`slipway.run` = 'search' AND attributes.status = 'FINISHED'"
URI = "MLFLOW_TRACKING_URI"
_LONGEST_PARAM = 500
_LOCAL = "sqlite:///"
_RUN, _FILES = "run.json", "artifacts"
_NICE = 19
"""Everything else goes first."""
_CREDENTIALS = re.compile(r"(?<=://)(?:[^\s/:]*:(?!\d+(?:[/?#\s]|$))\S*|[^\s/]*)@")
"""Of an address, what stands before its host. Where a name has a password (a colon that begins no port), all up to
the last @ goes: a password may hold an @ or a / that nobody encoded."""


BOUNDS = {
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}
"""MLflow's own would keep a command waiting for minutes; what the environment says goes first."""


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
        return reason(self.process.returncode, errors)

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
        return Recorder(process=start(["slipway.adapters.tracking", model], BOUNDS | os.environ | {URI: self.uri}))


def start(module: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a module of slipway with its arguments, in a process of its own that talks to MLflow."""
    return subprocess.Popen(  # noqa: S603  this very program
        [sys.executable, "-P", "-m", *module],
        env={**environment, "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # the interrupt key is not for it
    )


def reason(code: int, errors: bytes) -> str:
    """Why such a process failed: the last line that it wrote; an empty text if it did not fail."""
    lines = errors.decode(errors="replace").strip().splitlines() or [f"the process for MLflow ended with {code}"]
    return without_credentials(lines[-1]) if code else ""


def without_credentials(text: str) -> str:
    """A text for people, with the credentials taken out of each address in it."""
    return _CREDENTIALS.sub("", text)


def connect(uri: str) -> Any:  # noqa: ANN401  mlflow is heavy
    """A client of MLflow.

    A database that is not there appears whole or not at all: one whose tables a kill left half made stays
    unusable, because MLflow repeats the step that was interrupted and finds its columns there.
    """
    from mlflow.tracking import MlflowClient

    file = database(uri)
    if file is None or file.exists():
        return MlflowClient(uri)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
        new = Path(folder) / file.name
        MlflowClient(_LOCAL + quote(str(new)))
        with contextlib.suppress(OSError):  # another process was quicker, or links are not to be had here
            file.hardlink_to(new)
    return MlflowClient(uri)


def database(uri: str) -> Path | None:
    """The file of a local database; None for anything else."""
    name = unquote(uri.removeprefix(_LOCAL).partition("?")[0])
    return Path(name) if uri.startswith(_LOCAL) and name not in {"", ":memory:"} else None


def search_run(client: Any, experiment: str, key: str) -> Any | None:  # noqa: ANN401
    """The finished run that recorded the search of a key; None where there is none."""
    runs = client.search_runs([experiment], f"{_OF_SEARCH} AND tags.`slipway.key` = '{key}'", max_results=1)
    return runs[0] if runs else None


def record(client: Any, experiment: str, run: SearchRun, artifacts: Path) -> str:  # noqa: ANN401  mlflow is heavy
    """Record a search now; the id of its parent run."""
    known = search_run(client, experiment, run.key)
    if known is not None:
        return str(known.info.run_id)
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
    file = database(uri)
    location = (file.parent / "mlflow-artifacts" / model).resolve().as_uri() if file else None
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
    uri = os.environ[URI]
    client = connect(uri)
    experiment = _experiment(client, uri, model)
    if line := sys.stdin.readline().strip():
        place = Path(line)
        record(client, experiment, SearchRun(**json.loads((place / _RUN).read_text())), place / _FILES)


if __name__ == "__main__":
    main(sys.argv[1])
