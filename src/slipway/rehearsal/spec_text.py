"""Other versions of a `model.toml`, so that a rehearsal has something to change. Pure."""

from __future__ import annotations

import re

from slipway.spec import ModelSpec

_HEADER = re.compile(r"^\s*\[+\s*([A-Za-z0-9_.\"'-]+)\s*\]+")


def before(text: str, spec: ModelSpec) -> str:
    """The same model with a search as small as on its first day: a tree or two, cut short."""
    search = f"""\
[search]
trials = 2
batch = 2
folds = {spec.search.folds}
metric = "{spec.search.metric.value}"

[search.random_forest]
n_estimators = {{ int = [1, 2] }}
max_depth = 1
"""
    return f"{_without(text, 'search').rstrip()}\n\n{search}"


def lenient(text: str) -> str:
    """The same model with a gate that lets everything through, for a rehearsal whose verdict was no."""
    gate = "[gate]\nmin_improvement = -1e9\nmax_p99_ms = 1e6\nmax_size_mb = 1e6\n"
    return f"{_without(text, 'gate').rstrip()}\n\n{gate}"


def _without(text: str, table: str) -> str:
    """The text without a table and the tables below it."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line):
            inside = header[1].split(".")[0].strip("\"'") == table
        if not inside:
            kept.append(line)
    return "".join(kept)
