"""What the repository's own workflows ask of GitHub: read from their files, so that the two cannot drift apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = ".github/workflows"
_NAME = re.compile(r"\b(secrets|vars)\.([A-Za-z_][A-Za-z0-9_]*)")
_USES = re.compile(r'"uses": "([^"./$][^"]*)"')
_OWN = "GITHUB_TOKEN"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a workflow."""

    file: str
    name: str
    """As checks show it."""
    environment: str
    """Empty where it runs without one."""
    secrets: frozenset[str]
    variables: frozenset[str]
    uses: frozenset[str]
    """The actions of other repositories, with their commits."""


@dataclass(frozen=True, kw_only=True)
class Workflows:
    """All of them; `faulty` names files that cannot be read."""

    files: frozenset[str]
    jobs: tuple[Job, ...]
    faulty: tuple[str, ...] = ()

    @property
    def environments(self) -> list[str]:
        """The environments that jobs run in."""
        return sorted({job.environment for job in self.jobs if job.environment})

    @property
    def uses(self) -> list[str]:
        """The actions of other repositories."""
        return sorted(set().union(*(job.uses for job in self.jobs)))


def read(repo: Path) -> Workflows:
    """The workflows of a working tree."""
    files = sorted((*(repo / FOLDER).glob("*.yml"), *(repo / FOLDER).glob("*.yaml")))
    jobs: list[Job] = []
    faulty = []
    for file in files:
        try:
            jobs += parse(file.name, file.read_text(encoding="utf-8"))
        except (OSError, ValueError, AttributeError, yaml.YAMLError):
            faulty.append(file.name)
    return Workflows(files=frozenset(file.name for file in files), jobs=tuple(jobs), faulty=tuple(faulty))


def parse(file: str, text: str) -> Iterator[Job]:
    """The jobs of a workflow."""
    document: Mapping[str, Any] = yaml.safe_load(text)
    shared = json.dumps(document.get("env", {}))
    for name, job in document.get("jobs", {}).items():
        told = shared + json.dumps(job)
        asked = set(_NAME.findall(told))
        environment = job.get("environment", "")
        yield Job(
            file=file,
            name=str(job.get("name", name)),
            environment=environment.get("name", "") if isinstance(environment, dict) else environment,
            secrets=frozenset(found for kind, found in asked if kind == "secrets" and found != _OWN),
            variables=frozenset(found for kind, found in asked if kind == "vars"),
            uses=frozenset(_USES.findall(told)),
        )
