"""What is asked of Tekton's event listener, over HTTP, and what becomes of its answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from slipway.adapters import listener
from slipway.cli import ci
from slipway.errors import ExitCode, OutsideError

TAKEN = json.dumps({"eventListener": "slipway-schedule", "namespace": "slipway", "eventID": "8d5b\x1b[2J"}).encode()


@pytest.fixture
def serve() -> Iterator[Callable[[int, bytes], str]]:
    """A server that takes JSON objects alone, and answers so; its address."""
    started: list[HTTPServer] = []

    def begin(status: int, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status if sent == {} else 400)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        started.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in started:
        server.shutdown()
        server.server_close()


def test_an_empty_event_is_taken(serve: Callable[[int, bytes], str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ci.ci_start(serve(202, TAKEN)) is ExitCode.DONE
    assert capsys.readouterr().out == "It took the event 8d5b\N{REPLACEMENT CHARACTER}[2J.\n"


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"no \x1b[2J such listener"), (200, b"<html>"), (202, b"[]"), (202, b"\xff"), (404, TAKEN), (302, TAKEN)],
)
def test_whatever_else_is_answered_is_no_event_taken(
    status: int, body: bytes, serve: Callable[[int, bytes], str]
) -> None:
    with pytest.raises(OutsideError, match=f"took no event: {status}") as failure:
        listener.start(serve(status, body))
    assert "\x1b" not in str(failure.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[", "ftp://x", "el-slipway-schedule:8080", ""])
def test_nobody_there_is_told(url: str) -> None:
    with pytest.raises(OutsideError, match="cannot be asked"):
        listener.start(url)
