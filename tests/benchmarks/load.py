"""A load of HTTP requests on connections that are kept open: by wrk where there is one, else by a program of our own.

Both keep one request under way on each connection, take the requests in turn, and open a connection that a server
has closed anew. Run as a program, this is our own: `load URL CLIENTS SECONDS`, with the bodies in a JSON list
on standard input.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

WRK = shutil.which("wrk")
_TIMEOUT = 20
_SCRIPT = """\
local bodies, requests, at = {{ {bodies} }}, {{}}, 0
function init(args)
  for index, body in ipairs(bodies) do
    requests[index] = wrk.format("POST", nil, {{["Content-Type"] = "application/json"}}, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "seconds": %f, "p99": %f, "errors": %d}}\\n', summary.requests, summary.duration / 1e6,
    latency:percentile(99) / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a load measured: answers per second, the slowest of a hundred in seconds, and how many there were."""

    rate: float
    p99: float
    answers: int
    cpu: float = math.nan
    """Seconds that the server was at work for each of them, where somebody measured it."""


def load(url: str, bodies: Sequence[str], *, clients: int, seconds: int) -> Load:
    """Post the bodies in turn. An answer that is not 200 and a broken connection end the whole program."""
    if WRK:
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_SCRIPT.format(bodies=", ".join(f"[==[{body}]==]" for body in bodies)))
            script.flush()
            said = _said(WRK, "-t1", f"-c{clients}", f"-d{seconds}s", f"--timeout={_TIMEOUT}s", "-s", script.name, url)
    else:
        program = [sys.executable, "-m", "tests.benchmarks.load", url, str(clients), str(seconds)]
        said = _said(*program, given=json.dumps(bodies))
    return told(url, said)


def told(url: str, said: dict[str, float]) -> Load:
    """What a generator counted; all of it must have gone well."""
    if said["errors"] or not said["requests"]:
        sys.exit(f"{url}: {said['errors']} errors, {said['requests']} answers")
    return Load(rate=said["requests"] / said["seconds"], p99=said["p99"], answers=int(said["requests"]))


def nearest_rank(latencies: Sequence[float], share: float) -> float:
    """The smallest of the latencies that so large a share does not exceed."""
    return sorted(latencies)[max(math.ceil(share * len(latencies)) - 1, 0)]


def _said(*command: str, given: str = "") -> dict[str, float]:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@dataclass(kw_only=True)
class _Run:
    """A load under way."""

    host: str
    port: int
    requests: Iterator[bytes]
    end: float
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    async def connect(self) -> None:
        """One client, until its connection is lost."""
        await asyncio.get_running_loop().create_connection(lambda: _Client(self), self.host, self.port)

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.end


class _Client(asyncio.Protocol):
    """One connection, with one request under way."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._waiting = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._run.latencies.append(time.perf_counter() - self._began)
        self._run.errors += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        self._waiting = False
        if self._run.over or b"connection: close" in head.lower():
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        self._run.errors += self._waiting and not self._run.over
        if not self._run.over:
            self._again = asyncio.ensure_future(self._run.connect())

    def _ask(self) -> None:
        self._got, self._waiting = b"", True
        self._began = time.perf_counter()
        self._transport.write(next(self._run.requests))


def _length(head: bytes) -> int:
    """The length of a body, which all of these servers tell beforehand."""
    return next(int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:")


async def _generate(url: str, clients: int, seconds: float, bodies: Sequence[str]) -> dict[str, float]:
    parts = urlsplit(url)
    requests = cycle([_rendered(parts.netloc, parts.path, body.encode()) for body in bodies])
    began = time.perf_counter()
    run = _Run(host=parts.hostname or "", port=parts.port or 80, requests=requests, end=began + seconds)
    await asyncio.gather(*(run.connect() for _ in range(clients)))
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    return {
        "requests": len(run.latencies),
        "seconds": took,
        "p99": nearest_rank(run.latencies, 0.99) if run.latencies else math.nan,
        "errors": run.errors,
    }


def _rendered(host: str, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


def _main(url: str, clients: str, seconds: str) -> None:
    import uvloop

    counted = uvloop.run(_generate(url, int(clients), float(seconds), json.load(sys.stdin)))
    sys.stdout.write(json.dumps(counted) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
