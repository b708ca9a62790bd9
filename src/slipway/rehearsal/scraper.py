"""A Prometheus on this machine: the real program, with a configuration of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from slipway.adapters import program
from slipway.adapters.server import HOST
from slipway.errors import OutsideError

PROGRAM = "prometheus"
_HINT = "Install it: apt-get install prometheus, or https://prometheus.io/download/; the program itself is enough."
_CONFIG, _TARGETS, _RULES, _LOG = "prometheus.yml", "targets.json", "rules.yml", "log"
_START, _STOP, _EVERY = 30.0, 5.0, 0.05
"""Seconds; it takes a third of one to start, and less to end."""
_TAIL = 8


def find() -> str:
    """The program; `OutsideError` that says where it comes from, if it is not here."""
    return program.find(PROGRAM, _HINT)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something to scrape, and the labels that its series get: what a cluster's monitors add."""

    address: str
    """Host and port."""
    labels: Mapping[str, str] = field(default_factory=dict)


class Scraper:
    """What it has scraped stays when it is stopped and started again, as on a volume.

    It takes up new targets every five seconds, whatever its configuration says.
    """

    def __init__(self, place: Path, *, rules: str = "") -> None:
        """In a folder of its own, at a port that it keeps; `rules` is a file of rules."""
        self._place = place
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        place.mkdir(parents=True, exist_ok=True)
        (place / _RULES).write_text(rules, encoding="utf-8")
        (place / _CONFIG).write_text(_config(), encoding="utf-8")
        self.watch(())

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://{HOST}:{self._port}"

    def watch(self, targets: Iterable[Target]) -> None:
        """Scrape these from now on, each second."""
        groups = [{"targets": [one.address], "labels": dict(one.labels)} for one in targets]
        new = self._place / f"{_TARGETS}.new"
        new.write_text(json.dumps(groups), encoding="utf-8")
        new.replace(self._place / _TARGETS)

    def start(self) -> None:
        """Start it, and wait until it answers; `OutsideError` with the end of its log if it does not."""
        command = [
            find(),
            f"--config.file={_CONFIG}",
            "--storage.tsdb.path=store",
            f"--web.listen-address={HOST}:{self._port}",
            "--log.level=warn",
        ]
        with (self._place / _LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the program that was found
                command,
                cwd=self._place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + _START
        while self._process.poll() is None and time.monotonic() < end:
            if self._is_ready():
                return
            time.sleep(_EVERY)
        self.stop()
        said = "\n".join((self._place / _LOG).read_text(errors="replace").splitlines()[-_TAIL:])
        raise OutsideError(f"Prometheus did not start; its log ends with:\n{said}")

    def stop(self) -> None:
        """End it, politely at first."""
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP)
                return

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as reply:  # noqa: S310  our own address
                return bool(reply.status == 200)  # noqa: PLR2004  HTTP's
        except OSError:
            return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        found: int = probe.getsockname()[1]
        return found


def _config() -> str:
    """Everything each second: a rehearsal has no minutes to wait."""
    job = {"job_name": "models", "file_sd_configs": [{"files": [_TARGETS], "refresh_interval": "1s"}]}
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return yaml.safe_dump({"global": every, "rule_files": [_RULES], "scrape_configs": [job]})
