"""The workflows of GitHub Actions, as tests look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


@cache
def document(path: Path) -> Mapping[Any, Any]:
    """A file as GitHub reads it; YAML's own reader takes the key `on` for the truth."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if name is True else name): value for name, value in found.items()}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a workflow."""

    file: str
    id: str
    content: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.id}"

    @property
    def needs(self) -> list[str]:
        """The jobs that come before."""
        needs = self.content.get("needs", [])
        return [needs] if isinstance(needs, str) else needs

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """Its steps, in order."""
        steps: list[Mapping[str, Any]] = self.content["steps"]
        return steps

    def using(self, action: str) -> list[Mapping[str, Any]]:
        """What each step that uses an action gives to it."""
        return [step.get("with", {}) for step in self.steps if step.get("uses", "").partition("@")[0] == action]


def jobs(*files: str) -> Iterator[Job]:
    """The jobs of the named workflows, or of all."""
    for path in WORKFLOWS:
        if not files or path.name in files:
            for name, content in document(path)["jobs"].items():
                yield Job(file=path.name, id=name, content=content)


def job(file: str, name: str) -> Job:
    """One job."""
    return next(job for job in jobs(file) if job.id == name)


def in_order(file: str) -> list[Job]:
    """A workflow's jobs, each after all that it needs, and else as they are written."""
    left, done = list(jobs(file)), list[Job]()
    while left:
        ready = next(job for job in left if set(job.needs) <= {before.id for before in done})
        left.remove(ready)
        done.append(ready)
    return done
