"""What a Prometheus is asked, and what is made of answers that are none of a Prometheus."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.endpoints import fake, http, says

from slipway.adapters import prometheus
from slipway.adapters.prometheus import Prometheus, Sample
from slipway.errors import InputError, OutsideError, UnreachableError
from slipway.settings import Settings

FREE = "http://127.0.0.1:1"


def vector(*pairs: tuple[dict[str, str], str]) -> dict[str, Any]:
    return success("vector", [{"metric": labels, "value": [1.5, value]} for labels, value in pairs])


def success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


@contextmanager
def answering(body: Any, status: str = "200 OK", *headers: str) -> Iterator[Prometheus]:
    with fake(says(http(body if isinstance(body, str | bytes) else json.dumps(body), status, *headers))) as server:
        yield Prometheus(url=server.url)


@contextmanager
def recording() -> Iterator[tuple[Prometheus, list[tuple[str, str | None]]]]:
    """A server that answers with nothing, and notes the path and the token of each request."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            kind = "matrix" if "query_range" in self.path else "vector"
            content = json.dumps(success(kind, [])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Prometheus(url=f"http://127.0.0.1:{server.server_port}"), seen
        finally:
            server.shutdown()
            thread.join()


def test_the_samples_of_a_moment() -> None:
    with answering(vector(({"code": "200"}, "12"), ({"code": "500"}, "NaN"), ({}, "1e-3"))) as server:
        assert server.query("up") == (Sample(labels={"code": "200"}, value=12), Sample(labels={}, value=1e-3))


def test_series_over_time() -> None:
    result = [{"metric": {"key": "k"}, "values": [[10, "1"], [25, "NaN"], [40.5, "2"]]}]
    with answering(success("matrix", result)) as server:
        (one,) = server.range("up", start=10, end=40.5, step=15)
    assert (one.labels, one.points) == ({"key": "k"}, ((10, 1), (40.5, 2)))


def test_what_is_asked_for() -> None:
    with recording() as (server, seen):
        server.query('up{a="b&c"}', at=12.25)
        server.query("up")
        server.range("up", start=1, end=2, step=0.5)
    asked = [(urlsplit(path).path, parse_qs(urlsplit(path).query)) for path, _ in seen]
    whole = {"partial_response": ["false"]}
    assert asked == [
        ("/api/v1/query", {"query": ['up{a="b&c"}'], "time": ["12.250"], **whole}),
        ("/api/v1/query", {"query": ["up"], **whole}),
        ("/api/v1/query_range", {"query": ["up"], "start": ["1.000"], "end": ["2.000"], "step": ["0.500"], **whole}),
    ]


def test_a_token_is_read_anew_for_each_question_and_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with recording() as (server, seen):
        asking = replace(server, token=token)
        for text in ("first\n", "second"):
            token.write_text(text)
            asking.query("up")
    assert [held for _, held in seen] == ["Bearer first", "Bearer second"]
    assert "second" not in repr(asking)


@pytest.mark.parametrize("content", [None, b"", b"two words", b"a\nb", b"\xff"])
def test_a_token_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    with pytest.raises(InputError, match="token's file"):
        Prometheus(url=FREE, token=token).query("up")


def test_certificates_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="certificates"):
        Prometheus(url="https://127.0.0.1:1", ca=tmp_path / "no.pem").query("up")


def test_neither_a_redirect_nor_a_proxy_sees_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    with recording() as (elsewhere, seen), answering("", "302 Found", f"Location: {elsewhere.url}/") as server:
        monkeypatch.setenv("http_proxy", elsewhere.url)
        with pytest.raises(OutsideError, match="302"):
            replace(server, token=token).query("up")
    assert seen == []


WRONG: list[Any] = [
    "",
    "<html>",
    "[" * 100_000,
    [],
    {},
    {"status": "success"},
    {"status": "error", "error": "no\x1b[2J"},
    success("scalar", [1, "1"]),
    success("vector", {}),
    success("vector", [1]),
    success("vector", [{"metric": {}}]),
    success("vector", [{"metric": [], "value": [1, "1"]}]),
    success("vector", [{"metric": {"a": 1}, "value": [1, "1"]}]),
    success("vector", [{"metric": {}, "value": [1, 1]}]),
    success("vector", [{"metric": {}, "value": [1, "x"]}]),
    success("vector", [{"metric": {}, "value": [1, "+Inf"]}]),
    success("vector", [{"metric": {}, "value": [1, "1e999"]}]),
    success("vector", [{"metric": {}, "value": [1]}]),
    '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [NaN, "1"]}]}}',
    success("vector", [{"metric": {}, "value": [1, "1"]}] * (prometheus.MAX_SERIES + 1)),
]


@pytest.mark.parametrize("body", WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_what_is_no_answer_of_a_prometheus(body: Any) -> None:
    with answering(body) as server, pytest.raises(OutsideError) as found:
        server.query("up")
    assert "\x1b" not in str(found.value)
    assert len(str(found.value)) < 600


NAMES = ["resultType", "result", "metric", "value", "values"]


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    )
)
def test_whatever_is_sent_is_samples_or_one_error(data: Any) -> None:
    with answering({"status": "success", "data": data}) as server:
        for ask in (server.query, lambda text: server.range(text, start=0, end=1, step=1)):
            with suppress(OutsideError):
                assert all(math.isfinite(one.value) for one in ask("up") if isinstance(one, Sample))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", OutsideError),
        ("401 Unauthorized", OutsideError),
        ("404 Not Found", OutsideError),
        ("500 Internal Server Error", OutsideError),
        ("502 Bad Gateway", UnreachableError),
        ("503 Service Unavailable", UnreachableError),
    ],
)
def test_a_refusal_says_what_the_server_said(status: str, kind: type[OutsideError]) -> None:
    with answering({"status": "error", "error": "parse error"}, status) as server, pytest.raises(kind) as found:
        server.query("up")
    assert type(found.value) is kind
    assert "parse error" in str(found.value)
    assert ("TOKEN_FILE" in str(found.value)) is ("401" in status)


def test_nobody_answers() -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Prometheus(url=FREE).query("up")
    with pytest.raises(UnreachableError, match="does not answer"):
        Prometheus(url="http://nobody.invalid").query("up")


def test_an_answer_that_never_ends() -> None:
    with answering(b"x" * (prometheus.MAX_BYTES + 1)) as server, pytest.raises(OutsideError, match="more than 10 MB"):
        server.query("up")


def test_an_answer_that_comes_a_byte_at_a_time() -> None:
    def drip(line: socket.socket, _: bytes) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        over = threading.Event()
        for _byte in range(100):
            line.sendall(b" ")
            over.wait(0.05)

    with fake(drip) as server, pytest.raises(UnreachableError, match=r"within 0\.2 s"):
        Prometheus(url=server.url, timeout=0.2).query("up")


@pytest.mark.parametrize(
    "url", ["", "prometheus:9090", "ftp://host", "http://", "http://me:secret@host", "http://host/?a=1", "http://a b"]
)
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Prometheus") as found:
        Prometheus.of(settings(tmp_path), url)
    assert "secret" not in str(found.value)
    assert "SLIPWAY_PROMETHEUS" in str(found.value)


def test_the_settings_name_one(tmp_path: Path) -> None:
    named = replace(settings(tmp_path), prometheus="https://thanos:9091/", prometheus_token=Path("t"))
    assert Prometheus.of(named) == Prometheus(url="https://thanos:9091", token=Path("t"))
    assert Prometheus.of(named, "http://here:9090/api/v1").url == "http://here:9090"


def settings(repo: Path) -> Settings:
    return Settings(repo=repo, store="", tracking_uri="")
