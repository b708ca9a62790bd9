"""Sixty-four clients for a minute: how long they wait, and whether memory or files grow meanwhile."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks import load
from tests.benchmarks.measure import ROOT, Figure
from tests.processes import HOST, Group, files, resident, serving
from tests.served import NAMES, VALUES, make

CLIENTS, SECONDS, SETTLED = 64, 60, 10
P99_LIMIT, GROWTH_LIMIT = 0.25, 5.0
"""Seconds; MiB."""
_PATH = "/api/v1.0/predictions"


@dataclass(frozen=True)
class State:
    """Of the worker that answers."""

    resident: int
    files: int


def measure(console: Console) -> Iterator[Figure]:
    """Latencies and errors, then what grew in the worker after the first ten seconds."""
    console.rule("soak")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        folder = Path(place)
        made = make("classification", folder / "repository")
        (folder / "model.onnx").write_bytes(made.onnx)
        (folder / "model.json").write_bytes(made.card.to_json())
        with serving(folder, folder) as group:
            told, early, late = _soaked(group)
    name = f"{CLIENTS} clients for {SECONDS} s"
    shown = f"{told['p50'] * 1e3:.1f} ms, p99 {told['p99'] * 1e3:.1f} ms, longest {told['max'] * 1e3:.0f} ms"
    limit = f"p99 ≤ {P99_LIMIT * 1e3:.0f} ms"
    yield Figure(
        name=name, value=shown, against=f"{told['rate']:.0f}/s", target=limit, met=bool(told["p99"] <= P99_LIMIT)
    )
    yield Figure(name=f"{name}: errors", value=f"{told['errors']:.0f}", target="0", met=not told["errors"])
    grown = (late.resident - early.resident) / 2**20
    against = f"{late.resident / 2**20:.0f} MiB, {late.files} files open, {early.files} before"
    flat = grown <= GROWTH_LIMIT and late.files <= early.files
    yield Figure(
        name=f"{name}: memory grown after {SETTLED} s",
        value=f"{grown:.1f} MiB",
        against=against,
        target=f"≤ {GROWTH_LIMIT:g} MiB, no file",
        met=flat,
    )


def _soaked(group: Group) -> tuple[dict[str, float], State, State]:
    """What the clients measured; the worker while they asked, early and late."""
    program = [sys.executable, "-m", "tests.benchmarks.soak", str(group.http)]
    clients = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(SETTLED)
        early = _state(group)
        time.sleep(SECONDS - SETTLED - 1)
        late = _state(group)
        said, _ = clients.communicate(timeout=SECONDS)
    finally:
        clients.kill()
    told: dict[str, float] = json.loads(said)
    return told, early, late


def _state(group: Group) -> State:
    worker = group.worker(group.http)
    return State(resident(worker), files(worker))


async def _clients(port: int) -> dict[str, Any]:
    body = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES]}}).encode()
    asked = cycle([load._rendered(f"{HOST}:{port}", _PATH, body)])
    run = load._Run(host=HOST, port=port, requests=asked, end=time.perf_counter() + SECONDS)
    await asyncio.gather(*(run.connect() for _ in range(CLIENTS)))
    await asyncio.sleep(SECONDS + 1)
    latencies = sorted(run.latencies)
    return {
        "p50": load.nearest_rank(latencies, 0.5),
        "p99": load.nearest_rank(latencies, 0.99),
        "max": latencies[-1],
        "rate": len(latencies) / SECONDS,
        "errors": run.errors,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_clients(int(sys.argv[1])))) + "\n")
