"""The paths of a model's server: each answer is counted once, what fails too, and no client keeps others out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import flask
import pytest

from slipway.serving.app import App
from slipway.serving.body import Body, Room
from slipway.serving.rows import Refused
from slipway.stages.verify import PROBE

PREDICT = "/api/v1.0/predictions"


class Recorder:
    """What is counted by the application; the model counts for itself."""

    def __init__(self) -> None:
        self.noted_ones: list[tuple[str, int]] = []

    def noted(self, *, code: int, transport: str) -> None:
        self.noted_ones.append((transport, code))

    def text(self) -> tuple[str, str]:
        return "numbers", "text/plain"


class Model:
    """One that answers, refuses or breaks, as its request says."""

    card: Mapping[str, Any] = {"model": "toy", "key": "k", "classes": [], "numeric": []}
    speaker = SimpleNamespace(key="k")
    columns = SimpleNamespace(names=())

    def __init__(self) -> None:
        self.recorder = Recorder()

    def reply(self, body: bytes) -> bytes:
        if body == b"refuse":
            raise Refused("not so")
        if body == b"break":
            raise ZeroDivisionError
        return b"{}"

    infer = unasked = reply


def wrapper() -> flask.Flask:
    app = flask.Flask(__name__)
    app.add_url_rule("/metadata", "metadata", view_func=lambda: ("fine", 200))
    app.add_url_rule("/send-feedback", "feedback", view_func=lambda: ("broken", 500))
    app.add_url_rule("/predict", "predict", view_func=lambda: ("fine", 200), methods=["GET"])
    return app


async def asked(
    app: App, path: str, body: bytes = b"", *, method: str = "POST", marks: Sequence[tuple[bytes, bytes]] = ()
) -> tuple[int, bytes]:
    said: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "http_version": "1.1"}
    await app({**scope, "headers": [(b"content-type", b"application/json"), *marks]}, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "noted"),
    [
        ("POST", PREDICT, b"good", 200, []),
        ("POST", PREDICT, b"refuse", 400, []),
        ("POST", PREDICT, b"break", 500, [("rest", 500)]),
        ("POST", "/v2/models/toy/infer", b"break", 500, [("v2", 500)]),
        ("POST", "/predict", b"break", 500, [("rest", 500)]),
        ("GET", "/predict", b"", 200, []),
        ("OPTIONS", "/predict", b"", 200, [("rest", 200)]),
        ("DELETE", "/predict", b"", 405, [("rest", 405)]),
        ("GET", "/send-feedback", b"", 500, [("feedback", 500)]),
        ("GET", "/metadata", b"", 200, [("other", 200)]),
        ("GET", "/health", b"", 200, [("other", 200)]),
        ("GET", "/metrics", b"", 200, [("other", 200)]),
        ("GET", "/v2/health/ready", b"", 200, [("other", 200)]),
        ("POST", "/v2/models/another/infer", b"", 404, [("v2", 404)]),
        ("GET", "/nothing", b"", 404, [("other", 404)]),
    ],
)
def test_each_answer_is_counted_once(method: str, path: str, body: bytes, status: int, noted: Any) -> None:
    async def run() -> None:
        model = Model()
        found, _ = await asked(App(model, wrapper()), path, body, method=method)  # type: ignore[arg-type]
        assert found == status
        assert model.recorder.noted_ones == noted

    asyncio.run(run())


@pytest.mark.parametrize(("body", "status"), [(b"good", 200), (b"refuse", 400), (b"break", 500)])
def test_what_slipway_asks_itself_is_no_traffic(body: bytes, status: int) -> None:
    """It is counted beside it, whatever comes of it."""
    marks = [(name.lower().encode(), value.encode()) for name, value in PROBE.items()]

    async def run() -> None:
        model = Model()
        found, _ = await asked(App(model, wrapper()), PREDICT, body, marks=marks)  # type: ignore[arg-type]
        assert found == status
        assert model.recorder.noted_ones == [("other", status)]

    asyncio.run(run())


def test_what_fails_is_answered_in_json_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, body = asyncio.run(asked(App(Model(), wrapper()), PREDICT, b"break"))  # type: ignore[arg-type]
    assert json.loads(body)["status"]["info"] == "the server failed; its log says how"
    assert "ZeroDivisionError" in caplog.text


class Client:
    """One that sends when it is told to."""

    def __init__(self, room: Room, most: int) -> None:
        self.parts: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.body = Body({"type": "http.request", "body": b"", "more_body": True}, self.parts.get)
        self.reading = asyncio.create_task(self.body.read_in(room, most, 5))

    def send(self, size: int, *, more: bool = True) -> None:
        self.parts.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})


def test_bodies_share_a_room_and_one_of_them_always_comes_to_its_end() -> None:
    async def run() -> None:
        room = Room(10)
        silent, first, second = (Client(room, 20) for _ in range(3))
        silent.send(3)
        await asyncio.sleep(0.01)
        for client in (first, second):
            client.send(4)
            client.send(4, more=False)
        await asyncio.sleep(0.01)
        assert [client.reading.done() for client in (silent, first, second)] == [False, True, False]
        room.leave(first.body)
        room.leave(first.body)
        await asyncio.wait_for(second.reading, 1)
        assert second.reading.result()
        silent.reading.cancel()

    asyncio.run(run())


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def run() -> None:
        body = Body({"type": "http.request", "body": b"x", "more_body": True}, asyncio.Event().wait)  # type: ignore[arg-type]
        with pytest.raises(TimeoutError):
            await body.read_in(Room(10), 20, 0.01)

    asyncio.run(run())
