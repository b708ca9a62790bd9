"""A command that an engine ends: one line, its own exit code, and nothing of it left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.adapters.git import Git

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_search_that_is_ended_leaves_no_process(repository: Git, number: signal.Signals, tmp_path: Path) -> None:
    spec = repository.root / "data/toy/model.toml"
    spec.write_text(spec.read_text().replace("trials = 4", "trials = 4000"))
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "slipway", "tune", "toy", "--repo", str(repository.root)],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    journal = repository.root / ".slipway/work/toy"
    until = time.monotonic() + 150
    while not list(journal.glob("*.jsonl")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(number)
    assert process.wait(60) == 130
    said = log.read_text()
    assert "slipway: interrupted; the same command goes on where it was" in said
    assert "Traceback" not in said
    until = time.monotonic() + 30
    while _session(process.pid) and time.monotonic() < until:
        time.sleep(0.2)
    assert _session(process.pid) == []


def _session(leader: int) -> list[str]:
    """What still runs of a session: the names of its processes."""
    asked = ["ps", "-s", str(leader), "-o", "stat=,args="]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if not line.startswith("Z")]


def test_a_command_of_an_instant_is_ended_too(repository: Git) -> None:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "slipway", "run", "--repo", str(repository.root), "toy"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ,
    )
    time.sleep(2.5)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors


@pytest.mark.parametrize("after", [0.08, 0.15, 0.25, 0.35, 0.45])
def test_an_interrupt_while_the_program_is_being_read_is_no_traceback(repository: Git, after: float) -> None:
    process = subprocess.Popen(
        [Path(sys.executable).parent / "slipway", "status", "--repo", str(repository.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in {0, 130, -signal.SIGINT}, errors  # Python itself, or the command, was quicker
    assert "slipway/" not in errors
