"""The served model and its rivals as running servers, all on the same core; what loads them is on another."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipway.adapters.endpoint import request
from tests.benchmarks.served.cases import Case

HOST = "127.0.0.1"
PREDICT = "/api/v1.0/predictions"
TOLERANCE = 1e-5
_START, _END, _EVERY = 60.0, 5.0, 0.005
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers."""

    url: str
    grpc: str
    session: int
    start: float
    """Seconds from the start of its process to its first answer."""

    def memory(self) -> float:
        """MiB of all its processes, what they share counted once."""
        rollups = (Path(f"/proc/{one}/smaps_rollup").read_text() for one in _processes(self.session))
        return sum(int(line.split()[1]) for text in rollups for line in text.splitlines() if line[:4] == "Pss:") / 1024

    def cpu(self) -> float:
        """Seconds that all its processes have been at work."""
        stats = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in _processes(self.session))
        return sum(int(user) + int(system) for *_, user, system in (stat[:13] for stat in stats)) / _TICKS


type Start = Callable[[Case, int], contextlib.AbstractContextManager[Server]]


@contextlib.contextmanager
def ours(case: Case, core: int, **environ: str) -> Iterator[Server]:
    """The served model, as its image starts it."""
    with _served(case, core, [sys.executable, "-m", "slipway.serving", *_PORTS], environ) as server:
        yield server


@contextlib.contextmanager
def stock(case: Case, core: int) -> Iterator[Server]:
    """The native model in the stock wrapper at its defaults."""
    program = str(Path(sys.executable).with_name("seldon-core-microservice"))
    with _served(case, core, [program, f"stock.{case.stock}", *_PORTS], {}) as server:
        yield server


@contextlib.contextmanager
def bare(case: Case, core: int) -> Iterator[Server]:
    """The same ONNX session in an application that does nothing else, under uvicorn at its fastest."""
    options = ["--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning", "--port={http}"]
    program = [sys.executable, "-m", "uvicorn", "--factory", "bare:make", *options]
    with _served(case, core, program, {}) as server:
        yield server


_PORTS = ("--http-port={http}", "--grpc-port={grpc}", "--metrics-port={metrics}")


@contextlib.contextmanager
def on(core: int) -> Iterator[None]:
    """This process and all that it starts on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def check(server: Server, case: Case) -> None:
    """Ask each row once: the answers must be the native model's own."""
    for row, expected in zip(case.rows, case.answers, strict=True):
        (answer,) = _ask(server.url, request([row], case.columns))
        if not np.allclose(answer, expected, rtol=0, atol=TOLERANCE):
            sys.exit(f"{server.url} answers {row} of {case.name} with {answer}, not {expected}")


@contextlib.contextmanager
def _served(case: Case, core: int, program: list[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """Start a program in a session of its own, wait for its first answer, and end all of it."""
    ports = dict(zip(("http", "grpc", "metrics"), _free(3), strict=True))
    chosen = {"SLIPWAY_HOST": HOST, "SLIPWAY_MODEL_DIR": str(case.folder), "NATIVE_MODEL": str(case.folder), **environ}
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as work:
        log = Path(work) / "log"
        began = time.perf_counter()
        with log.open("wb") as file, on(core):
            process = subprocess.Popen(
                [part.format(**ports) for part in program],
                cwd=Path(__file__).parent,
                env={**os.environ, **chosen, "TMPDIR": work, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            url = f"http://{HOST}:{ports['http']}{PREDICT}"
            _wait(process, " ".join(program), url, request(case.rows[:1], case.columns), log)
            start = time.perf_counter() - began
            yield Server(url=url, grpc=f"{HOST}:{ports['grpc']}", session=process.pid, start=start)
        finally:
            _end(process, " ".join(program))


def _wait(process: subprocess.Popen[bytes], program: str, url: str, body: bytes, log: Path) -> None:
    end = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            _ask(url, body)
            return
        time.sleep(_EVERY)
    sys.exit(f"{program} did not answer; its log ends with:\n{log.read_text(errors='replace')[-3000:]}")


def _ask(url: str, body: bytes) -> list[list[float]]:
    """The rows of an answer."""
    where = url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(where, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", PREDICT, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    if response.status != http.client.OK:
        sys.exit(f"{url} answers with {response.status}: {content[:500]!r}")
    rows: list[list[float]] = json.loads(content)["data"]["ndarray"]
    return rows


def _end(process: subprocess.Popen[bytes], program: str) -> None:
    """End a server and see that nothing of it is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + _END
    while left := _processes(process.pid):
        if time.monotonic() > end:
            sys.exit(f"of {program} the processes {left} are left")
        time.sleep(_EVERY)


def _processes(session: int) -> list[int]:
    """The live processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def _free(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
