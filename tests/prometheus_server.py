"""A real Prometheus on this machine: what tests scrape with, and ask.

It takes up new targets every five seconds, whatever its configuration says; so long the first scrape takes to come.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import HOST, ports, until

PROGRAM = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(PROGRAM is None, reason="prometheus is not installed")
_START = 30.0
_STOP = 10.0


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something to scrape, and the labels that its series get: what a cluster's monitors add."""

    address: str
    """Host and port."""
    labels: Mapping[str, str] = field(default_factory=dict)
    path: str = "/metrics"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Prometheus under way."""

    url: str
    work: Path
    process: subprocess.Popen[bytes]

    def query(self, expression: str, *, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """What an expression gives now, or at a Unix time: each series' labels and its value.

        `AssertionError` with Prometheus' own words if it is no expression.
        """
        asked = {"query": expression} | ({} if at is None else {"time": str(at)})
        found = self._data("query", asked)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in found["result"]]

    def series(self, *selectors: str) -> list[dict[str, str]]:
        """The labels of all series that any of the selectors names."""
        found: list[dict[str, str]] = self._data("series", [("match[]", one) for one in selectors])
        return found

    def names(self) -> set[str]:
        """All metrics that it has seen."""
        return set(self._data("label/__name__/values", {}))

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing."""
        found: list[dict[str, Any]] = self._data("alerts", {})["alerts"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules with what came of their last evaluation: `health`, `lastError`."""
        return [rule for group in self._data("rules", {})["groups"] for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        """All targets that it scrapes: `health`, `lastError`, `labels`."""
        found: list[dict[str, Any]] = self._data("targets", {"state": "active"})["activeTargets"]
        return found

    def has_scraped(self) -> bool:
        """Whether each target was up when it was last scraped."""
        return all(target["health"] == "up" for target in self.targets())

    def configure(self, targets: Sequence[Target] = (), rules: Mapping[str, str] | None = None, **more: str) -> None:
        """Scrape these targets, and evaluate these rules (files' texts by name), from now on. Times as `config` has."""
        rules = rules or {}
        for name, text in rules.items():
            (self.work / name).write_text(text)
        (self.work / "prometheus.yml").write_text(config(targets, rules=tuple(rules), **more))
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=10):  # noqa: S310  our own address
            pass

    def _data(self, what: str, asked: Mapping[str, str] | Sequence[tuple[str, str]]) -> Any:
        address = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  our own address
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["error"]) from None


def config(
    targets: Sequence[Target] = (), *, rules: Sequence[str] = (), scrape: str = "1s", evaluate: str = "1s"
) -> str:
    """A configuration file that scrapes so often, and evaluates rules so often."""
    jobs = [
        {
            "job_name": f"target-{number}",
            "metrics_path": target.path,
            "static_configs": [{"targets": [target.address], "labels": dict(target.labels)}],
        }
        for number, target in enumerate(targets)
    ]
    every = {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": evaluate}
    return yaml.safe_dump({"global": every, "rule_files": list(rules), "scrape_configs": jobs})


@contextlib.contextmanager
def prometheus(
    work: Path, targets: Sequence[Target] = (), rules: Mapping[str, str] | None = None, **more: str
) -> Iterator[Server]:
    """Start one with an empty store in a folder of its own, wait until it is ready, and end it with the block."""
    work.mkdir(parents=True, exist_ok=True)
    (port,) = ports(1)
    (work / "prometheus.yml").write_text(config())
    with (work / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(PROGRAM or "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=store"),
                *(f"--web.listen-address={HOST}:{port}", "--web.enable-lifecycle", "--log.level=warn"),
            ],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(url=f"http://{HOST}:{port}", work=work, process=process)
    try:
        until(lambda: process.poll() is not None or _is_ready(server.url), _START)
        assert process.poll() is None, (work / "prometheus.log").read_text()
        server.configure(targets, rules, **more)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(_STOP)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as reply:  # noqa: S310  our own address
            return bool(reply.status == 200)
    except OSError:
        return False
