"""A Git server over HTTP that asks for a token: git's own http-backend behind Python's server."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    root: Path
    token: str
    asked: list[list[str]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Nobody reads it."""

    def _any(self) -> None:
        shown = self.headers.get_all("Authorization") or []
        self.server.asked.append(shown)
        wanted = base64.b64encode(f"x-access-token:{self.server.token}".encode()).decode()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if shown != [f"Basic {wanted}"]:
            self.send_response(400 if len(shown) > 1 else 401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._git(body)

    do_GET = do_POST = _any  # noqa: N815  the base class names them so

    def _git(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        environ = {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "x-access-token",
        }
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607  the machine's own git
            input=body,
            env=environ,
            capture_output=True,
            check=True,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in (fields | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serve(root: Path, token: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The address below which the repositories of a folder are, and what each request showed as its authorization."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.root, server.token, server.asked = root, token, []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
        finally:
            server.shutdown()
            thread.join(5)
