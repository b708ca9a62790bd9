"""A PipelineRun from its start to its end, told as it goes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from slipway.errors import OutsideError
from tests.e2e.kubectl import Document, Kubectl
from tests.e2e.order import Task

_EVERY = 1.0
_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that ended."""

    name: str
    succeeded: bool
    message: str
    tasks: Sequence[Task]

    def table(self) -> Table:
        table = Table("task", "model", "seconds", "outcome", title=self.name)
        for task in self.tasks:
            table.add_row(task.name, task.model, f"{task.seconds:.0f}", task.reason)
        return table


def run(kubectl: Kubectl, document: Document, say: Callable[[str], None], *, minutes: int) -> Ran:
    """Start it and follow it to its end; `OutsideError` if that takes too long."""
    name = document["metadata"]["name"]
    kubectl.run("create", "--filename", "-", given=json.dumps(document).encode())
    told: dict[str, str] = {}
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        condition = _condition(kubectl.ask("get", "pipelineruns.tekton.dev", name))
        tasks = _tasks(kubectl, name)
        for task in tasks:
            _tell(kubectl, task, told, say)
        if condition.get("status") in {"True", "False"}:
            succeeded = condition["status"] == "True"
            return Ran(name=name, succeeded=succeeded, message=condition.get("message", ""), tasks=tasks)
        time.sleep(_EVERY)
    raise OutsideError(
        f"{name} did not end in {minutes} minutes", hint="Run it again with --keep, and look at its pods."
    )


def _tasks(kubectl: Kubectl, run: str) -> list[Task]:
    found = kubectl.ask("get", "taskruns.tekton.dev", "--selector", f"tekton.dev/pipelineRun={run}")
    tasks = [Task.of(one) for one in found["items"]]
    return sorted(tasks, key=lambda task: (task.started is None, task.started, task.told))


def _tell(kubectl: Kubectl, task: Task, told: dict[str, str], say: Callable[[str], None]) -> None:
    """A line for each change of a task; with its last lines where it failed."""
    line = f"  {task.told}: {task.reason}" + (f", {task.seconds:.0f} s" if task.ended else "")
    if told.get(task.told) == line:
        return
    told[task.told] = line
    say(line)
    if task.succeeded is False and task.pod:
        logs = kubectl.done("logs", task.pod, "--all-containers", f"--tail={_LINES}").stdout
        for last in logs.decode(errors="replace").splitlines():
            say(f"    {last}")


def _condition(document: Document) -> Document:
    conditions = document.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == "Succeeded"), {})
