"""`[tool.slipway]` of a repository's pyproject.toml: what all who work with it share, and reviews see change."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slipway.errors import InputError
from slipway.spec import key_lines, parse_toml
from slipway.training.faults import Fault

FILE: Final = "pyproject.toml"
_TABLE = ("tool", "slipway")


class Reuse(StrEnum):
    """Whose pull requests' models are shipped as they were reviewed; all others are trained again by the merge."""

    OWN = "own"
    """Those of the repository's own branches that bring no code."""
    NEVER = "never"


EnvironmentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""Also a folder of `gitops/`, and part of a namespace's name."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReuseTable(_Table):
    """`[tool.slipway.reuse]`."""

    pull_requests: Reuse = Field(Reuse.OWN, alias="pull-requests", strict=False)


class Project(_Table):
    """`[tool.slipway]`. The environment comes first in each of these."""

    registry: str = ""
    """Where images are pushed to."""
    builder: str = ""
    """What they are built upon, as `name@sha256:...`: here, a new one is a commit that a review sees."""
    landing: Literal["push", "branch"] = "push"
    """How a commit gets to main."""
    environments: tuple[EnvironmentName, ...] = Field(("production",), min_length=1, strict=False)
    """In the order in which a release goes through them: each takes what was verified in the one before."""
    approve: tuple[EnvironmentName, ...] = Field((), strict=False)
    """Those that a release enters by a pull request which a person merges."""
    namespace: str = "models-{environment}"
    """Where an environment is on the cluster."""
    endpoint: str = ""
    """A model's address there, without /api/v1.0: {model}, {predictor}, {namespace}, {environment}."""
    prometheus: str = ""
    """The address of the Prometheus that scrapes the models."""
    reuse: ReuseTable = ReuseTable.model_construct(pull_requests=Reuse.OWN)

    @model_validator(mode="after")
    def _known(self) -> Project:
        """See to it that an environment is named once, and that those to be approved are among them."""
        if len(set(self.environments)) < len(self.environments):
            raise ValueError("[tool.slipway] environments names one twice")
        if unknown := [name for name in self.approve if name not in self.environments]:
            raise ValueError(f"[tool.slipway] approve names {', '.join(unknown)}, which environments does not")
        return self


def read(repo: Path) -> Project:
    """What the repository in this folder says; `InputError` with every fault and its line."""
    try:
        return parse((repo / FILE).read_bytes())
    except OSError:
        return Project()


def parse(source: bytes) -> Project:
    """What a pyproject.toml says; `InputError` as above."""
    tables = parse_toml(source, FILE).get("tool", {})
    table = tables.get("slipway", {}) if isinstance(tables, Mapping) else {}
    try:
        return Project.model_validate(table)
    except ValidationError as error:
        lines = key_lines(source.decode())
        raise InputError([_fault(detail, lines) for detail in error.errors()]) from None


def builder(source: bytes | None) -> str:
    """The builder that a pyproject.toml names; none where it cannot be read: that is told elsewhere."""
    with contextlib.suppress(InputError):
        return parse(source or b"").builder
    return ""


def _fault(detail: Mapping[str, Any], lines: Mapping[tuple[str, ...], int]) -> Fault:
    path = (*_TABLE, *map(str, detail["loc"]))
    places = (path[:depth] for depth in range(len(path), 1, -1))
    line = next((lines[place] for place in places if place in lines), None)
    table, key = ".".join(path[:-1]), path[-1]
    name = f"[{table}] {key}" if detail["loc"] else f"[{'.'.join(path)}]"
    if detail["type"] == "extra_forbidden":
        known = _KNOWN.get(path[len(_TABLE) : -1], ())
        return Fault(file=FILE, line=line, what=f"{name} is not known here", hint=f"Known here: {', '.join(known)}.")
    said = str(detail["msg"])
    what = f"{name}: {said[0].lower()}{said[1:]}, not {detail['input']!r}"
    return Fault(file=FILE, line=line, what=what)


_KNOWN = {(): tuple(Project.model_fields), ("reuse",): ("pull-requests",)}
