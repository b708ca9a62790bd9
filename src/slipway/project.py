"""`[tool.slipway]` of a repository's pyproject.toml: what all who work with it share, and reviews see change."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

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


NAMESPACE_FIELDS: Final = ("environment",)
ENDPOINT_FIELDS: Final = ("model", "predictor", "namespace", "environment")
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

    @field_validator("environments", "approve")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """See to it that an environment is named once."""
        if twice := [name for at, name in enumerate(names) if name in names[:at]]:
            raise ValueError(f"names {twice[0]} twice")
        if "watch" in names:
            raise ValueError("names watch, whose branches are those of slipway watch")
        return names

    @field_validator("approve")
    @classmethod
    def _known(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """See to it that what is to be approved is an environment; where those are at fault, that is told alone."""
        known = info.data.get("environments", names)
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"names {unknown[0]}, which is none of {', '.join(known)}")
        return names

    @field_validator("namespace")
    @classmethod
    def _namespace(cls, template: str) -> str:
        return checked(template, NAMESPACE_FIELDS)

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, template: str) -> str:
        return checked(template, ENDPOINT_FIELDS)


def checked(template: str, fields: tuple[str, ...]) -> str:
    """The template itself, if it has no other fields than these; else `ValueError`."""
    known = ", ".join(f"{{{field}}}" for field in fields)
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise ValueError(f"has a brace that stands alone: it may have {known}") from None
    for _, name, form, conversion in parts:
        if name is not None and (name not in fields or form or conversion):
            raise ValueError(f"has {{{name}}}: it may have {known}")
    return template


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
        faults = [detail for detail in error.errors() if detail["type"] != "too_short" or not detail["input"]]
        raise InputError([_fault(detail, lines) for detail in faults]) from None


def builder(source: bytes | None) -> str:
    """The builder that a pyproject.toml names; none where it cannot be read: that is told elsewhere."""
    with contextlib.suppress(InputError):
        return parse(source or b"").builder
    return ""


def _fault(detail: Mapping[str, Any], lines: Mapping[tuple[str, ...], int]) -> Fault:
    path = (*_TABLE, *(part for part in detail["loc"] if isinstance(part, str)))
    places = (path[:depth] for depth in range(len(path), 1, -1))
    line = next((lines[place] for place in places if place in lines), None)
    table, key = ".".join(path[:-1]), path[-1]
    name = f"[{table}] {key}" if detail["loc"] else f"[{'.'.join(path)}]"
    match detail["type"]:
        case "extra_forbidden":
            known = _KNOWN.get(path[len(_TABLE) : -1], ())
            what, hint = f"{name} is not known here", f"Known here: {', '.join(known)}."
            return Fault(file=FILE, line=line, what=what, hint=hint)
        case "value_error":
            return Fault(file=FILE, line=line, what=f"{name} {detail['ctx']['error']}")
        case "string_pattern_mismatch":
            hint = "Use at most 40 lower-case letters, digits and hyphens, starting with a letter."
            what = f"{name}: {detail['input']!r} cannot name an environment"
            return Fault(file=FILE, line=line, what=what, hint=hint)
        case "too_short":
            return Fault(file=FILE, line=line, what=f"{name} names none")
        case "tuple_type":
            return Fault(file=FILE, line=line, what=f'{name} must be a list, such as ["production"]')
    said = str(detail["msg"])
    what = f"{name}: {said[0].lower()}{said[1:]}, not {detail['input']!r}"
    return Fault(file=FILE, line=line, what=what)


_KNOWN = {(): tuple(Project.model_fields), ("reuse",): ("pull-requests",)}
