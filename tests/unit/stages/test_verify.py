"""The stage against servers on plain sockets: what it asks, what it makes of the answers, and when it gives up."""

from __future__ import annotations

import itertools
import json
import socket
import time
from typing import Any

import pytest
from tests.endpoints import KEY, OTHER, Act, card, fake, http, model, says

from slipway.adapters.endpoint import Endpoint
from slipway.adapters.line import EndpointError
from slipway.errors import OutsideError
from slipway.results import ModelCard
from slipway.stages import verify
from slipway.verification.document import Verification
from slipway.verification.findings import Limits

CARD = card()
ALONE = 2 * len(CARD.golden)
ALL = ALONE + 2
WARM = 3


def run(act: Act, *, requests: int = 20, clients: int = 2, timeout: float = 10.0, of: ModelCard = CARD) -> Verification:
    seen: list[tuple[int, str]] = []
    with fake(act) as server:
        endpoint = Endpoint(url=server.url, timeout=timeout)
        asked = verify.Asked(
            url=endpoint.url,
            connect=endpoint.connect,
            counts=lambda: verify.counts(endpoint, None),
            clock=time.perf_counter,
        )
        limits = Limits(max_p99_ms=None, requests=requests, clients=clients)
        found = verify.run(of, asked, limits, lambda done, remark: seen.append((done, remark)))
        assert seen[-1][0] <= verify.steps(of, limits)
    return found


def failures(found: Verification) -> dict[str, str]:
    return {reason.check: reason.text for reason in found.reasons if reason.state == "fail"}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_reviewed_model_is_verified(task: str) -> None:
    of = card(task)
    found = run(model(classes=of.classes), of=of)
    assert found.passed
    assert (found.keys, found.errors, found.largest, found.counted) == ({KEY: ALL + 20}, {}, 0.0, None)


def test_columns_by_name_come_in_another_order_than_by_position() -> None:
    names: set[tuple[str, ...]] = set()
    sizes: set[int] = set()

    def act(line: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST"):
            data = json.loads(request.partition(b"\r\n\r\n")[2])["data"]
            names.add(tuple(data["names"]))
            sizes.add(len(data["ndarray"]))
        model()(line, request)

    assert run(act).passed
    assert (names, sizes) == ({(), ("colour", "width")}, {1, len(CARD.golden)})


def every(number: int, change: Any) -> Any:
    """Change each so manieth answer."""
    count = itertools.count(1)
    return lambda answer: change(answer) if next(count) % number == 0 else answer


def of_another(answer: dict[str, Any]) -> dict[str, Any]:
    answer["meta"]["tags"]["key"] = OTHER
    return answer


def mislabelled(answer: dict[str, Any]) -> dict[str, Any]:
    answer["meta"]["tags"]["labels"] = answer["meta"]["tags"]["labels"][::-1] * 2
    return answer


def after(number: int, then: Act) -> Act:
    """Answer so many predictions as the model, and every later one another way."""
    count = itertools.count()

    def act(line: socket.socket, request: bytes) -> None:
        is_late = request.startswith(b"POST") and next(count) >= number
        (then if is_late else model())(line, request)

    return act


def test_another_release_that_answers_now_and_then_is_found() -> None:
    found = run(model(every(7, of_another)))
    assert set(failures(found)) == {"key"}
    assert "answers carry another key than abababab: cdcdcdcd" in failures(found)["key"]


def test_wrong_labels_are_found() -> None:
    assert set(failures(run(model(mislabelled)))) == {"labels"}


def test_errors_under_load_are_counted_by_code() -> None:
    refuse = says(http('{"status": {"info": "busy"}}', "503 Service Unavailable"))
    found = run(after(ALL + 2 * WARM + 15, refuse))
    assert found.errors == {"503": 5}
    assert failures(found) == {
        "errors": "5 of 20 requests failed under load: 503 (5); the first answered with 503: busy"
    }


def test_a_request_that_is_dropped_is_seen() -> None:
    count = itertools.count()

    def act(line: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST") and next(count) == ALL + 2 * WARM + 7:
            line.close()
        else:
            model()(line, request)

    found = run(act)
    assert found.errors == {"no connection": 1}
    assert failures(found)["errors"].startswith("1 of 20 requests failed under load: no connection (1)")


def test_an_endpoint_that_stops_to_answer_is_given_up() -> None:
    began = time.monotonic()
    found = run(after(ALL + 2 * WARM + 4, lambda *_: time.sleep(1)), timeout=0.1, requests=1000)
    assert time.monotonic() - began < 3
    assert "it stopped answering, and 99" in failures(found)["errors"]


def test_one_that_stops_in_between_is_given_up_too() -> None:
    found = run(after(2, lambda line, _: line.close()))
    assert failures(found)["answers"].startswith("3 of 5 golden requests got no answer: it does not answer: ")
    assert f"and {ALL - 5 + 20} requests were given up" in failures(found)["errors"]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (says(b"220 mail.example.org ESMTP\r\n"), "answered with what is not HTTP: 220 mail"),
        (lambda line, _: line.close(), "does not answer"),
        (lambda *_: time.sleep(1), "did not answer within 0.2 s"),
    ],
)
def test_where_nothing_answers_that_is_the_error(act: Act, said: str) -> None:
    with pytest.raises(OutsideError, match=rf"^http://127.0.0.1:\d+ {said}"):
        run(act, timeout=0.2)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (says(http("<html>")), "answered with 200 and no JSON document"),
        (says(http("x" * (9 << 20))), "answered with 200 and more than 8 MB"),
        (says(http("[" * 100_000)), "answered with 200 and no JSON document"),
        (says(http("{}")), "which is no answer of a model"),
        (says(http("", "302 Found", "Location: /login")), "answered with 302 and leads to /login"),
        (model(lambda answer: {**answer, "data": {"names": ["t"], "ndarray": [[0]]}}), "not 1 of 'no', 'yes'"),
    ],
)
def test_what_is_no_model_is_one_reason(act: Act, said: str) -> None:
    found = run(act)
    assert [reason.check for reason in found.reasons] == ["answers"]
    assert said in failures(found)["answers"]


def test_each_client_has_a_line_of_its_own_and_keeps_it() -> None:
    ports: set[int] = set()

    def act(line: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST"):
            ports.add(line.getpeername()[1])
        model()(line, request)

    assert run(act, clients=3, requests=60).passed
    assert len(ports) == 1 + 3


METRICS = """\
# TYPE slipway_requests_total counter
slipway_requests_total{transport="rest",code="200"} 12
slipway_requests_total{code="200",transport="grpc"} 3.0
slipway_requests_total{transport="rest",code="503"} 2
slipway_requests_total_more{code="500"} 9
slipway_requests_total{code="500"} NaN
slipway_requests_total{code="500"} -1
slipway_requests_total{code="500"} 1e300
slipway_requests_total{code="999"} 1
slipway_requests_total{code="500"}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (METRICS, {"200": 15, "503": 2, "500": 0}),
        ("slipway_requests_total{" * 300_000, None),
        ("\n".join(['slipway_requests_total{code="500"} 1'] * 100_000), {"500": 100_000}),
        ("", None),
        (b"\xff\x00", None),
    ],
)
def test_what_a_server_counts(body: str | bytes, expected: dict[str, int] | None) -> None:
    began = time.monotonic()
    with fake(says(http(body))) as server:
        assert verify.counts(Endpoint(url=server.url), None) == expected
        named = verify.counts(Endpoint(url="http://127.0.0.1:9"), f"{server.url}/metrics")
    assert time.monotonic() - began < 2
    if expected is None:
        assert isinstance(named, EndpointError)
        assert named.said == "answered with 200 and counts no slipway_requests_total"
    else:
        assert named == expected


def test_metrics_that_are_not_there() -> None:
    endpoint = Endpoint(url="http://127.0.0.1:9")
    assert verify.counts(endpoint, None) is None
    assert isinstance(verify.counts(endpoint, "http://127.0.0.1:9/metrics"), EndpointError)
