"""The body of a request that comes in parts, and the room that all such bodies have together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any

type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]


class GoneError(Exception):
    """The client went away before its request was whole."""


class Room:
    """How many bytes of large bodies are held at once.

    Where there is no room, one body at a time goes on beyond, and so comes to its end: they never all wait for each
    other. It is the first that had to wait, so that a client who is silent does not stand in the others' way.
    """

    def __init__(self, most: int) -> None:
        """Of so many bytes."""
        self._most = most
        self._all = 0
        self._held: dict[Body, int] = {}
        self._beyond: Body | None = None
        self._left = asyncio.Event()

    async def take(self, body: Body, size: int) -> None:
        """Room for so many bytes more, once there is some."""
        while self._all + size > self._most and self._beyond is not body:
            if self._beyond is None:
                self._beyond = body
            else:
                await self._left.wait()
        self._held[body] = self._held.get(body, 0) + size
        self._all += size

    def leave(self, body: Body) -> None:
        """Give back what a body has; again is no harm."""
        self._all -= self._held.pop(body, 0)
        if self._beyond is body:
            self._beyond = None
        self._left.set()
        self._left = asyncio.Event()


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

    async def read_in(self, room: Room, most: int, seconds: float) -> bool:
        """As `read`, in a room, where waiting is not the client's time. Raises `TimeoutError` and `GoneError`."""
        await room.take(self, self._size)
        while self._more and self._size <= most:
            began = monotonic()
            before = self._size
            self._take(await asyncio.wait_for(self._receive(), seconds))
            seconds -= monotonic() - began
            await room.take(self, self._size - before)
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
