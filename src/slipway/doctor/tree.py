"""Reads what the working tree says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from slipway.adapters.github.administration import Rule
from slipway.doctor import workflows
from slipway.doctor.facts import Tree

if TYPE_CHECKING:
    from slipway.settings import Settings

_RULESET = ".github/rulesets/main.json"
_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""In the order in which GitHub looks for it."""
_BRANCH = "branch"


def gather(settings: Settings) -> Tree:
    """All of it; what cannot be read counts as not there."""
    repo = settings.repo
    return Tree(
        workflows=workflows.read(repo),
        ruleset=_ruleset(repo),
        owners=next((text for name in _OWNERS if (text := _text(repo / name))), ""),
        registry=settings.registry,
        builder=settings.builder or "",
        lands_by_branch=settings.landing == _BRANCH,
        has_models=any((repo / "data").glob("*/model.toml")),
        has_gitops=(repo / "gitops").is_dir(),
        has_pipelines=(repo / "tekton").is_dir(),
    )


def _ruleset(repo: Path) -> tuple[Rule, ...]:
    try:
        return tuple(Rule.model_validate(rule) for rule in json.loads(_text(repo / _RULESET))["rules"])
    except (ValueError, KeyError, TypeError, ValidationError):
        return ()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
