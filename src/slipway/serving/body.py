"""The body of a request that comes in parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]


class GoneError(Exception):
    """The client went away before its request was whole."""


class Body:
    """What has come of a body so far."""

    def __init__(self, first: Message, receive: Receive) -> None:
        """Of the first message of ASGI, and what gives the others. Raises `GoneError`."""
        self._receive = receive
        self._parts: list[bytes] = []
        self._size = 0
        self._take(first)

    async def read(self, most: int) -> bool:
        """Read on, until more than so many bytes have come; whether all has, in no more. Raises `GoneError`."""
        while self._more and self._size <= most:
            self._take(await self._receive())
        return self._size <= most

    async def skip(self) -> None:
        """Read what is left, and keep nothing of it. Raises `GoneError`."""
        self._parts.clear()
        while self._more:
            self._take(await self._receive())
            self._parts.clear()

    def whole(self) -> bytes:
        """All that has come, which is handed over."""
        body = b"".join(self._parts)
        self._parts.clear()
        return body

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            raise GoneError
        part = message.get("body", b"")
        self._parts.append(part)
        self._size += len(part)
        self._more = bool(message.get("more_body"))
