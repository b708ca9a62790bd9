"""A served model as the processes that it is: to be attacked, measured and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_LISTENS = "0A"
_START = 60.0
_STOP = 10.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """A server under way, in a session of its own."""

    process: subprocess.Popen[bytes]
    http: int
    grpc: int
    metrics: int
    log: Path

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{HOST}:{self.http}"

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def worker(self, port: int) -> int:
        """The process that answers on a port: of those that listen there, the one that has started no other.

        A worker that was just started may not have been seen as such by the kernel's lists yet.
        """
        until = time.monotonic() + _STOP
        while True:
            sockets, of = _listening(port), _session(self.process.pid)
            found = [pid for pid in of if pid not in of.values() and sockets & _sockets(pid)]
            if len(found) == 1 or time.monotonic() > until:
                return found[0]
            time.sleep(0.1)

    def pids(self) -> set[int]:
        """All of its processes."""
        return set(_session(self.process.pid))

    def memory(self) -> int:
        """Bytes that all of its processes hold together; what they share counts once."""
        return sum(memory(pid) for pid in self.pids())


@contextlib.contextmanager
def start(folder: Path, work: Path, *, environ: Mapping[str, str] = os.environ) -> Iterator[Group]:
    """Start a server of a folder's model, and kill what is left of it at the end of the block."""
    http, grpc, metrics = ports()
    log = work / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "slipway.serving", "--http-port", str(http)),
                *("--grpc-port", str(grpc), "--metrics-port", str(metrics)),
            ],
            cwd=work,
            env={**environ, **_own(folder)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    group = Group(process=process, http=http, grpc=grpc, metrics=metrics, log=log)
    try:
        yield group
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not group.pids(), _STOP)


@contextlib.contextmanager
def serving(folder: Path, work: Path, **more: str) -> Iterator[Group]:
    """As `start`, once all three ports are served."""
    with start(folder, work, environ=os.environ | more) as group:
        until(
            lambda: group.process.poll() is not None or all(map(is_up, (group.http, group.grpc, group.metrics))), _START
        )
        assert group.process.poll() is None, group.said()
        yield group


def _own(folder: Path) -> dict[str, str]:
    return {"SLIPWAY_MODEL_DIR": str(folder), "SLIPWAY_HOST": HOST, "SELDON_LOG_LEVEL": "WARNING"}


def until(holds: object, seconds: float) -> float:
    """Wait until something holds; the seconds that it took. Fails when it takes too long."""
    assert callable(holds)
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began


def ports(number: int = 3) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def is_up(port: int) -> bool:
    """Whether anything listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def memory(pid: int) -> int:
    """Bytes that a process holds; of what it shares with others, its part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def resident(pid: int) -> int:
    """Bytes that a process holds, those that it shares included: what it shares at first becomes its own in time."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def files(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _session(leader: int) -> dict[int, int]:
    """The live processes of a session, each with its parent."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == leader and state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


def _listening(port: int) -> set[str]:
    """The sockets that listen on a port."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {
        f"socket:[{fields[9]}]"
        for fields in lines
        if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port
    }


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(file.readlink()))
    return found
