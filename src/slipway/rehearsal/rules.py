"""The repository's own rules for Prometheus, taken out of the objects that a cluster gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PLACE = Path("gitops/platform/monitoring")
_KIND = "PrometheusRule"


def of(repo: Path) -> str:
    """All groups of all `PrometheusRule`s, as one file of rules; no group where there is none."""
    groups: list[Any] = []
    for file in sorted((repo / PLACE).rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("kind") == _KIND:
                groups += document["spec"]["groups"]
    return yaml.safe_dump({"groups": groups}, sort_keys=False)
