"""A model's endpoint: Seldon's messages over HTTP. What answers there may be anything, so its form is checked."""

from __future__ import annotations

import http.client
import json
import math
import shlex
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from slipway.adapters.line import SHOWN, TIMEOUT, EndpointError, Kind, Line, Reply
from slipway.errors import InputError, OutsideError

PREDICT, PING, METRICS = "/api/v1.0/predictions", "/health/ping", "/metrics"
_REDIRECTS = range(300, 400)
_SCHEMES = ("http", "https")
_INFINITE = 2.0**128 - 2.0**103
"""From here on a number is infinite in 32 bits."""
_API = "/api/v1.0"
_URL = "Write it as http://host:port, or https://host/seldon/namespace/name."

type Value = float | str | None
type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint said of some rows, and the key of the model that said it."""

    key: str
    names: tuple[str, ...]
    """The classes; in a regression, the target."""
    rows: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...] = ()
    """The likeliest class of each row; none in a regression."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A served model."""

    url: str
    """Without a slash at its end."""
    timeout: float = TIMEOUT

    @classmethod
    def parse(cls, url: str) -> Self:
        """The endpoint at an address that somebody wrote; `InputError` where it is none."""
        try:
            parts = urlsplit(url)
            known = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError as error:
            raise InputError(f"{url!r} is no address: {error}", hint=_URL) from None
        if not known or not url.isascii() or not url.isprintable() or " " in url:
            raise InputError(f"{url!r} is no address of an endpoint", hint=_URL)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise InputError("an endpoint's address has no user, no query and no fragment", hint=_URL)
        return cls(url=url.rstrip("/").removesuffix(PREDICT).removesuffix(_API))

    @contextmanager
    def connect(self) -> Iterator[Line]:
        """A line to the endpoint, which is opened with the first question."""
        line = Line(self.url, self.timeout)
        try:
            yield line
        finally:
            line.close()

    def ask(self, rows: Sequence[Sequence[Value]], names: Sequence[str] = ()) -> Answer:
        """Predictions for rows: columns as `names` says, or in the order of the model's card.

        Raises `OutsideError` for a refusal, with what the server said, and where there is no good answer.
        """
        return read(self._reply("POST", PREDICT, request(rows, names)))

    def is_up(self) -> bool:
        """Whether the server answers at all."""
        try:
            return self._reply("GET", PING).status == http.client.OK
        except OutsideError:
            return False

    def curl(self, rows: Sequence[Sequence[Value]], names: Sequence[str] = ()) -> str:
        """A line for a shell that asks the same."""
        body = shlex.quote(request([[_brief(value) for value in row] for row in rows], names).decode())
        return f"curl -s {shlex.quote(self.url + PREDICT)} -H 'Content-Type: application/json' -d {body}"

    def _reply(self, method: str, path: str, body: bytes | None = None) -> Reply:
        with self.connect() as line:
            try:
                return line.ask(method, path, body)
            except EndpointError as error:
                raise OutsideError(f"{self.url} {error.said}", hint=error.hint) from None


def request(rows: Sequence[Sequence[Value]], names: Sequence[str] = ()) -> bytes:
    """A Seldon message that asks for predictions."""
    return json.dumps({"data": {"names": list(names), "ndarray": [list(row) for row in rows]}}).encode()


def read(reply: Reply) -> Answer:
    """The answer of a model; `EndpointError` for a refusal, and for anything that is no such answer."""
    if reply.status in _REDIRECTS:
        raise EndpointError(
            str(reply.status),
            f"answered with {reply.status} and leads to {reply.location[:SHOWN] or 'nowhere'}",
            hint="Redirects are not followed: give the address that the endpoint itself has.",
        )
    document = _document(reply)
    if reply.status != http.client.OK:
        raise EndpointError(str(reply.status), f"answered with {reply.status}: {_said(document)}")
    try:
        return _answer(document)
    except (KeyError, TypeError, ValueError, OverflowError):
        shown = json.dumps(document)[:SHOWN]
        raise EndpointError(Kind.FORM, f"answered with 200: {shown}, which is no answer of a model") from None


def _brief(value: Value) -> Value:
    """A number as a person would write it: the shortest that is the same in the 32 bits that models read."""
    if not isinstance(value, float) or not abs(value) < _INFINITE:
        return value
    written = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next((brief for brief in written if struct.pack("f", brief) == struct.pack("f", value)), value)


def _answer(document: Json) -> Answer:
    data, tags = document["data"], document["meta"]["tags"]
    return Answer(
        key=_text(tags["key"]),
        names=tuple(map(_text, _listed(data["names"]))),
        rows=tuple(tuple(map(_finite, _listed(row))) for row in _listed(data["ndarray"])),
        labels=tuple(map(_text, _listed(tags.get("labels", [])))),
    )


def _document(reply: Reply) -> Json:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    kind = Kind.FORM if reply.status == http.client.OK else str(reply.status)
    raise EndpointError(kind, f"answered with {reply.status} and no JSON document: {reply.body[:SHOWN]!r}")


def _said(document: Json) -> str:
    """What a refusal says, in Seldon's form or in whatever it has."""
    status = document.get("status")
    info = status.get("info") if isinstance(status, dict) else None
    return info[:SHOWN] if isinstance(info, str) else json.dumps(document)[:SHOWN]


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  whatever a server sent
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _finite(value: Any) -> float:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)
