"""Other versions of a `model.toml`, so that a rehearsal has something to change, and of what surrounds it. Pure."""

from __future__ import annotations

import re

from slipway.spec import ModelSpec

_LIMIT = re.compile(r"^(\s*max_p99_ms\s*=\s*)[0-9.eE_+]+", re.MULTILINE)
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


def another(text: str, spec: ModelSpec) -> str:
    """The same model with a third search, quickly done, and a gate that lets it through, however good it is."""
    search = f"""\
[search]
trials = 4
batch = 4
folds = {spec.search.folds}
metric = "{spec.search.metric.value}"

[search.random_forest]
n_estimators = {{ int = [10, 20] }}
max_depth = {{ int = [3, 6] }}
"""
    return lenient(f"{_without(text, 'search').rstrip()}\n\n{search}")


def hurried(text: str) -> str:
    """The same model whose canaries are tried for seconds, beside a machine that does everything else as well."""
    serving = """\
[serving]
replicas = 1
canary_percent = 25
canary_minutes = 0.1
canary_requests = 60
canary_hours = 1.0
"""
    patient = _LIMIT.sub(r"\g<1>1000", text)
    return f"{_without(patient, 'serving').rstrip()}\n\n{serving}"


def lenient(text: str) -> str:
    """The same model with a gate that lets everything through, for a rehearsal whose verdict was no."""
    gate = "[gate]\nmin_improvement = -1e9\nmax_p99_ms = 1e6\nmax_size_mb = 1e6\n"
    return f"{_without(text, 'gate').rstrip()}\n\n{gate}"


def without_slipway(text: str) -> str:
    """A `pyproject.toml` without `[tool.slipway]`: it names the user's own registry, cluster and way to main."""
    return _without(text, "tool.slipway")


def _without(text: str, table: str) -> str:
    """The text without a table and the tables below it."""
    kept: list[str] = []
    inside, gone = False, table.split(".")
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line):
            inside = [part.strip("\"'") for part in header[1].split(".")][: len(gone)] == gone
        if not inside:
            kept.append(line)
    return "".join(kept)
