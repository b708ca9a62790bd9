"""Whatever is sent to a served model is answered or refused, and the server stays as it was."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from tests.attacks import ATTACKS, PREDICT, Attack, Wanted, rendered
from tests.processes import HOST, Group, files, resident, serving
from tests.served import NAMES, ROW, VALUES, make

GOOD = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES]}}).encode()
JSON = {"Content-Type": "application/json"}
EVERY = 500
"""Attacks between two looks at the server."""
WAITED = 2.0
"""Seconds for a small request, on a machine that has other work; one that waits for the slow client takes longer."""
GROWTH = 10 * 2**20
MOST = 640 * 2**20
"""Bytes of all processes while eight clients send the largest requests that are read; it was 1.6 GB without bounds."""
INSIDES = ("Traceback", "site-packages", "slipway/", 'File "')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("classification", tmp_path_factory.mktemp("repository"))
    place = tmp_path_factory.mktemp("model")
    (place / "model.onnx").write_bytes(made.onnx)
    (place / "model.json").write_bytes(made.card.to_json())
    return place


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    with serving(folder, tmp_path_factory.mktemp("work")) as group:
        yield group


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


def exchanged(port: int, sent: bytes, *, answers: int = 1, head: bool = False, wait: float = 30) -> list[Answer]:
    """What comes back on a connection of its own; less than was asked for if the server closes it before."""
    with socket.create_connection((HOST, port), timeout=wait) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may be refused before all is sent
            connection.sendall(sent)
        return list(_read(connection, answers, head=head))


def _read(connection: socket.socket, answers: int, *, head: bool) -> Iterator[Answer]:
    class Connection:
        def makefile(self, _: str) -> io.BufferedReader:
            return stream

    with connection.makefile("rb") as stream:
        stream.close, close = (lambda: None), stream.close  # type: ignore[method-assign]  # one answer would close it for the next
        try:
            for _ in range(answers):
                response = http.client.HTTPResponse(Connection(), method="HEAD" if head else "POST")  # type: ignore[arg-type]
                try:
                    response.begin()
                    yield Answer(response.status, response.getheader("content-type") or "", response.read())
                except (http.client.BadStatusLine, ConnectionResetError):
                    return
        finally:
            close()


def check(answer: Answer, *, of: str) -> None:
    """Whether an answer is one that anybody may get."""
    assert answer.status < 500, (of, answer)
    if answer.status >= 400 and answer.body and of == "http":
        document = json.loads(answer.body)
        said = document["error"] if "error" in document else document["status"]["info"]
        assert said
        assert not any(part in said for part in INSIDES), said


@dataclass
class Watch:
    """What a server is made of, and whether that stays."""

    group: Group
    sent: int = 0
    workers: tuple[int, ...] = ()
    sizes: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def look(self) -> None:
        """Note how it is, after a good request was answered rightly."""
        (answer,) = exchanged(self.group.http, rendered("POST", PREDICT, {**JSON, "Content-Length": len(GOOD)}, GOOD))
        assert answer.status == 200
        assert sum(json.loads(answer.body)["data"]["ndarray"][0]) == pytest.approx(1)
        workers = tuple(map(self.group.worker, (self.group.http, self.group.metrics, self.group.grpc)))
        assert workers == (self.workers or workers), self.group.said()[-2000:]
        self.workers = workers
        time.sleep(0.05)  # for connections to be closed on the other side as well
        self.sizes.append(resident(workers[0]))
        self.opened.append(files(workers[0]))

    def attack(self, attack: Attack, port: int) -> None:
        """Send one, and check what comes back."""
        of = "http" if port == self.group.http else "metrics"
        if attack.wanted is Wanted.NOTHING:
            with socket.create_connection((HOST, port)) as connection:
                connection.sendall(attack.sent)
        else:
            head = attack.sent.startswith(b"HEAD")
            found = exchanged(port, attack.sent, answers=attack.answers, head=head)
            assert len(found) == attack.answers, (attack, found)
            for answer in found:
                check(answer, of=of)
                self.statuses[answer.status] += 1
            assert attack.wanted is Wanted.ANSWER or found[0].status >= 400, (attack, found)
        self.sent += 1
        if self.sent % EVERY == 0:
            self.look()


@pytest.mark.slow
def test_ten_thousand_hostile_requests_leave_a_server_as_it_was(served: Group) -> None:
    watch = Watch(served)
    watch.look()

    @settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
    @given(ATTACKS, st.integers(0, 19))
    def attack(attack: Attack, to: int) -> None:
        watch.attack(attack, served.metrics if to == 0 else served.http)

    attack()
    watch.look()
    assert watch.sent >= 10_000
    assert watch.statuses[200] > 500
    assert watch.sizes[-1] - watch.sizes[1_000 // EVERY] < GROWTH, watch.sizes
    assert max(watch.opened[2:]) - min(watch.opened[2:]) <= 5, watch.opened
    assert "Traceback" not in served.said()


def test_requests_that_are_too_large_are_refused_and_large_ones_answered(served: Group) -> None:
    row = json.dumps(VALUES).encode()
    rows = b",".join([row] * (15 * 2**20 // (len(row) + 1)))
    large = b'{"data":{"names":' + json.dumps(NAMES).encode() + b',"ndarray":[' + rows + b"]}}"
    for body, status in ((large, 200), (large[:-9], 400), (b"[" * 15 * 2**20, 400), (large + b" " * 2**25, 413)):
        sent = rendered("POST", PREDICT, {**JSON, "Content-Length": len(body)}, body)
        (answer,) = exchanged(served.http, sent, wait=60)
        assert answer.status == status
        check(answer, of="http")
    (answer,) = exchanged(served.http, rendered("POST", PREDICT, {**JSON, "Content-Length": 10**12}, b" " * 2**26))
    assert answer.status == 413


@pytest.mark.slow
def test_many_large_requests_at_once_are_read_in_turn(served: Group) -> None:
    row = json.dumps(VALUES).encode()
    rows = b",".join([row] * (15 * 2**20 // (len(row) + 1)))
    body = b'{"data":{"names":' + json.dumps(NAMES).encode() + b',"ndarray":[' + rows + b"]}}"
    sent = rendered("POST", PREDICT, {**JSON, "Content-Length": len(body)}, body)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(exchanged, served.http, sent, wait=100) for _ in range(8)]
        most = 0
        while not all(one.done() for one in asked):
            most = max(most, served.memory())
            time.sleep(0.05)
        assert [answer.status for one in asked for answer in one.result()] == [200] * 8
    assert most < MOST


def test_a_slow_client_is_waited_for_and_keeps_nobody_waiting(served: Group) -> None:
    sent = rendered("POST", PREDICT, {**JSON, "Content-Length": len(GOOD)}, GOOD)
    with socket.create_connection((HOST, served.http), timeout=10) as slow:
        for at in range(0, len(sent), 20):
            slow.sendall(sent[at : at + 20])
            time.sleep(0.1)
            began = time.monotonic()
            exchanged(served.http, sent)
            assert time.monotonic() - began < WAITED
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [70_000, 5 * 2**20])
def test_large_requests_do_not_wait_for_large_ones_that_do_not_come(served: Group, size: int) -> None:
    body = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES] * 5_000}}).encode()
    sent = rendered("POST", PREDICT, {**JSON, "Content-Length": len(body)}, body)
    assert len(body) > 2**17
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            slow = stack.enter_context(socket.create_connection((HOST, served.http), timeout=10))
            slow.sendall(rendered("POST", PREDICT, {**JSON, "Content-Length": 15 * 2**20}, b" " * size))
        time.sleep(0.2)
        began = time.monotonic()
        for _ in range(3):
            (answer,) = exchanged(served.http, sent)
            assert answer.status == 200
        assert time.monotonic() - began < 3 * WAITED


@pytest.mark.parametrize("garbage", [b"nonsense\r\n\r\n", b"\0" * 9000])
@pytest.mark.parametrize("good", [1, 3])
def test_garbage_is_not_refused_in_the_place_of_an_answer(served: Group, garbage: bytes, good: int) -> None:
    status = rendered("GET", "/health/status", {})  # the wrapper answers it, from a thread
    for at in range(5):
        found = exchanged(served.http, status * good + garbage, answers=good + 1)
        assert [answer.status for answer in found[:good]] == [200] * good, at
        assert all(answer.status >= 400 for answer in found[good:])


def test_a_request_broken_off_by_garbage_does_not_hold_up_those_before(served: Group) -> None:
    broken = rendered("POST", PREDICT, {**JSON, "Transfer-Encoding": "chunked"}, b"5\r\n12345\r\nnonsense\r\n")
    began = time.monotonic()
    found = exchanged(served.http, rendered("GET", "/health/status", {}) * 2 + broken, answers=3)
    assert [answer.status for answer in found] == [200, 200]
    (alone,) = exchanged(served.http, broken, answers=2)
    assert alone.status == 400
    assert time.monotonic() - began < 5 * WAITED


def test_a_head_with_a_body_hides_no_other_request(served: Group) -> None:
    hidden = rendered("GET", "/metadata", {})
    sent = rendered("HEAD", "/health/ping", {"Content-Length": len(hidden)}, hidden)
    with socket.create_connection((HOST, served.http), timeout=10) as connection:
        connection.sendall(sent + rendered("GET", "/nothing", {"Connection": "close"}))
        came = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [came.count(b"HTTP/1.1"), came.count(b"HTTP/1.1 404")] == [2, 1]


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        (rb'{"puid": "\ud800"}', "cannot be written"),
        (rb'{"tags": {"\udfff": 1}}', "cannot be written"),
        (b'{"tags": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}", "cannot be written"),
        (b'{"tags": {"a": ' + b"9" * 40 + b', "b": NaN}}', "cannot be written"),
        (b'{"tags": {"a": ' + b"9" * 5000 + b', "b": NaN}}', "no JSON"),
    ],
)
def test_what_cannot_come_back_is_refused(served: Group, meta: bytes, said: str) -> None:
    body = GOOD[:-1] + b', "meta": ' + meta + b"}"
    (answer,) = exchanged(served.http, rendered("POST", PREDICT, {**JSON, "Content-Length": len(body)}, body))
    assert answer.status == 400
    assert said in json.loads(answer.body)["status"]["info"]


@pytest.mark.parametrize(
    "reward",
    [
        *("5", "null", "[1]", '{"reward": "NaN"}', '{"reward": "-Infinity"}', '{"request": 5}'),
        *(r'{"\ud800": 1}', r'{"request": {"\ud800": 1}}', r'{"request": {"meta": {"tags": {"\ud800": 1}}}}'),
    ],
)
@pytest.mark.parametrize("form", [False, True])
def test_feedback_that_is_none_is_refused_and_not_summed(served: Group, reward: str, form: bool) -> None:  # noqa: FBT001
    body = ("json=" + quote(reward)).encode() if form else reward.encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    headers = {"Content-Type": kind, "Content-Length": len(body)}
    (answer,) = exchanged(served.http, rendered("POST", "/api/v1.0/feedback", headers, body))
    assert answer.status == 400, answer
    check(answer, of="http")
    (metrics,) = exchanged(served.metrics, rendered("GET", "/metrics", {}))
    rewards = [line for line in metrics.body.lower().splitlines() if line.startswith(b"seldon_api_model_feedback")]
    assert rewards
    assert not [line for line in rewards if b"nan" in line or b"inf" in line.rpartition(b" ")[2]]


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("depth", [249, 250, 251, 252, 253, 254, 300])
def test_tags_are_answered_or_refused_however_deep_they_are(served: Group, depth: int, form: bool) -> None:  # noqa: FBT001
    body = GOOD[:-1] + b', "meta": {"tags": {"x": ' + b"[" * depth + b"]" * depth + b"}}}"
    sent = b"json=" + quote(body).encode() if form else body
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    (answer,) = exchanged(
        served.http, rendered("POST", PREDICT, {"Content-Type": kind, "Content-Length": len(sent)}, sent)
    )
    assert answer.status == (400 if depth > 251 else 200), answer


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/api/v1.0/feedback", "application/json", b'{"reward": 0.5}'),
        (PREDICT, "application/x-www-form-urlencoded", b"json=" + quote(GOOD).encode()),
        (PREDICT, "application/json", GOOD),
    ],
)
def test_what_comes_in_chunks_is_read_by_the_wrapper_too(served: Group, path: str, kind: str, body: bytes) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    sent = rendered("POST", path, {"Content-Type": kind, "Transfer-Encoding": "chunked"}, chunks)
    (answer,) = exchanged(served.http, sent)
    assert answer.status == 200, answer


def test_a_method_that_is_not_allowed_is_told_which_are(served: Group) -> None:
    with contextlib.closing(http.client.HTTPConnection(HOST, served.http, timeout=10)) as connection:
        connection.request("DELETE", PREDICT)
        answer = connection.getresponse()
        assert answer.status == 405
        assert "POST" in (answer.getheader("allow") or "")


_NUMBERS = st.floats() | st.integers(-5, 5).map(float)
_PLAIN = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "x"]), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """A Seldon message as a protocol buffer, right or not."""
    message = prediction_pb2.SeldonMessage()
    rows = draw(st.sampled_from([[VALUES], [VALUES] * 2, [VALUES[:3]]]) | st.lists(_PLAIN, max_size=2))
    if draw(st.booleans()):
        message.data.names.extend(draw(st.sampled_from([NAMES, NAMES[::-1], ["x"]])))
    match draw(st.integers(0, 4)):
        case 0 | 1:
            for row in rows:
                filled(message.data.ndarray.values.add(), row)
        case 2:
            message.data.tensor.shape.extend(
                draw(st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(0, 5), max_size=3))
            )
            message.data.tensor.values.extend(draw(st.lists(_NUMBERS, max_size=10)))
        case 3:
            filled(message.jsonData, draw(st.sampled_from([ROW, [ROW]]) | _PLAIN))
        case _:
            message.strData = draw(st.text(st.characters(codec="utf-8"), max_size=5))
    for name in draw(st.lists(st.sampled_from(["a", "key", "labels", ""]), max_size=2)):
        filled(message.meta.tags[name], draw(_PLAIN))
    message.meta.puid = draw(st.sampled_from(["", "p", "\0"]))
    return message


def filled(value: Any, plain: Any) -> None:
    """Write what JSON has no words for as well: not a number, infinity."""
    match plain:
        case None:
            value.null_value = 0
        case bool():
            value.bool_value = plain
        case int() | float():
            value.number_value = plain
        case str():
            value.string_value = plain
        case list():
            value.list_value.SetInParent()
            for inner in plain:
                filled(value.list_value.values.add(), inner)
        case dict():
            value.struct_value.SetInParent()
            for name, inner in plain.items():
                filled(value.struct_value.fields[name], inner)


OF_GRPC = {grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED}
"""What gRPC itself says of bytes that are no message."""


@pytest.mark.slow
def test_a_thousand_hostile_calls_are_answered_or_refused_as_such(served: Group) -> None:
    worker, codes = served.worker(served.grpc), Counter[Any]()
    with grpc.insecure_channel(f"{HOST}:{served.grpc}") as channel:
        seldon, draw = prediction_pb2_grpc.SeldonStub(channel), random.Random(4)
        good = json_format.Parse(GOOD, prediction_pb2.SeldonMessage())
        expected = seldon.Predict(good, timeout=10)
        anything = {
            name: channel.unary_unary(f"/seldon.protos.{name}", request_serializer=bytes, response_deserializer=bytes)
            for name in ("Seldon/Predict", "Seldon/SendFeedback", "Model/Predict", "Model/Metadata")
        }

        def ask(call: Any, message: Any, allowed: set[Any]) -> None:
            answered = call.future(message, timeout=10)
            code = answered.code()
            codes[code] += 1
            assert code in {grpc.StatusCode.OK, *allowed}, (message, answered.details())
            assert code is grpc.StatusCode.OK or answered.details()

        @settings(max_examples=600, suppress_health_check=list(HealthCheck))
        @given(messages(), st.floats())
        def mutate(message: Any, reward: float) -> None:
            ask(seldon.Predict, message, {grpc.StatusCode.INVALID_ARGUMENT})
            if draw.random() < 0.2:
                sent = prediction_pb2.Feedback(request=message, reward=reward)
                ask(seldon.SendFeedback, sent, {grpc.StatusCode.INVALID_ARGUMENT})

        mutate()
        whole = good.SerializeToString()
        for _ in range(400):
            damaged = bytearray(whole)
            damaged[draw.randrange(len(whole))] = draw.randrange(256)
            sent = draw.choice(
                [bytes(damaged), whole[: draw.randrange(len(whole))], draw.randbytes(draw.randrange(50))]
            )
            ask(draw.choice(list(anything.values())), sent, OF_GRPC | {grpc.StatusCode.INVALID_ARGUMENT})
        ask(anything["Model/Predict"], b"\x1a\x80\x80\x80\x04" + b"x" * 2**23, OF_GRPC)
        for name in ("Router/Route", "Combiner/Aggregate", "Transformer/TransformInput", "Seldon/GraphMetadata"):
            none = channel.unary_unary(f"/seldon.protos.{name}", request_serializer=bytes, response_deserializer=bytes)
            ask(none, b"", {grpc.StatusCode.UNIMPLEMENTED})
        assert seldon.Predict(good, timeout=10) == expected
    assert sum(codes.values()) >= 1_000
    assert min(codes[code] for code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)) > 50
    assert served.worker(served.grpc) == worker
    assert "Traceback" not in served.said()
