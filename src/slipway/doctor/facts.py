"""What the doctor is told: what this machine answers, what the working tree says, what GitHub lets the token see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.adapters.github.administration import (
    Actions,
    Environment,
    ForkApproval,
    OwnersError,
    Rule,
    SelectedActions,
    WorkflowPermissions,
)
from slipway.adapters.github.documents import Repository
from slipway.doctor.workflows import Workflows

PULLS = "pull_request"
"""The rule that main takes pull requests alone."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Something that could not be looked at, why, and what it takes."""

    why: str
    how: str = ""


type Seen[T] = T | Unseen


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Something that was tried on this machine."""

    works: bool | None
    """None where nobody can tell from here."""
    what: str
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is here."""

    git: Tried
    engine: Tried
    s2i: Tried
    skopeo: Tried
    store: Tried
    tracking: Tried
    prometheus: Tried
    data: Tried | None
    """The remote of data beyond Git; None where no pointer names any."""
    shared_memory: int | None
    """Bytes of /dev/shm; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What the working tree says."""

    workflows: Workflows
    ruleset: tuple[Rule, ...]
    """What `.github/rulesets/main.json` asks for; empty where there is none."""
    owners: str
    """The text of CODEOWNERS; empty where there is none."""
    registry: str
    builder: str
    lands_by_branch: bool
    has_models: bool
    has_gitops: bool
    has_pipelines: bool
    """Whether Tekton's files are there: then GitHub's workflows may be left out."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """Of secrets or variables: for all workflows, and for those of an environment."""

    everywhere: Seen[frozenset[str]]
    by_environment: Mapping[str, Seen[frozenset[str]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A repository's settings at GitHub."""

    name: str
    repository: Seen[Repository]
    rules: Seen[tuple[Rule, ...]]
    passing: Seen[frozenset[str]]
    """What kinds of actors may push to main past the rule that asks for pull requests."""
    environments: Seen[tuple[Environment, ...]]
    branches: Mapping[str, Seen[tuple[str, ...]]]
    """By environment, for those that are kept to branches by name."""
    secrets: Names
    variables: Names
    actions: Seen[Actions]
    selected: Seen[SelectedActions]
    permissions: Seen[WorkflowPermissions]
    forks: Seen[ForkApproval | None]
    owners: Seen[tuple[OwnersError, ...]]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All of it. Without a token GitHub is `Unseen` as a whole."""

    machine: Machine
    tree: Tree
    github: Seen[Settings]
