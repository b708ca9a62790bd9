"""A Ray cluster of two nodes on this machine, as `ray start` makes one on two."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.processes import HOST, is_up, ports, until

_START = 90.0
_MEMORY = 100 << 20
_LEAST_PORT, _PORTS = 20_000, 100


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """The cluster, by its address and the processes that its nodes are."""

    address: str
    dashboard: str
    raylets: tuple[int, ...]


@contextlib.contextmanager
def two_nodes(environ: Mapping[str, str] = os.environ) -> Iterator[Nodes]:
    """Two nodes of one core each for the length of the block. They inherit an environment, but no credentials."""
    gcs, dashboard = ports(2)
    own = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    # Ray's sockets need a short path, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, contextlib.ExitStack() as stack:
        given = {**environ, **own, "PATH": path}
        given.pop("NPY_DISABLE_CPU_FEATURES", None)  # a raylet elsewhere does not know what slipway sets
        head = ["--head", "--port", str(gcs), "--dashboard-port", str(dashboard)]
        stack.enter_context(_node([*head, "--temp-dir", f"{folder}/0"], given, 0))
        until(lambda: is_up(gcs), _START)
        # A folder of its own: two nodes that unpack the same files into one take them from under each other.
        stack.enter_context(_node(["--address", f"{HOST}:{gcs}", "--temp-dir", f"{folder}/1"], given, 1))
        until(lambda: len(_raylets(folder)) == 2, _START)
        yield Nodes(address=f"{HOST}:{gcs}", dashboard=f"http://{HOST}:{dashboard}", raylets=_raylets(folder))


@contextlib.contextmanager
def _node(arguments: list[str], environ: Mapping[str, str], number: int) -> Iterator[None]:
    first = _LEAST_PORT + number * _PORTS
    agent, runtime, metrics = ports()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1", *arguments),
            *("--node-ip-address", HOST, "--object-store-memory", str(_MEMORY), "--num-gpus", "0"),
            *("--min-worker-port", str(first), "--max-worker-port", str(first + _PORTS - 1)),
            *("--dashboard-agent-listen-port", str(agent), "--runtime-env-agent-port", str(runtime)),
            *("--metrics-export-port", str(metrics)),
        ],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it would take its time, and nobody waits for it
        process.wait()


def _raylets(folder: str) -> tuple[int, ...]:
    """The processes that are a node of the cluster with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            title = (process / "cmdline").read_bytes()
            if b"/raylet/raylet\0" in title and folder.encode() in title:
                found.append(int(process.name))
    return tuple(sorted(found))
