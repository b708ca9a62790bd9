"""In which order a pipeline's tasks ran, against what the pipeline says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, product

from tests.e2e.kubectl import Document

_RESULT = re.compile(r"\$\(tasks\.([\w-]+)\.results\.")
_LABEL = "tekton.dev/pipelineTask"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task that was started, perhaps for one model of several."""

    name: str
    model: str
    pod: str
    started: datetime | None
    ended: datetime | None
    reason: str
    succeeded: bool | None
    """None while it runs."""

    @classmethod
    def of(cls, taskrun: Document) -> Task:
        status = taskrun.get("status", {})
        condition: Document = next((c for c in status.get("conditions", []) if c["type"] == "Succeeded"), {})
        params = {param["name"]: param["value"] for param in taskrun["spec"].get("params", [])}
        return cls(
            name=taskrun["metadata"]["labels"][_LABEL],
            model=params.get("model", ""),
            pod=status.get("podName", ""),
            started=_time(status.get("startTime")),
            ended=_time(status.get("completionTime")),
            reason=condition.get("reason", "Pending"),
            succeeded={"True": True, "False": False}.get(condition.get("status", "")),
        )

    @property
    def told(self) -> str:
        return f"{self.name} [{self.model}]" if self.model else self.name

    @property
    def seconds(self) -> float:
        return (self.ended - self.started).total_seconds() if self.started and self.ended else 0.0


def faults(pipeline: Document, stages: Sequence[str], tasks: Sequence[Task]) -> Iterator[str]:
    """Each task that did not run, and each that began before one that it follows had ended; a sentence for each."""
    spec = pipeline["spec"]
    ran = {task.name for task in tasks if task.ended}
    yield from (f"{name} did not run" for name in _names(spec) if name not in ran)
    for before, after in sorted({*_edges(spec), *pairwise(stages)}):
        firsts = [task for task in tasks if task.name == before]
        for one, other in product(firsts, [task for task in tasks if task.name == after]):
            if one.ended is None or other.started is None or other.started < one.ended:
                yield f"{other.told} began before {one.told} had ended"


def _names(spec: Document) -> list[str]:
    return [task["name"] for task in (*spec["tasks"], *spec.get("finally", []))]


def _edges(spec: Document) -> Iterator[tuple[str, str]]:
    """Pairs of tasks, the first of which goes before the second: by `runAfter`, by results, and what is last."""
    for task in spec["tasks"]:
        for before in {*task.get("runAfter", []), *_RESULT.findall(repr(task))}:
            yield before, task["name"]
    yield from ((task["name"], last["name"]) for task in spec["tasks"] for last in spec.get("finally", []))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
