"""The tests' GitHub over HTTP: one address for its API, another for the archives that it leads to."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github_server import answers
from tests.github_server.access import Request, act
from tests.github_server.faults import Fault, Kind
from tests.github_server.routes import Answer
from tests.github_server.state import TOKEN, State

GITHUB, BLOBS = "127.0.0.1", "localhost"
"""Two names of this machine: what is meant for one host must not reach the other."""


@dataclass(kw_only=True)
class FakeGitHub:
    """A GitHub that is under way: change `state`, add to `faults`, look at `requests`."""

    port: int
    state: State = field(default_factory=State)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    used: int = 0
    """Requests that count against the rate limit: an answer of 304 does not."""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def url(self) -> str:
        """What `GITHUB_API_URL` says."""
        return f"http://{GITHUB}:{self.port}"

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of a job; `more` goes first."""
        told = {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": self.state.repository, "GITHUB_TOKEN": TOKEN}
        return told | {"GITHUB_SERVER_URL": answers.WEB} | more

    def asked(self, method: str, path: str = "") -> list[Request]:
        """The requests of a method whose path holds a text."""
        return [one for one in self.requests if one.method == method and path in one.path]

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator[Self]:
        """Start one on a free port; stop it when the block ends."""
        with _Server((GITHUB, 0), _Handler) as server:
            server.github = github = cls(port=server.server_address[1])
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield github
            finally:
                server.shutdown()
                server.hang_up()
                thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    github: FakeGitHub

    def __init__(self, *arguments: Any) -> None:
        self.lines: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self.lines.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.lines.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of the test's business."""

    def hang_up(self) -> None:
        for line in tuple(self.lines):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Tests read `requests` instead."""

    def _any(self) -> None:
        github = self.server.github
        request, path = self._request()
        github.requests.append(request)
        fault = self._fault(request)
        if fault and fault.kind is Kind.HANGS:
            time.sleep(fault.seconds)
        if fault and fault.kind in {Kind.CLOSES, Kind.HANGS}:
            self.close_connection = True
        elif fault and fault.kind is Kind.REFUSED:
            self._send(*fault.answer)
        elif path.startswith("/blobs/"):
            self._blob(int(path.removeprefix("/blobs/")), fault)
        else:
            self._answer(request, fault)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815  the base class names them so

    def _request(self) -> tuple[Request, str]:
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = parts.path.removeprefix("/api/v3").replace("/api/graphql", "/graphql")
        below = f"/repos/{self.server.github.state.repository}"
        request = Request(
            method=self.command,
            host=self.headers.get("host", ""),
            path=path.removeprefix(below) if f"{path}/".startswith(f"{below}/") else path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(content) if content else None,
        )
        return request, path

    def _fault(self, request: Request) -> Fault | None:
        with self.server.github.lock:
            fault = next((f for f in self.server.github.faults if f.fits(request.method, request.path)), None)
            if fault:
                fault.times -= 1
            return fault

    def _answer(self, request: Request, fault: Fault | None) -> None:
        github = self.server.github
        with github.lock:
            answer, permission = act(github.state, request)
        headers = {"x-accepted-github-permissions": permission} if permission else {}
        if fault and fault.kind is Kind.LOST:
            self.close_connection = True
            return
        if fault and fault.kind is Kind.BROKEN:
            self._send(*fault.answer)
            return
        if answer.location:
            headers["Location"] = f"http://{BLOBS}:{github.port}{answer.location}"
        document = answer.document
        if isinstance(document, list):
            document, headers = self._page(request, answer, headers)
        content = b"" if document is None else json.dumps(document).encode()
        tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        if request.method == "GET" and answer.status == HTTPStatus.OK:
            headers |= {"ETag": tag, "Cache-Control": "private, max-age=60", "Vary": "Accept, Authorization, Cookie"}
            if request.headers.get("if-none-match") == tag:
                self._send(304, b"", headers)
                return
        github.used += 1
        self._send(answer.status, content, headers, cut=fault is not None and fault.kind is Kind.CUT)

    def _page(self, request: Request, answer: Answer, headers: dict[str, str]) -> tuple[Any, dict[str, str]]:
        found = answer.document
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        if page * size < len(found):
            following = urlencode({**request.query, "page": page + 1})
            path = urlsplit(self.path).path
            headers = headers | {"Link": f'<{self.server.github.url}{path}?{following}>; rel="next"'}
        shown = found[(page - 1) * size : page * size]
        return ({"total_count": len(found), answer.within: shown} if answer.within else shown), headers

    def _blob(self, artifact: int, fault: Fault | None) -> None:
        content = self.server.github.state.artifacts[artifact].content
        self._send(200, content, {"Content-Type": "application/zip"}, cut=fault is not None)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str], *, cut: bool = False) -> None:
        self.send_response_only(status)
        told = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", **headers}
        if status not in {204, 304}:
            told["Content-Length"] = str(len(content))
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection |= cut
