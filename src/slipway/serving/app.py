"""The paths of a model's server, as an ASGI application.

What most clients ask is answered here; Seldon's own Flask application answers the rest of its protocol. It lists what
is served: of the wrapper's other paths (transformers, routers, combiners) a model has none.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from a2wsgi import WSGIMiddleware

from slipway.serving.body import Body, GoneError, Receive, Room
from slipway.serving.open_inference import metadata
from slipway.serving.rows import Refused

if TYPE_CHECKING:
    from slipway.serving.model import Model

log = logging.getLogger(__name__)

MAX_BODY = 16 * 2**20
"""Bytes of a request; a batch of 1,000 rows with 300 columns has three million. Reading one takes twenty times as much
memory for a while."""
_LARGE = 2**16
"""Larger requests are answered in a thread, so that small ones need not wait for them."""
_LARGE_ONES = 2
"""So many large requests are with Seldon's application at once; here it is one."""
_ROOM = 4 * MAX_BODY
"""Bytes of large requests that are held at once, while they come and wait for their turn."""
_SLOWEST = 60.0
"""Seconds for a body to come."""
_UNREAD = 5.0
"""Seconds in which the rest of a body is read that is too long: who still sends would not see the answer."""
_FLUSH = 1.0
"""Seconds between the moments when metrics are put where the other processes see them."""
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_ANYBODY = (b"access-control-allow-origin", b"*")
"""As Seldon's wrapper has it."""
_PROBE = b"x-slipway-probe"
"""Who sends this header wants to know which model answers: that is no traffic, and tells nothing of what is asked."""
_V2 = "/v2"
_PREDICT = ("/api/v1.0/predictions", "/api/v0.1/predictions", "/predict")
_FEEDBACK = ("/api/v1.0/feedback", "/api/v0.1/feedback", "/send-feedback")
_ABOUT = ("/health/status", "/api/v1.0/health/status", "/metadata", "/api/v1.0/metadata", "/seldon.json")
_SELDON = frozenset((*_PREDICT, *_FEEDBACK, *_ABOUT))

type Header = tuple[bytes, bytes]
type Scope = Mapping[str, Any]
type Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class App:
    """A model behind ASGI."""

    def __init__(self, model: Model, flask: Any, *, max_body: int = MAX_BODY) -> None:  # noqa: ANN401
        """Serve a model, with Seldon's Flask application for what is left; longer requests are refused with 413."""
        self._model = model
        self._seldon = WSGIMiddleware(flask, workers=4)
        self._max_body = max_body
        self._room = Room(_ROOM)
        self._large = asyncio.Semaphore(_LARGE_ONES)
        self._thread = ThreadPoolExecutor(1)
        names = {str(model.card["model"]), os.environ.get("PREDICTIVE_UNIT_ID") or "model"}
        self._infer = {f"{_V2}/models/{name}{version}/infer" for name in names for version in ("", self._version())}
        self._known = {"/health": (b"pong", _TEXT), "/health/ping": (b"pong", _TEXT), **dict(self._v2(names))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._read(scope, receive, send)
            except Exception:
                log.exception("%s %r could not be answered", scope["method"], scope["path"])
                await self._error(scope, send, 500, "the server failed; its log says how")

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a request, and answer it."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            await self._answer(scope, message.get("body", b""), receive, send)
            return
        with suppress(GoneError):
            body = Body(message, receive)
            try:
                await self._read_parts(scope, body, receive, send)
            except TimeoutError:
                await self._error(scope, send, 408, f"the request did not come within {_SLOWEST:.0f} s")
            finally:
                self._room.leave(body)

    async def _read_parts(self, scope: Scope, body: Body, receive: Receive, send: Send) -> None:
        """Read a request that comes in parts, and answer it. Raises `GoneError` and `TimeoutError`."""

        async def leave_and_send(message: Mapping[str, Any]) -> None:
            self._room.leave(body)  # a client that does not read its answer keeps nobody out
            await send(message)

        if await asyncio.wait_for(body.read(_LARGE), _SLOWEST):
            await self._answer(scope, body.whole(), receive, send)
        elif await body.read_in(self._room, self._max_body, _SLOWEST):
            await self._answer(scope, body.whole(), receive, leave_and_send)
        else:
            body.whole()
            self._room.leave(body)
            with suppress(TimeoutError):
                await asyncio.wait_for(body.skip(), _UNREAD)
            what = f"the request is longer than {self._max_body} bytes; send fewer rows"
            await self._error(scope, send, 413, what)

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Answer here what is asked most; the model counts what it answered or refused."""
        path, post = scope["path"], scope["method"] == "POST"
        if post and path in _PREDICT and _is_json(scope):
            reply = partial(self._probed, scope) if _is_probe(scope) else self._model.reply
            await self._quick(send, reply, Refused.to_dict, body)
        elif post and path in self._infer:
            await self._quick(send, self._model.infer, _v2_error, body)
        else:
            await self._rest(scope, body, receive, send)

    async def _rest(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Answer and count the rest, and hand on what only Seldon's application knows."""
        path = scope["path"]
        if path in _SELDON:
            await self._hand_on(scope, body, receive, send)
        elif path == "/metrics":
            text, kind = self._model.recorder.text()
            self._note(scope, 200)
            await _send(send, 200, text.encode(), (b"content-type", kind.encode()))
        elif (known := self._known.get(path)) is not None:
            self._note(scope, 200)
            await _send(send, 200, *known)
        else:
            await self._error(scope, send, 404, f"there is no {path[:80]!r} here; ask POST {_PREDICT[0]}")

    async def _hand_on(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """What Seldon's application answers; of large requests only so many at once, until their answers are made."""
        said: list[Mapping[str, Any]] = []

        async def hear(message: Mapping[str, Any]) -> None:
            said.append(message)

        async with self._large if len(body) > _LARGE else nullcontext():
            await self._seldon(_whole(scope, body), _again(body, receive), hear)  # type: ignore[arg-type]  # ASGI's own, as plain mappings
        status = said[0]["status"]
        predicted = status == HTTPStatus.OK and scope["path"] in _PREDICT and scope["method"] != "OPTIONS"
        if not predicted:  # else the model has counted it
            self._note(scope, status)
        for message in said:
            await send(message)

    def _probed(self, scope: Scope, body: bytes) -> bytes:
        """As any other is answered, and counted beside them. Raises `Refused`."""
        try:
            answer = self._model.unasked(body)
        except Refused as refusal:
            self._note(scope, refusal.status_code)
            raise
        self._note(scope, 200)
        return answer

    def _note(self, scope: Scope, status: int) -> None:
        path: str = scope["path"]
        infer = path.startswith(_V2) and path.endswith("/infer")  # /v2/health/ready is a probe, and no traffic
        paths = {"rest": path in _PREDICT, "feedback": path in _FEEDBACK, "v2": infer}
        its = (name for name, is_its in paths.items() if is_its and not _is_probe(scope))
        transport = next(its, "other")
        self._model.recorder.noted(code=status, transport=transport)

    async def _error(self, scope: Scope, send: Send, status: int, what: str) -> None:
        self._note(scope, status)
        await _send(send, status, orjson.dumps(Refused(what, code=status).to_dict()))

    async def _quick(
        self, send: Send, answer: Callable[[bytes], bytes], error: Callable[[Refused], Mapping[str, Any]], body: bytes
    ) -> None:
        """Answer at once, or in a thread if it may take a while: small requests need not wait for large ones."""
        try:
            if len(body) > _LARGE:
                answered = await asyncio.get_running_loop().run_in_executor(self._thread, answer, body)
            else:
                answered = answer(body)
        except Refused as refusal:
            await _send(send, refusal.status_code, orjson.dumps(error(refusal)))
        else:
            await _send(send, 200, answered)

    def _version(self) -> str:
        return f"/versions/{self._model.speaker.key}"

    def _v2(self, names: Iterable[str]) -> Iterator[tuple[str, tuple[bytes, Header]]]:
        """What the Open Inference Protocol answers without being asked for a prediction."""
        about = {"name": "slipway", "version": "1", "extensions": []}
        live, ready = orjson.dumps({"live": True}), orjson.dumps({"ready": True})
        yield _V2, (orjson.dumps(about), _JSON)
        yield f"{_V2}/health/live", (live, _JSON)
        yield f"{_V2}/health/ready", (ready, _JSON)
        for name in names:
            for path in (f"{_V2}/models/{name}", f"{_V2}/models/{name}{self._version()}"):
                yield path, (orjson.dumps(metadata(self._model)), _JSON)
                yield f"{path}/ready", (ready, _JSON)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._flush()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._model.recorder.flush()
                return

    def _flush(self) -> None:
        self._model.recorder.flush()
        asyncio.get_running_loop().call_later(_FLUSH, self._flush)


def _is_probe(scope: Scope) -> bool:
    return any(name == _PROBE for name, _ in scope["headers"])


def _is_json(scope: Scope) -> bool:
    return any(name == b"content-type" and b"json" in value for name, value in scope["headers"])


def _whole(scope: Scope, body: bytes) -> Scope:
    """A request whose headers say how long its body is, which came in chunks perhaps: WSGI reads no other."""
    headers = [pair for pair in scope["headers"] if pair[0] not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*headers, (b"content-length", b"%d" % len(body))]}


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read, to be read again."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Mapping[str, Any]:
        return left.pop() if left else await receive()

    return replay


async def _send(send: Send, status: int, body: bytes, kind: Header = _JSON) -> None:
    headers = [kind, (b"content-length", b"%d" % len(body)), _ANYBODY]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _v2_error(refusal: Refused) -> Mapping[str, Any]:
    return {"error": str(refusal)}
