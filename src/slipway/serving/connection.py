"""One client's connection: uvicorn's, bounded where a client could hold it for ever."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from slipway.serving.rows import Refused

_LONGEST = 8190
"""Bytes of a request's line and headers, as gunicorn's own workers allow."""
_MOST = 100
"""Headers of a request."""
_SLOWEST = 30.0
"""Seconds for them to come."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    ending = False
    """Whether the server ends: then each answer says that it is the last of its connection."""
    _before: RequestResponseCycle | None = None
    """The request before the last one."""
    _unread = 0
    """Bytes of a head that has come in part."""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  asyncio's
        """Give the first request as long to begin as every other."""
        super().connection_made(transport)
        self._close_after(self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as a head comes to its end."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > _LONGEST:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's headers are too long")
        elif self._unread:
            self._close_after(_SLOWEST)

    def on_headers_complete(self) -> None:
        """Take a request that is not too long. `ValueError` for one that is, which uvicorn has answered by 400."""
        size = self._unread
        self._unread = 0
        if len(self.headers) > _MOST or (size > _LONGEST and self._size() > _LONGEST):
            raise ValueError(size)
        self._before = self.cycle
        super().on_headers_complete()
        if self.ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Whose head was read."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Whose head was read."""
        self._unread = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in JSON as all else."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self, status: HTTPStatus, what: str) -> None:
        """Say what is wrong and close, unless an answer is under way: then it is the last of this connection.

        A refusal would else be read as the answer to the request before.
        """
        if self.transport.is_closing():
            return
        last = self.cycle
        if self.pipeline and last.more_body:  # it does not come to its end, and was not begun
            self.pipeline.popleft()
            last = self._before or last
            self.cycle = last
        if last is not None and not last.response_complete and not last.more_body:
            last.keep_alive = False
            self.flow.pause_reading()
            return
        body = orjson.dumps(Refused(what, code=status).to_dict())
        head = f"HTTP/1.1 {status:d} {status.phrase}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def _close_after(self, seconds: float) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
