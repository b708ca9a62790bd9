"""The expressions of rules and dashboard, and which metrics they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from tests.conftest import SOURCE

MONITORING = SOURCE / "gitops" / "platform" / "monitoring"
RULES = MONITORING / "models" / "prometheus-rule.yaml"
DASHBOARD = MONITORING / "dashboard" / "slipway-models.json"
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_NO_METRICS = re.compile(
    r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
    r"|\b(?:by|without|on|ignoring|group_left|group_right|and|or|unless|bool|offset)\b"
)
_NAME = re.compile(r"(?<![\w.:])[A-Za-z_:][A-Za-z0-9_:]*(?![A-Za-z0-9_:]|\s*\()")


def rules() -> dict[str, Any]:
    """The rules as Prometheus itself reads them."""
    found: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    return found


def all_rules() -> Iterator[dict[str, Any]]:
    """Each rule of all groups."""
    return (rule for group in rules()["groups"] for rule in group["rules"])


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def queries() -> dict[str, str]:
    """What the dashboard asks: of each panel that has a query, by its title and the query's letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel.get("targets", ())
    }


def choices() -> dict[str, str]:
    """What the dashboard lets choose from, by the variable's name."""
    variables = json.loads(DASHBOARD.read_text())["templating"]["list"]
    return {variable["name"]: variable["query"]["query"] for variable in variables if variable["type"] == "query"}


def metrics_of(expression: str) -> set[str]:
    """The metrics that an expression names."""
    bare = _NO_METRICS.sub(" ", _TEXT.sub(" ", expression))
    return set(_NAME.findall(bare))
