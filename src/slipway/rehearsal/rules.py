"""The repository's own rules for Prometheus, taken out of the objects that a cluster gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PLACE = Path("gitops/platform/monitoring")
_KIND, _DAY = "PrometheusRule", "[1d]"


def of(repo: Path, *, day: int) -> str:
    """All groups of all `PrometheusRule`s, as one file of rules; no group where there is none.

    A rehearsal has no day to look back upon: it is so many seconds, and an alert fires where it holds for one.
    """
    groups: list[Any] = []
    for file in sorted((repo / PLACE).rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("kind") == _KIND:
                groups += [_hurried(group, day) for group in document["spec"]["groups"]]
    return yaml.safe_dump({"groups": groups}, sort_keys=False)


def _hurried(group: Mapping[str, Any], day: int) -> dict[str, Any]:
    rules = [
        {**rule, "expr": str(rule["expr"]).replace(_DAY, f"[{day}s]")} | ({"for": "1s"} if "for" in rule else {})
        for rule in group["rules"]
    ]
    return {"name": group["name"], "rules": rules}


def about_drift(rules: str) -> tuple[str, ...]:
    """The alerts of a file of rules that tell of drift, by their names."""
    named = {str(rule.get("alert", "")) for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]}
    return tuple(sorted(name for name in named if "Drift" in name))
