"""What a cluster's ingress does: one address for all models, and the canary's share of the traffic.

http://<gateway>/<namespace>/<model>/...                 split as the manifest says
http://<gateway>/<namespace>/<model>/<predictor>/...     that predictor alone
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from slipway.adapters.line import EndpointError, Line, Reply
from slipway.adapters.server import HOST
from slipway.delivery.manifest import CANARY, DEFAULT, FULL
from slipway.rehearsal.scraper import free_port

_MARKS = "x-slipway-"
"""Headers that servers read."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """The predictors of a model, and how the traffic is split between them."""

    urls: Mapping[str, str]
    percent: int
    """The canary's share."""
    turns: itertools.count[int] = field(default_factory=itertools.count, compare=False, repr=False)

    def next(self) -> str:
        """Whose turn it is: the shares are kept exactly, not only in the long run."""
        return CANARY if is_canarys(next(self.turns), self.percent) else DEFAULT


def is_canarys(turn: int, percent: int) -> bool:
    """Whether the canary has this turn, of all that are counted from 0."""
    return math.floor((turn + 1) * percent / FULL) > math.floor(turn * percent / FULL)


class Gateway:
    """It keeps its port when it is stopped and started again."""

    def __init__(self) -> None:
        """No route leads anywhere yet."""
        self._port = free_port()
        self._routes: dict[tuple[str, str], Route] = {}
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self._port}"

    def route(self, namespace: str, model: str, route: Route | None) -> None:
        """Lead there from now on; nowhere with None."""
        if route is None:
            self._routes.pop((namespace, model), None)
        elif self._routes.get((namespace, model)) != route:
            self._routes[namespace, model] = route

    def find(self, path: str) -> tuple[str, str] | None:
        """The predictor's address that a path leads to, and what is left of the path; None if it leads nowhere."""
        place, rest = path.split("/")[1:3], path.split("/")[3:]
        route = self._routes.get((place[0], place[-1])) if rest else None
        if route is None:
            return None
        named = rest[0] in (DEFAULT, CANARY)
        url = route.urls.get(rest[0] if named else route.next())
        return (url, "/" + "/".join(rest[1:] if named else rest)) if url else None

    def start(self) -> None:
        """Listen, in a thread of its own."""
        handler = type("Handler", (_Handler,), {"gateway": self})
        self._server = _Server((HOST, self._port), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Hang up, on those who are being answered too: nobody is there any more."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as socketserver has it
        """Tell of what went wrong here; a client that has gone away did nothing wrong."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Passes a request on, on lines that are kept open in both directions."""

    gateway: ClassVar[Gateway]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30.0

    def setup(self) -> None:
        super().setup()
        self._lines: dict[str, Line] = {}

    def finish(self) -> None:
        for line in self._lines.values():
            line.close()
        super().finish()

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as http.server has it
        """Nobody reads it."""

    def _pass_on(self, body: bytes | None) -> None:
        reply = self._reply(body)
        self.send_response(reply.status)
        kind = "application/json" if reply.body[:1] in (b"{", b"[") else "text/plain; charset=utf-8"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _reply(self, body: bytes | None) -> Reply:
        found = self.gateway.find(self.path)
        if found is None:
            return Reply(status=HTTPStatus.NOT_FOUND, body=b"no model is served there\n")
        url, path = found
        line = self._lines.get(url) or self._lines.setdefault(url, Line(url))
        try:
            marks = {name: value for name, value in self.headers.items() if name.lower().startswith(_MARKS)}
            return line.ask(self.command, path, body, marks=marks)
        except EndpointError as error:
            return Reply(status=HTTPStatus.SERVICE_UNAVAILABLE, body=f"the model {error.said}\n".encode())
