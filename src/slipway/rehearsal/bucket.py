"""A bucket that can be read: as much of S3 as a source of data needs, of a folder's files.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html and API_GetObject.html
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from slipway.adapters.server import HOST

_MISSING = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>There is nothing.</Message></Error>"
_CHANGED = b"<?xml version='1.0'?><Error><Code>PreconditionFailed</Code><Message>It is another.</Message></Error>"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Whatever lies in a folder is an object: its `name` is the bucket's."""

    folder: Path
    endpoint: str

    def url(self, name: str) -> str:
        """The address of an object."""
        return f"s3://{self.folder.name}/{name}"

    @property
    def environ(self) -> dict[str, str]:
        """What boto3 has to know to read it. Anybody may, so the keys are nobody's."""
        keys = {"AWS_ACCESS_KEY_ID": "rehearsal", "AWS_SECRET_ACCESS_KEY": "rehearsal"}
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": "us-east-1", **keys}


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """Let a folder be read as a bucket, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = type("Handler", (_Handler,), {"folder": folder})
    server = ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield Bucket(folder=folder, endpoint=f"http://{HOST}:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    folder: ClassVar[Path]
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def do_HEAD(self) -> None:
        self._answer(*self._found())

    def do_GET(self) -> None:
        status, headers, body = self._found()
        self._answer(status, headers, body)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as http.server has it
        """Nobody reads it."""

    def _found(self) -> tuple[HTTPStatus, dict[str, str], bytes]:
        bucket, _, name = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        file = self.folder / name
        if bucket != self.folder.name or file.parent != self.folder or not file.is_file():
            return HTTPStatus.NOT_FOUND, {"Content-Type": "application/xml"}, _MISSING
        content = file.read_bytes()
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        if self.headers.get("If-Match", etag).strip('"') != etag.strip('"'):
            return HTTPStatus.PRECONDITION_FAILED, {"Content-Type": "application/xml"}, _CHANGED
        return HTTPStatus.OK, {"ETag": etag, "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True)}, content

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
