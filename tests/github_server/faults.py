"""What can go wrong between a client and GitHub, each told to the server before it happens."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    """What the client sees."""

    REFUSED = auto()
    """An answer instead of the real one; nothing was done."""
    HANGS = auto()
    """Nothing was done, and no answer comes."""
    CLOSES = auto()
    """Nothing was done, and the connection ends without an answer."""
    LOST = auto()
    """It was done, and the connection ends without an answer."""
    CUT = auto()
    """It was done, and the connection ends in the middle of the answer."""
    BROKEN = auto()
    """It was done, and the client is told of an error of the server's."""


@dataclass(kw_only=True)
class Fault:
    """A fault of the next `times` requests that fit. Made by name: `Fault.lost("POST", "/comments")`."""

    kind: Kind
    method: str
    path: re.Pattern[str]
    times: int = 1
    status: int = 500
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    """The answer, where it is not just a message."""
    resets_in: int | None = None
    """Seconds until there may be more requests."""
    seconds: float = 0.0

    @classmethod
    def server_error(cls, method: str = "", path: str = "", *, times: int = 1, status: int = 502) -> Fault:
        """GitHub is down for some requests."""
        return cls(kind=Kind.REFUSED, method=method, path=re.compile(path), times=times, status=status)

    @classmethod
    def primary_limit(cls, method: str = "", path: str = "", *, times: int = 1, resets_in: int = 30) -> Fault:
        """The hour's requests are used up."""
        return cls(
            kind=Kind.REFUSED,
            method=method,
            path=re.compile(path),
            times=times,
            status=403,
            message="API rate limit exceeded for installation ID 1.",
            headers={"x-ratelimit-remaining": "0"},
            resets_in=resets_in,
        )

    @classmethod
    def graphql_limit(cls, *, times: int = 1, resets_in: int = 30) -> Fault:
        """The hour's points are used up, which GraphQL says with a status of 200."""
        told = cls.primary_limit("POST", "/graphql", times=times, resets_in=resets_in)
        errors = [{"type": "RATE_LIMITED", "message": "API rate limit already exceeded."}]
        return replace(told, status=200, document={"data": None, "errors": errors})

    @classmethod
    def secondary_limit(
        cls, method: str = "", path: str = "", *, times: int = 1, retry_after: str = "7", status: int = 403
    ) -> Fault:
        """Too much at once; an empty `retry_after` leaves the header out, as GitHub at times does."""
        return cls(
            kind=Kind.REFUSED,
            method=method,
            path=re.compile(path),
            times=times,
            status=status,
            message="You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            headers={"retry-after": retry_after} if retry_after else {},
        )

    @classmethod
    def refused(
        cls,
        method: str = "",
        path: str = "",
        *,
        status: int,
        message: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Any other answer, always."""
        return cls(
            kind=Kind.REFUSED,
            method=method,
            path=re.compile(path),
            times=1_000_000,
            status=status,
            message=message,
            headers=headers or {},
        )

    @classmethod
    def hangs(cls, method: str = "", path: str = "", *, times: int = 1, seconds: float = 30.0) -> Fault:
        """No answer comes within this time."""
        return cls(kind=Kind.HANGS, method=method, path=re.compile(path), times=times, seconds=seconds)

    @classmethod
    def closes(cls, method: str = "", path: str = "", *, times: int = 1) -> Fault:
        """The connection ends before anything was done."""
        return cls(kind=Kind.CLOSES, method=method, path=re.compile(path), times=times)

    @classmethod
    def lost(cls, method: str = "", path: str = "", *, times: int = 1) -> Fault:
        """It was done, but nobody hears of it."""
        return cls(kind=Kind.LOST, method=method, path=re.compile(path), times=times)

    @classmethod
    def cut(cls, method: str = "", path: str = "", *, times: int = 1) -> Fault:
        """Half of the answer comes."""
        return cls(kind=Kind.CUT, method=method, path=re.compile(path), times=times)

    @classmethod
    def broken(cls, method: str = "", path: str = "", *, times: int = 1, status: int = 502) -> Fault:
        """It was done, and a gateway says that it was not."""
        return cls(kind=Kind.BROKEN, method=method, path=re.compile(path), times=times, status=status)

    @property
    def answer(self) -> tuple[int, bytes, dict[str, str]]:
        """What the client is told instead: a status, a body and headers."""
        resets = {} if self.resets_in is None else {"x-ratelimit-reset": str(int(time.time()) + self.resets_in)}
        document = self.document or {"message": self.message}
        return self.status, json.dumps(document).encode(), {**self.headers, **resets}

    def fits(self, method: str, path: str) -> bool:
        """Whether it is due for a request."""
        return self.times > 0 and self.method in {"", method} and bool(self.path.search(path))
