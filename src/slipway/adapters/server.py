"""A model's server on this machine: the real one, started as in its image, and gone when it is not needed any more."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.adapters.endpoint import Endpoint
from slipway.adapters.files import write
from slipway.adapters.signals import Pause
from slipway.delivery.source_image import ENVIRONMENT, settings
from slipway.errors import OutsideError

HOST = "127.0.0.1"
"""Nobody else on the network is served."""
_START = 60.0
"""Seconds for a server to come up; it takes about one."""
_STOP = 5.0
"""Seconds for what was killed to be gone; it takes a few thousandths of one."""
_EVERY = 0.02
_WATCH = 0.5
_TAIL = 8
"""Lines of the server's log that an error shows."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server under way. The end of its pipe is held by all of its processes, and by nobody else."""

    url: str
    grpc: str | None
    """Host and port of Seldon's gRPC; None where the model's settings ask for none."""
    metrics: str
    process: subprocess.Popen[bytes]
    pipe: int
    log: Path

    def watch(self, pause: Pause = time.sleep) -> None:
        """Stay until `pause` raises; `OutsideError` if the server ends before."""
        while self.process.poll() is None:
            pause(_WATCH)
        raise OutsideError(f"the model's server ended by itself; its log ends with:\n{self.tail()}")

    def tail(self) -> str:
        """The end of what the server said."""
        return "\n".join(self._text().splitlines()[-_TAIL:])

    def is_listening(self) -> bool:
        """Whether its own process says that it has the port: what answers there might be another."""
        port = self.url.rpartition(":")[2]
        said = rf"Listening at: http://[^ ]+:{port} \({self.process.pid}\)"
        return re.search(said, self._text()) is not None

    def _text(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def serve(
    files: Mapping[str, bytes],
    *,
    port: int = 0,
    pause: Pause = time.sleep,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Serve a source folder's files as their image would, on a free port or on `port`, until the block ends.

    `environ` is what a cluster would set of its own: of which deployment it is, and which predictor.
    Raises `OutsideError` with the end of the server's log if it does not come up.
    """
    ports = _ports(port)
    with tempfile.TemporaryDirectory(prefix="slipway-") as place:
        work = Path(place)
        write(work / "source", files)
        server = _start(files, work, ports, environ or {})
        try:
            _wait(server, pause)
            yield server
        finally:
            _stop(server)


def _start(files: Mapping[str, bytes], work: Path, ports: list[int], more: Mapping[str, str]) -> Running:
    """Start the server in a session of its own, so that all of it can be ended at once."""
    program, chosen = _program(ports), _chosen(files)
    environ = {**os.environ, **chosen, **_own(work), **more}
    pipe, held = os.pipe()
    try:
        with (work / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  this Python, and a module of our own
                program,
                cwd=work / "source",
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[held],
            )
    except OSError:
        os.close(pipe)
        raise
    finally:
        os.close(held)
    http_port, grpc, metrics = ports
    return Running(
        url=f"http://{HOST}:{http_port}",
        grpc=f"{HOST}:{grpc}" if chosen.get("GRPC_WORKERS") != "0" else None,
        metrics=f"http://{HOST}:{metrics}/metrics",
        process=process,
        pipe=pipe,
        log=work / "log",
    )


def _program(ports: list[int]) -> list[str]:
    if importlib.util.find_spec("seldon_core") is None:
        raise OutsideError("no model can be served here: there is no seldon-core", hint="Install it: make setup")
    options = zip(("--http-port", "--grpc-port", "--metrics-port"), map(str, ports), strict=True)
    return [sys.executable, "-P", "-m", "slipway.serving", *(part for option in options for part in option)]


def _chosen(files: Mapping[str, bytes]) -> dict[str, str]:
    """What the model's own settings say."""
    if ENVIRONMENT not in files:
        raise OutsideError(f"these files are no source folder of a model: there is no {ENVIRONMENT}")
    return settings(files)


def _own(work: Path) -> dict[str, str]:
    return {
        "SLIPWAY_HOST": HOST,
        "SLIPWAY_MODEL_DIR": str(work / "source"),
        "SELDON_LOG_LEVEL": "WARNING",
        "TMPDIR": str(work),
        "XDG_RUNTIME_DIR": str(work),  # gunicorn puts a socket there
    }


def _wait(server: Running, pause: Pause) -> None:
    """Return once the server answers."""
    end = time.monotonic() + _START
    while server.process.poll() is None and time.monotonic() < end:
        if server.is_listening() and Endpoint(url=server.url).is_up() and _takes_calls(server.grpc):
            return
        pause(_EVERY)
    why = "did not start" if server.process.poll() is not None else f"did not answer within {_START:.0f} s"
    raise OutsideError(f"the model's server {why}; its log ends with:\n{server.tail()}")


def _takes_calls(grpc: str | None) -> bool:
    """Whether gRPC's port is open, which comes up beside the other."""
    if grpc is None:
        return True
    with socket.socket() as probe:
        return probe.connect_ex((HOST, int(grpc.rpartition(":")[2]))) == 0


def _stop(server: Running) -> None:
    """End the server with all its children, which would outlive a polite end; it keeps nothing that could be lost."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    select.select([server.pipe], [], [], _STOP)  # it ends when the last process has
    os.close(server.pipe)


def _ports(first: int) -> list[int]:
    """The port, or any where it is 0, and two others; all are held at once, so that none is given twice."""
    with contextlib.ExitStack() as held:
        return [_bound(held.enter_context(socket.socket()), port) for port in (first, 0, 0)]


def _bound(probe: socket.socket, port: int) -> int:
    """Says at once that a port is taken: the server itself would try for seconds."""
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
    except (OSError, OverflowError) as error:
        raise OutsideError(f"port {port} cannot be used: {error}", hint="Choose another port.") from None
    found: int = probe.getsockname()[1]
    return found
