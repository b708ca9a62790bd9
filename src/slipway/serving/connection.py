"""One client's connection: gunicorn's, mended where what a client sends would end in silence or never.

Gunicorn's asyncio worker (26.2) answers nothing to what is no HTTP and logs a traceback for each, forgets requests
that are sent before the last one is answered, never closes an idle connection, takes what follows a HEAD request's
head for another request, reads bodies faster than they are asked for, and keeps 11 kB of each connection for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from string import printable
from typing import Any
from urllib.parse import quote

import orjson
from gunicorn.asgi.protocol import ASGIProtocol, BodyReceiver

from slipway.serving.rows import Refused

_AHEAD = 2**16
"""Bytes that are read before they are asked for; the rest waits at the client."""
_PARSER = "gunicorn_h1c"


class Connection(ASGIProtocol):  # type: ignore[misc]  # it has no types
    """One client's connection, kept in its worker's `connections` while it lasts."""

    _callback_parser: Any

    def __init__(self, worker: Any) -> None:  # noqa: ANN401  it has no types
        """Of gunicorn's worker."""
        super().__init__(worker)
        self._later = b""

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return not (self._request_ready and self._request_ready.is_set())

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401
        """Give the first request so long to come, as each other one."""
        super().connection_made(transport)
        self.worker.connections.add(self)
        super()._arm_keepalive_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it: the parser and the connection hold each other, and no garbage collector sees into the parser."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)
        self.resume_writing()  # or who still writes would wait for ever
        self._callback_parser = None
        if self._request_ready:
            self._request_ready.set()  # nobody needs to wait for it any more

    def data_received(self, data: bytes) -> None:
        """Take what comes after a whole request for the next one, which waits until this one is answered."""
        parser = self._callback_parser
        if parser.is_complete:
            self._keep(data)
            return
        super().data_received(data)
        if parser.is_complete:
            self._keep(parser.remaining())

    def leave(self) -> None:
        """Close it."""
        self._close_transport()

    def _keep(self, data: bytes) -> None:
        self._later += data
        if len(self._later) > _AHEAD:
            self._pause_reading()

    def _arm_keepalive_timer(self) -> None:
        """Called when a request is answered: wait for the next one, or take it from what was read."""
        super()._arm_keepalive_timer()
        later, self._later = self._later, b""
        if later and not self._closed:
            self.data_received(later)

    def _cancel_keepalive_timer(self) -> None:
        """Called as well when it begins to wait, which is when it should run."""
        if self._closed or not self.is_idle:
            super()._cancel_keepalive_timer()

    def _on_headers_complete(self) -> bool:
        """Whether there is no body to read: a request says so itself, whatever its method."""
        super()._on_headers_complete()
        self._body_receiver = _Body(self._current_request, self)
        self._cancel_keepalive_timer()
        return False

    def _handle_h1c_exception(self, exc: Exception) -> bool:
        """Answer what is no HTTP. False if the fault is another."""
        if super()._handle_h1c_exception(exc):
            return True
        if not type(exc).__module__.startswith(_PARSER):
            return False
        self._send_error_response(HTTPStatus.BAD_REQUEST, f"the request is no HTTP: {exc}")
        self._close_transport()
        return True

    def _send_error_response(self, status: int, message: str) -> None:
        """An answer in JSON, as all others."""
        if self._closed:
            return
        body = orjson.dumps(Refused(message, code=status).to_dict())
        head = f"HTTP/1.1 {status:d} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        self._safe_write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    def _send_response_start(self, status: int, headers: Sequence[tuple[bytes, bytes]], request: Any) -> None:  # noqa: ANN401
        """Say that it is the last answer, if the server ends."""
        last = () if self.worker.alive else ((b"connection", b"close"),)
        super()._send_response_start(status, [*headers, *last], request)

    def _build_http_scope(self, *args: Any) -> dict[str, Any]:  # noqa: ANN401
        """A query in ASCII, which is what it should be and what is read of it."""
        scope: dict[str, Any] = super()._build_http_scope(*args)
        query: bytes = scope["query_string"]
        return scope if query.isascii() else {**scope, "query_string": quote(query, safe=printable).encode()}

    def _is_websocket_upgrade(self, _: Any) -> bool:  # noqa: ANN401
        """A client that would rather speak another protocol is answered in this one."""
        return False


class _Body(BodyReceiver):  # type: ignore[misc]  # it has no types
    """A body that is read no faster than it is asked for."""

    __slots__ = ()

    def feed(self, chunk: bytes) -> None:
        super().feed(chunk)
        if sum(map(len, self._chunks)) > _AHEAD:
            self.protocol._pause_reading()  # noqa: SLF001  they are one

    def _pop_chunk(self) -> dict[str, Any]:
        if len(self._chunks) == 1:
            self.protocol._resume_reading()  # noqa: SLF001
        popped: dict[str, Any] = super()._pop_chunk()
        return popped
