"""A model's endpoint: asking one over HTTP, and running one on this machine with the real seldon-core server."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import math
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.delivery.source_image import ENVIRONMENT, settings
from slipway.errors import OutsideError
from slipway.key import SHORT
from slipway.results import ModelCard

_PROGRAM = "seldon-core-microservice"
_PREDICT, _PING = "/api/v1.0/predictions", "/health/ping"
_TIMEOUT = 30.0
"""Seconds for one answer."""
_START = 60.0
"""Seconds for a server to come up; it takes about one."""
_STOP = 5.0
"""Seconds for what was killed to be gone; it takes a few thousandths of one."""
_EVERY = 0.02
_TAIL = 8
"""Lines of the server's log that an error shows."""

type Value = float | str | None
type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint said of some rows, and the key of the model that said it."""

    key: str
    names: tuple[str, ...]
    """The classes; in a regression, the target."""
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A served model."""

    url: str

    def ask(self, rows: Sequence[Sequence[Value]], names: Sequence[str] = ()) -> Answer:
        """Predictions for rows: columns as `names` says, or in the order of the model's card.

        Raises `OutsideError` for a refusal, with what the server said, and where there is no good answer.
        """
        status, document = self.post(_request(rows, names))
        try:
            if status == http.client.OK:
                data = document["data"]
                return Answer(
                    key=str(document["meta"]["tags"]["key"]),
                    names=tuple(data["names"]),
                    rows=tuple(tuple(map(_finite, row)) for row in data["ndarray"]),
                )
            said = document["status"]["info"]
        except (KeyError, TypeError, ValueError):
            said = f"{json.dumps(document)[:200]}, which is no answer of a model"
        raise OutsideError(f"{self.url} answered with {status}: {said}")

    def post(self, document: object) -> tuple[int, Json]:
        """The status and the document that a JSON document is answered with, whatever the status."""
        body = json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310  the address is the caller's own
            f"{self.url}{_PREDICT}", data=body, headers={"Content-Type": "application/json"}
        )
        status, answer = self._open(request)
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OutsideError(f"{self.url} answered with {status} and no JSON document: {answer[:200]!r}")
        return status, found

    def is_up(self) -> bool:
        """Whether the server answers at all."""
        try:
            status, _ = self._open(urllib.request.Request(f"{self.url}{_PING}"))  # noqa: S310
        except OutsideError:
            return False
        return status == http.client.OK

    def curl(self, rows: Sequence[Sequence[Value]], names: Sequence[str] = ()) -> str:
        """A line for a shell that asks the same."""
        body = shlex.quote(json.dumps(_request(rows, names)))
        return f"curl -s {shlex.quote(self.url + _PREDICT)} -H 'Content-Type: application/json' -d {body}"

    def _open(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """Ask directly: a proxy for the world outside knows no endpoint of a cluster or of this machine."""
        try:
            with _opener().open(request, timeout=_TIMEOUT) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise OutsideError(f"{self.url} does not answer: {reason}", hint="Is the server up?") from None


def check_golden(endpoint: Endpoint, card: ModelCard) -> float:
    """The largest difference between what is answered now and what the reviewed model answered.

    Raises `OutsideError` where another model answers.
    """
    rows = [(*golden.numeric, *golden.categorical) for golden in card.golden]
    answer = endpoint.ask(rows, (*card.numeric, *card.categorical))
    if answer.key != card.key:
        raise OutsideError(f"{endpoint.url} serves the key {answer.key[:SHORT]}, not {card.key[:SHORT]}")
    expected = [golden.answer for golden in card.golden]
    if answer.names != (card.classes or (card.target,)) or list(map(len, answer.rows)) != list(map(len, expected)):
        raise OutsideError(f"{endpoint.url} answers in another form than the reviewed model: {answer.names}")
    return max(
        abs(now - then)
        for row, reviewed in zip(answer.rows, expected, strict=True)
        for now, then in zip(row, reviewed, strict=True)
    )


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    """Made once: each reads all the certificates of the machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class _Server:
    """A server under way. The end of its pipe is held by all of its processes, and by nobody else."""

    process: subprocess.Popen[bytes]
    pipe: int
    log: Path


@contextlib.contextmanager
def serve(files: Mapping[str, bytes], *, port: int = 0) -> Iterator[Endpoint]:
    """Serve a source folder's files as their image would, on a free port or on `port`, until the block ends.

    Raises `OutsideError` with the end of the server's log if it does not come up.
    """
    _check_free(port)
    with tempfile.TemporaryDirectory(prefix="slipway-") as place:
        work = Path(place)
        _unpack(files, work / "source")
        server = _start(files, work, port)
        try:
            yield _wait(server)
        finally:
            _stop(server)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _request(rows: Sequence[Sequence[Value]], names: Sequence[str]) -> Json:
    return {"data": {"names": list(names), "ndarray": [list(row) for row in rows]}}


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _start(files: Mapping[str, bytes], work: Path, port: int) -> _Server:
    """Start the server in a session of its own, so that all of it can be ended at once."""
    program = Path(sys.executable).with_name(_PROGRAM)
    if not program.exists():
        raise OutsideError(f"no model can be served here: there is no {_PROGRAM}", hint="Install it: make setup")
    chosen = settings(files) if ENVIRONMENT in files else {}
    if "MODEL_NAME" not in chosen:
        raise OutsideError(f"these files are no source folder of a model: there is no {ENVIRONMENT} with MODEL_NAME")
    own = {
        "SLIPWAY_MODEL_DIR": str(work / "source"),
        "SELDON_LOG_LEVEL": "WARNING",
        "TMPDIR": str(work),
        "XDG_RUNTIME_DIR": str(work),  # gunicorn puts a socket there
    }
    pipe, held = os.pipe()
    try:
        with (work / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  the program of the serving packages
                [program, chosen["MODEL_NAME"], "--http-port", str(port), "--metrics-port", "0"],
                cwd=work / "source",
                env=os.environ | chosen | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[held],
            )
    finally:
        os.close(held)
    return _Server(process=process, pipe=pipe, log=work / "log")


def _wait(server: _Server) -> Endpoint:
    """The endpoint once it answers. The port is the server's own choice, read from what it says."""
    process, log = server.process, server.log
    listening = re.compile(rf"Listening at: http://[^ ]+:(\d+) \({process.pid}\)")
    end = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < end:
        if found := listening.search(log.read_text(errors="replace")):
            endpoint = Endpoint(url=f"http://127.0.0.1:{found[1]}")
            if endpoint.is_up():
                return endpoint
        time.sleep(_EVERY)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])
    why = "did not start" if process.poll() is not None else f"did not answer within {_START:.0f} s"
    raise OutsideError(f"the model's server {why}; its log ends with:\n{tail}")


def _stop(server: _Server) -> None:
    """End the server with all its children, which would outlive a polite end; it keeps nothing that could be lost."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    select.select([server.pipe], [], [], _STOP)  # it ends when the last process has
    os.close(server.pipe)


def _check_free(port: int) -> None:
    """Say at once that a port is taken: the server itself would try for seconds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except (OSError, OverflowError) as error:
            raise OutsideError(f"port {port} cannot be used: {error}", hint="Choose another port.") from None
