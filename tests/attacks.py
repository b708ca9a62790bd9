"""Requests that nobody should send to a served model: drawn, as the bytes that go over the wire."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.served import NAMES, ROW, VALUES

PREDICT = "/api/v1.0/predictions"
PATHS = (
    *(PREDICT, "/api/v0.1/predictions", "/predict"),
    *("/api/v1.0/feedback", "/api/v0.1/feedback", "/send-feedback"),
    *("/v2", "/v2/models/toy", "/v2/models/toy/infer", "/v2/models/model/infer", "/v2/models/toy/ready"),
    *("/v2/health/live", "/v2/health/ready", "/health/ping", "/health/status", "/api/v1.0/health/status"),
    *("/metadata", "/api/v1.0/metadata", "/metrics", "/seldon.json"),
)
_UNKNOWN = (
    *(
        "/predict?json=\xff",
        "/metrics?\xe5",
        "/",
        "//",
        "/nothing",
        "/aggregate",
        "/../../etc/passwd",
        "/static/../wrapper.py",
        "/%2e%2e/%2e%2e/etc/passwd",
    ),
    *("/metadata%00", "/v2/models/toy/infer%00", "/%ff%fe", "/%zz", "/health/ping/", "/v2/models/" + "x" * 3000),
)
_TYPES = (
    *("application/json",) * 6,
    *(
        "application/json; charset=utf-16",
        "text/json",
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "a/b; \xff",
    ),
    *("multipart/form-data", "multipart/form-data; boundary=b", "application/octet-stream", "application/JSON"),
)
_MESSAGES: tuple[dict[str, Any], ...] = (
    {"data": {"names": NAMES, "ndarray": [VALUES, VALUES]}, "meta": {"puid": "p", "tags": {"a": [1]}}},
    {"data": {"names": NAMES, "tensor": {"shape": [1, 5], "values": VALUES}}},
    {"data": {"ndarray": [[7.5, 3, 1, "green", "01067"]]}, "meta": {"requestPath": {"a": "b"}}},
    {"jsonData": ROW},
    {"jsonData": [ROW, ROW]},
    {"id": "i", "inputs": [{"name": n, "shape": [1], "datatype": "FP64", "data": [v]} for n, v in ROW.items()]},
    {"inputs": [{"name": "all", "shape": [1, 5], "datatype": "FP64", "data": VALUES}]},
    {"reward": 0.5, "request": {"data": {"names": NAMES, "ndarray": [[1, 2]]}}, "truth": {"strData": "x"}},
    {"response": {"meta": {"routing": {"a": 1}, "tags": {"a": 1}}}, "truth": {"data": {"tensor": {"shape": [1]}}}},
)
_RAW = (
    *(b"NaN", b"-Infinity", b"1e400", b"-1e400", b"9" * 30, b"9" * 5000, b"-0", b"00", b"0x1", b"1e", b"'a'", b"\xff"),
    *(
        rb'"\ud800"',
        rb'"\udc00\ud800"',
        b'"\x00"',
        rb'"\u0000"',
        b'{"a":1,"a":2}',
        b"[" * 300 + b"]" * 300,
        b"\xef\xbb\xbf",
    ),
    *(b"[" * 2000 + b"]" * 2000, b"[" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500, b'"' + b"a" * 70_000 + b'"'),
)
"""What no JSON library writes; it stands where a text with its number stood."""


class Wanted(Enum):
    """What is to come of a request."""

    ANSWER = auto()
    """It is HTTP: an answer, but none of 500."""
    REFUSAL = auto()
    """It is none: an answer of 400 or the like."""
    NOTHING = auto()
    """It is not whole, or nobody waits for the answer."""


@dataclass(frozen=True)
class Attack:
    """What is sent on a connection of its own."""

    sent: bytes
    wanted: Wanted
    answers: int = 1


_LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([*VALUES, 0, -1, 10**20])
)
_JSON = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=5,
)
_VALUE = _LEAF | _JSON | st.integers(0, len(_RAW) - 1).map(lambda at: f"@{at}@")


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there is a value in a document."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else ())
    )
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


def changed(document: Any, place: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of a document with a value replaced; the old one stays where `change` gives it back."""
    if not place:
        return change(document)
    first, *rest = place
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[first] = changed(document[first], tuple(rest), change)
    return copy


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A message with none to three values replaced, dropped, doubled or turned around."""
    document: Any = draw(st.sampled_from(_MESSAGES))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(document)))
        document = changed(
            document, place, draw(st.sampled_from([_turned, _dropped, _doubled]) | _VALUE.map(_constant))
        )
    body = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for number, raw in enumerate(_RAW):
        body = body.replace(f'"@{number}@"'.encode(), raw)
    return body


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _turned(value: Any) -> Any:
    return value[::-1] if isinstance(value, list | str) else value


def _dropped(value: Any) -> Any:
    return value[1:] if isinstance(value, list | str) else {}


def _doubled(value: Any) -> Any:
    return value * 2 if isinstance(value, list | str) else [value]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A document as it is, or damaged as a text."""
    body = draw(documents())
    if draw(st.integers(0, 2)):
        return body
    cut = draw(st.integers(0, len(body)))
    damaged = (
        body[:cut],
        body[:cut] + draw(st.binary(max_size=3)) + body[cut + 1 :],
        draw(st.binary(max_size=40)),
        *(b"", b"\xef\xbb\xbf" + body, body + body, body + b"\0", b"\n" * 100),
        body.decode("utf-8", "replace").encode("utf-16"),
        gzip.compress(body, mtime=0),
    )
    return draw(st.sampled_from(damaged))


def rendered(method: str, path: str, headers: Mapping[str, Any], body: bytes = b"", version: str = "1.1") -> bytes:
    """A request as it is sent."""
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **headers}.items())
    return f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode("latin-1") + body


def _chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _form(body: bytes, kind: str) -> bytes:
    if "urlencoded" in kind:
        return b"json=" + quote(body[:50_000]).encode()
    if "boundary" in kind:
        names = (b'name="data"', b'name="jsonData"; filename="x"', b'name="binData"; filename="y"', b'name="strData"')
        parts = [b"--b\r\nContent-Disposition: form-data; " + name + b"\r\n\r\n" + body + b"\r\n" for name in names]
        return b"".join(parts) + b"--b--\r\n"
    return body


@st.composite
def requests(draw: st.DrawFn) -> Attack:
    """A whole request, and right as HTTP has it."""
    kind = draw(st.sampled_from(_TYPES))
    body = _form(draw(bodies()), kind)
    path = draw(st.sampled_from(PATHS) | st.sampled_from(PATHS[:9]) | st.sampled_from(_UNKNOWN))
    method = draw(
        st.sampled_from(["POST"] * 9 + ["GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
    )
    if method == "GET" and draw(st.booleans()):
        path, body = f"{path}?json={quote(body)[:3000]}", b""
    headers: dict[str, Any] = {"Content-Type": kind, "Connection": "close"}
    more = draw(
        st.sampled_from([{}, {}, {}, {}, _FLOOD, {"Content-Encoding": "gzip"}, {"Upgrade": "websocket"}, _STRANGE])
    )
    if draw(st.integers(0, 7)) == 0:
        headers |= {"Transfer-Encoding": "chunked"} | more
        return Attack(
            rendered(method, path, headers, _chunked(body, draw(st.sampled_from([1, 7, 60_000])))), Wanted.ANSWER
        )
    headers |= {"Content-Length": len(body)} | more
    return Attack(rendered(method, path, headers, body, draw(st.sampled_from(["1.1"] * 7 + ["1.0"]))), Wanted.ANSWER)


_FLOOD = {f"X-{number}": "y" * 50 for number in range(80)}
_STRANGE = {
    "Expect": "nonsense",
    "Range": "bytes=9-1",
    "If-None-Match": "\xff",
    "Origin": "http://[",
    "Cookie": "a;b=;;=c",
}


@st.composite
def pipelines(draw: st.DrawFn) -> Attack:
    """Requests that do not wait for each other's answers."""
    parts = draw(st.lists(bodies().filter(lambda body: len(body) < 10_000), min_size=2, max_size=4))
    kind = {"Content-Type": "application/json"}
    sent = [rendered("POST", PREDICT, {**kind, "Content-Length": len(body)}, body) for body in parts]
    last = rendered("GET", "/health/ping", {"Connection": "close"})
    return Attack(b"".join(sent) + last, Wanted.ANSWER, len(parts) + 1)


@st.composite
def broken(draw: st.DrawFn) -> Attack:
    """What is no HTTP."""
    body = draw(bodies())
    kind = {"Content-Type": "application/json"}
    length = {**kind, "Content-Length": len(body)}
    chunked = {**kind, "Transfer-Encoding": "chunked"}
    return Attack(
        draw(
            st.sampled_from(
                [
                    rendered("POST", PREDICT, {**kind, "Content-Length": lie}, body)
                    for lie in ("-5", "abc", "+5", "1, 2", "0x10")
                ]
                + [
                    rendered("POST", PREDICT, chunked, size + b"\r\n" + body + b"\r\n0\r\n\r\n")
                    for size in (b"zz", b"-5", b"", b"1;\x00=")
                ]
                + [
                    rendered("POST", PREDICT, {**length, **chunked}, body),
                    rendered("POST", PREDICT, {**length, "content-length": 1}, body),
                    rendered("POST", PREDICT, length, body, "9.9"),
                    rendered("POST", PREDICT, {**length, "X\xe9": "a"}, body),
                    rendered("POST", PREDICT, {**length, "X": "a\0b"}, body),
                    rendered("POST", PREDICT, {**length, **{f"X-{number}": "y" for number in range(3000)}}, body),
                    rendered("POST", PREDICT, {**length, "X": "y" * 100_000}, body),
                    rendered("post", PREDICT, length, body),
                    rendered("GET", "/" + "x" * 9000, {}),
                    rendered("GET", "nowhere", {}),
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"\x00\xff\x01garbage\r\n\r\n",
                    b"GET /health/ping HTTP/1.1\r\nHost x\r\n\r\n",
                ]
            )
        ),
        Wanted.REFUSAL,
    )


@st.composite
def torn(draw: st.DrawFn) -> Attack:
    """A request whose end never comes."""
    whole = draw(requests())
    return Attack(whole.sent[: draw(st.integers(0, len(whole.sent) - 1))], Wanted.NOTHING)


ATTACKS = st.one_of(*[requests()] * 12, pipelines(), broken(), torn())
