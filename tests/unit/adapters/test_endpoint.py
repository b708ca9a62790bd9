"""Addresses as people write them, and answers as servers give them: each is taken whole, or refused in one message."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import KEY, fake, http, says

from slipway.adapters.endpoint import Answer, Endpoint, _brief, read
from slipway.adapters.line import EndpointError, Kind, Reply
from slipway.errors import InputError, OutsideError

GOOD: dict[str, Any] = {
    "data": {"names": ["no", "yes"], "ndarray": [[0.25, 0.75]]},
    "meta": {"tags": {"key": KEY, "labels": ["yes"]}},
}


def reply(document: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("https://host/seldon/ns/toy/", "https://host/seldon/ns/toy"),
        ("https://host/seldon/ns/toy/api/v1.0/predictions", "https://host/seldon/ns/toy"),
    ],
)
def test_an_address(written: str, url: str) -> None:
    assert Endpoint.parse(written).url == url


@pytest.mark.parametrize(
    "written",
    [
        "",
        "host:9000",
        "127.0.0.1:9000",
        "//host",
        "ftp://host",
        "file:///etc/passwd",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:99999",
        "http://host:x",
        "http://[::1",
        "http://me:secret@host",
        "http://host/?a=1",
        "http://host/#a",
        "http://ho st",
        "http://host/\r\nX: 1",
        "http://höst",
    ],
)
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(InputError) as failure:
        Endpoint.parse(written)
    assert "Write it as http://host:port" in str(failure.value)
    assert "secret" not in str(failure.value)


def test_an_answer() -> None:
    assert read(reply(GOOD)) == Answer(key=KEY, names=("no", "yes"), rows=((0.25, 0.75),), labels=("yes",))


def without(*path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    place = document
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return document


def test_a_regression_has_no_labels() -> None:
    assert read(reply(without("meta", "tags", "labels"))).labels == ()


def with_rows(rows: Any) -> dict[str, Any]:
    return {**GOOD, "data": {"names": ["no", "yes"], "ndarray": rows}}


def with_tags(tags: Any) -> dict[str, Any]:
    return {**GOOD, "meta": {"tags": tags}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (with_rows([[math.nan, 1]]), "no answer of a model"),
        (with_rows([[math.inf, 1]]), "no answer of a model"),
        (json.dumps(GOOD).replace("0.25", "1e999").encode(), "no answer of a model"),
        (json.dumps(GOOD).replace("0.25", "1" * 400).encode(), "no answer of a model"),
        (json.dumps(GOOD).replace("0.25", "1" * 5000).encode(), "no JSON document"),
        (with_rows([["0.25", "0.75"]]), "no answer of a model"),
        (with_rows([[True, False]]), "no answer of a model"),
        (with_rows([[None, None]]), "no answer of a model"),
        (with_rows(["ab"]), "no answer of a model"),
        (with_rows({"0": [1, 2]}), "no answer of a model"),
        (with_rows("ab"), "no answer of a model"),
        (with_tags({"key": 5}), "no answer of a model"),
        (with_tags({"key": KEY, "labels": "yes"}), "no answer of a model"),
        (with_tags({"key": KEY, "labels": [1]}), "no answer of a model"),
        (with_tags([]), "no answer of a model"),
        (without("meta", "tags", "key"), "no answer of a model"),
        (without("data", "names"), "no answer of a model"),
        (without("data"), "no answer of a model"),
        ([GOOD], "no JSON document"),
        (b"", "no JSON document"),
        (b"\xff\xfe", "no JSON document"),
        (b"<html>hello</html>", "no JSON document: b'<html>hello</html>'"),
        (b"[" * 1_000_000, "no JSON document"),
        (b'{"data":' * 200_000, "no JSON document"),
    ],
)
def test_what_is_no_answer_of_a_model(document: Any, said: str) -> None:
    with pytest.raises(EndpointError) as failure:
        read(reply(document))
    assert failure.value.kind == Kind.FORM
    assert said in failure.value.said
    assert len(failure.value.said) < 400


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (reply({"status": {"info": "columns are missing"}}, 400), "answered with 400: columns are missing"),
        (reply({"status": "no"}, 500), 'answered with 500: {"status": "no"}'),
        (reply({"status": {"info": ["\x1b[2J"]}}, 500), "answered with 500: "),
        (reply({"status": {"info": "a\nb\x1b[2J\ud800"}}, 500), "answered with 500: a b\N{REPLACEMENT CHARACTER}[2J"),
        (reply(b"no healthy upstream", 503), "answered with 503 and no JSON document: b'no healthy upstream'"),
        (reply({}, 204), "answered with 204: {}"),
        (
            Reply(status=302, body=b"", location="https://login.example.org/"),
            "answered with 302 and leads to https://login.example.org/",
        ),
        (Reply(status=301, body=b""), "answered with 301 and leads to nowhere"),
    ],
)
def test_a_refusal_is_told_with_its_code(answered: Reply, said: str) -> None:
    with pytest.raises(EndpointError) as failure:
        read(answered)
    assert failure.value.kind == str(answered.status)
    assert failure.value.said.startswith(said)
    assert failure.value.said.isprintable()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["data", "meta", "tags", "key", "names", "ndarray", "status", "info"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(_JSON, st.sampled_from([200, 301, 400, 500]))
def test_any_document_is_an_answer_or_a_reason(document: Any, status: int) -> None:
    try:
        found = read(reply(document, status))
    except EndpointError:
        return
    assert all(math.isfinite(value) for row in found.rows for value in row)


def test_a_redirect_is_not_followed() -> None:
    with (
        fake(says(http(json.dumps(GOOD)))) as elsewhere,
        fake(says(http("", "307 Temporary Redirect", f"Location: {elsewhere.url}"))) as server,
        pytest.raises(EndpointError, match=f"answered with 307 and leads to {elsewhere.url}"),
    ):
        Endpoint(url=server.url).ask([[1, 2]])


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with fake(says(http("pong"))) as server:
        endpoint = Endpoint(url=server.url)
        assert endpoint.is_up()
    assert not endpoint.is_up()
    with pytest.raises(OutsideError, match=f"{server.url} does not answer: "):
        endpoint.ask([[1]])


@given(st.floats(width=32))
def test_a_number_of_a_curl_line_is_as_brief_as_it_can_be(value: float) -> None:
    brief = _brief(value)
    assert isinstance(brief, float)
    assert np.float32(brief) == np.float32(value) or math.isnan(value)
    assert len(repr(brief)) <= len(repr(value))


def test_what_a_person_wrote_comes_back() -> None:
    assert [_brief(value) for value in (4.800000190734863, 1e300, None, "a", True)] == [4.8, 1e300, None, "a", True]
