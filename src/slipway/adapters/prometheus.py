"""Prometheus' HTTP API, as far as it answers questions. Whatever answers there may be anything, so its form is checked.

https://prometheus.io/docs/prometheus/latest/querying/api/; Thanos answers the same, and is what OpenShift has.
"""

from __future__ import annotations

import json
import math
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from slipway.errors import InputError, OutsideError, UnreachableError
from slipway.screen import plain

if TYPE_CHECKING:
    import httpx

    from slipway.settings import Settings

TIMEOUT = 30.0
"""Seconds for a whole answer."""
MAX_BYTES = 10_000_000
MAX_SERIES = 10_000
_STALL = 10.0
"""Seconds for a connection, and between two parts of an answer."""
_SHOWN = 200
_NOBODY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""What a proxy says when nobody is behind it, and Prometheus while it starts."""
_URL = "Write it as http://host:port, as --prometheus, SLIPWAY_PROMETHEUS or prometheus in [tool.slipway]."
_TOKEN = "Give a token that may read metrics, as a file: SLIPWAY_PROMETHEUS_TOKEN_FILE."  # noqa: S105  no token
_HINTS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: _TOKEN,
    HTTPStatus.FORBIDDEN: _TOKEN,
    HTTPStatus.NOT_FOUND: "Is that where Prometheus' own API is, without /api/v1?",
}

type Json = dict[str, Any]


def _value(text: object) -> float | None:
    """A value, which is written as a text; None for NaN, which is what a quotient of nothing and nothing is."""
    if not isinstance(text, str):
        raise ValueError("a value is a text")  # noqa: TRY004  pydantic gathers these
    value = float(text)
    if math.isinf(value):
        raise ValueError("the value is infinite")
    return None if math.isnan(value) else value


type Point = tuple[FiniteFloat, Annotated[float | None, BeforeValidator(_value)]]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Instant(_Data):
    metric: dict[str, str]
    value: Point


class _Over(_Data):
    metric: dict[str, str]
    values: list[Point]


class _Vector(_Data):
    resultType: Literal["vector"]  # noqa: N815  as Prometheus writes it
    result: list[_Instant] = Field(max_length=MAX_SERIES)


class _Matrix(_Data):
    resultType: Literal["matrix"]  # noqa: N815
    result: list[_Over] = Field(max_length=MAX_SERIES)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A series' value at one moment."""

    labels: Mapping[str, str]
    value: float
    """Finite."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A series' values over time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]
    """Seconds since 1970 and a finite value, as they were sent: oldest first. A step without data has no point."""


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """One Prometheus. It raises `UnreachableError` if nobody answers, `OutsideError` if what answers is no use."""

    url: str
    """Without a slash at its end."""
    token: Path | None = None
    """A file, read for each question: a pod's token is another one every hour."""
    ca: Path | None = None
    timeout: float = field(default=TIMEOUT, repr=False)

    @classmethod
    def of(cls, settings: Settings, url: str | None = None) -> Self:
        """The one that the settings name, or another; `InputError` if there is none, or if it is no address."""
        written = url or settings.prometheus
        if not written:
            raise InputError("no address of a Prometheus is known", hint=_URL)
        return cls(url=_checked(written), token=settings.prometheus_token, ca=settings.prometheus_ca)

    def query(self, expression: str, *, at: float | None = None) -> tuple[Sample, ...]:
        """The value of each series now, or at a moment in seconds since 1970; NaN is left out: it says "no data"."""
        asked = {"query": expression} | ({"time": f"{at:.3f}"} if at is not None else {})
        found = self._result("query", asked, _Vector).result
        return tuple(Sample(labels=one.metric, value=value) for one in found if (value := one.value[1]) is not None)

    def range(self, expression: str, *, start: float, end: float, step: float) -> tuple[Series, ...]:
        """The values of each series from `start` to `end`, both included, every `step` seconds."""
        asked = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        found = self._result("query_range", asked, _Matrix).result
        return tuple(
            Series(labels=one.metric, points=tuple((at, value) for at, value in one.values if value is not None))
            for one in found
        )

    def _result[Data: _Data](self, path: str, asked: Mapping[str, str], form: type[Data]) -> Data:
        document = self._document(path, asked)
        try:
            return form.model_validate(document.get("data"))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "data"
            raise _formless(self.url, f"{place}: {first['msg']}, not {first['input']!r}") from None

    def _document(self, path: str, asked: Mapping[str, str]) -> Json:
        """What is answered, if it is a success. A part of an answer is none: Thanos is told so."""
        status, body = self._ask(f"{self.url}/api/v1/{path}", {**asked, "partial_response": "false"})
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        said = document.get("error") if isinstance(document, dict) else None
        shown = plain(said if isinstance(said, str) else body[:_SHOWN].decode(errors="replace")).strip()[:_SHOWN]
        if status in _NOBODY:
            raise UnreachableError(f"{self.url} answered with {status}: {shown}", hint="Is Prometheus up?")
        if status != HTTPStatus.OK:
            raise OutsideError(f"{self.url} answered with {status}: {shown}", hint=_HINTS.get(status, ""))
        if not isinstance(document, dict) or document.get("status") != "success":
            raise _formless(self.url, shown)
        return document

    def _ask(self, url: str, asked: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. No proxy is used and no redirect followed: neither is to see the token."""
        import httpx

        until = time.monotonic() + self.timeout
        stall = min(_STALL, self.timeout)
        options: dict[str, Any] = {"timeout": stall, "trust_env": False, "headers": self._headers()}
        try:
            with (
                httpx.Client(verify=self._certificates(), **options) as client,
                client.stream("GET", url, params=dict(asked)) as response,
            ):
                return response.status_code, self._content(response, until)
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise UnreachableError(f"{self.url} does not answer: {plain(said)[:_SHOWN]}", hint=_UP) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _formless(self.url, error) from None

    def _content(self, response: httpx.Response, until: float) -> bytes:
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > MAX_BYTES:
                raise OutsideError(f"{self.url} answered with more than {MAX_BYTES // 1_000_000} MB")
            if time.monotonic() > until:
                raise UnreachableError(f"{self.url} did not answer within {self.timeout:g} s", hint=_UP)
        return bytes(content)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}  # nothing that grows when it is unpacked
        if self.token is None:
            return headers
        try:
            token = self.token.read_text().strip()
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InputError(f"the token's file {self.token} cannot be read: {why}", hint=_TOKEN) from None
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InputError(f"the token's file {self.token} holds no token", hint=_TOKEN)
        return {**headers, "Authorization": f"Bearer {token}"}

    def _certificates(self) -> ssl.SSLContext | bool:
        """What the server is trusted by; reading all of a machine's takes longer than a question without them."""
        if not self.url.startswith("https:"):
            return False
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            hint = "Name a file of certificates (PEM) in SLIPWAY_PROMETHEUS_CA_FILE."
            raise InputError(f"{self.ca} cannot be read as certificates: {error.strerror}", hint=hint) from None


_UP = "Is it up, and can it be reached from here?"


def _formless(url: str, part: object) -> OutsideError:
    shown = plain(str(part))[:_SHOWN]
    return OutsideError(f"{url} does not answer as Prometheus does: {shown}", hint=_URL)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or not url.isascii() or not url.isprintable() or " " in url:
        raise InputError(f"{url!r} is no address of a Prometheus", hint=_URL)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError("a Prometheus' address has no user, no query and no fragment", hint=_TOKEN)
    return url.rstrip("/").removesuffix("/api/v1")
