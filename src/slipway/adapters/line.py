"""A line to an HTTP server. What answers there may be anything, so the size and the time of an answer are bounded."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from slipway.errors import OutsideError
from slipway.screen import plain

TIMEOUT = 10.0
"""Seconds for one answer, from the first byte sent to the last one read."""
MAX_BYTES = 2**23
"""Of one answer; twenty rows with a thousand classes have half a million."""
SHOWN = 200


class Kind(StrEnum):
    """Why there is no answer, where no HTTP code says it."""

    TIMEOUT = "timeout"
    CONNECTION = "no connection"
    PROTOCOL = "not HTTP"
    SIZE = "too large"
    FORM = "not an answer"


class EndpointError(OutsideError):
    """No good answer. `said` goes on after the endpoint's name; `kind` is a `Kind`, or the HTTP code."""

    def __init__(self, kind: str, said: str, *, hint: str = "") -> None:
        """What to count it as, and what to say of it: on one line, without what could command a terminal."""
        self.kind = str(kind)
        self.said = " ".join(plain(said).split())
        super().__init__(self.said, hint=hint)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer, whatever it says."""

    status: int
    body: bytes
    location: str = ""


class Line:
    """A connection that is kept open from one question to the next.

    It goes to the endpoint itself: a proxy for the world outside knows no endpoint of a cluster or of this machine.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        """Keep in mind where to; nothing is opened yet."""
        parts = urlsplit(url)
        self._prefix = parts.path
        self._timeout = timeout
        self._deadline = 0.0
        self._is_over = False
        host = parts.hostname or ""
        self._connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=_certificates())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=timeout)
        )
        self._connection.response_class = functools.partial(_Response, left=self._left)  # type: ignore[assignment]  # made as a class is

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, marks: Mapping[str, str] = MappingProxyType({})
    ) -> Reply:
        """Ask for a path below the endpoint's address; `EndpointError` if no whole HTTP answer comes in time.

        A line that the server closed while it was idle is opened again. Nothing is asked twice: a request that a
        server dropped would not be seen. `marks` are further headers.
        """
        if self._is_over:
            raise EndpointError(Kind.CONNECTION, "was not asked any more")
        if self._is_dropped():
            self.close()
        try:
            return self._ask(method, path, body, marks)
        except (EndpointError, OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise _unanswered(error, self._timeout) from None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def interrupt(self) -> None:
        """Have nobody wait for an answer any more: for another thread than the one that asks."""
        self._is_over = True
        if (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _is_dropped(self) -> bool:
        """Whether the line has anything to say before it is asked: that is its end."""
        if self._connection.sock is None:
            return False
        heard = select.poll()
        heard.register(self._connection.sock, select.POLLIN)
        return bool(heard.poll(0))

    def _ask(self, method: str, path: str, body: bytes | None, marks: Mapping[str, str]) -> Reply:
        self._deadline = time.monotonic() + self._timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(self._timeout)  # what was left of the answer before
        headers = {**marks} | ({"Content-Type": "application/json"} if body is not None else {})
        self._connection.request(method, self._prefix + path, body, headers)
        with self._connection.getresponse() as response:
            content = _content(response)
            return Reply(status=response.status, body=content, location=response.headers.get("Location", ""))

    def _left(self) -> float:
        """Seconds that the answer under way may still take."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _content(response: http.client.HTTPResponse) -> bytes:
    """All that was sent, as long as it was said to be."""
    try:
        content = response.read(MAX_BYTES + 1)
    except (ConnectionError, ssl.SSLEOFError):
        raise http.client.IncompleteRead(b"") from None
    if len(content) > MAX_BYTES:
        raise EndpointError(Kind.SIZE, f"answered with {response.status} and more than {MAX_BYTES >> 20} MB")
    if response.length:  # it is not as long as it said
        raise http.client.IncompleteRead(content, response.length)
    return content


class _Response(http.client.HTTPResponse):
    """An answer that must be whole in time: a socket's own timeout begins anew with each byte."""

    def __init__(self, sock: Any, *args: Any, left: Any, **kwargs: Any) -> None:  # noqa: ANN401  as its parent has them
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock, left))


class _InTime(io.RawIOBase):
    """A socket that is read until a moment, and no longer."""

    def __init__(self, sock: Any, left: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._sock, self._left = sock, left
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401
        self._sock.settimeout(self._left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _unanswered(error: Exception, timeout: float) -> EndpointError:
    """Why no answer came, in words."""
    match error:
        case EndpointError():
            return error
        case TimeoutError():
            return EndpointError(Kind.TIMEOUT, f"did not answer within {timeout:g} s")
        case ssl.SSLCertVerificationError():
            said = f"has a certificate that this machine does not trust: {error.verify_message}"
            hint = "Name the file with your certificate authority in SSL_CERT_FILE."
            return EndpointError(Kind.CONNECTION, said, hint=hint)
        case http.client.RemoteDisconnected() | OSError():
            return EndpointError(
                Kind.CONNECTION, f"does not answer: {error}", hint="Is it up, and can it be reached from here?"
            )
        case http.client.IncompleteRead():
            return EndpointError(Kind.PROTOCOL, "broke off in the middle of an answer")
        case _:
            return EndpointError(Kind.PROTOCOL, f"answered with what is not HTTP: {str(error)[:SHOWN]}")


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Made once: it reads all the certificates of the machine."""
    return ssl.create_default_context()
