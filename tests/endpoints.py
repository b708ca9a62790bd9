"""HTTP servers that answer as a test says, on plain sockets: well, badly, slowly, or with nothing like HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from slipway.results import Golden, ModelCard, Parity, SplitRule

type Act = Callable[[socket.socket, bytes], None]
"""What is done on a connection with a request that came in, body and all."""


@dataclass(frozen=True, kw_only=True)
class Fake:
    """A server that is under way."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def fake(act: Act) -> Iterator[Fake]:
    """Do the same for every request, on as many connections as there are, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                lines.append(line)
                threading.Thread(target=_talk, args=(line, act), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Fake(port=listener.getsockname()[1])
    finally:
        for one in (listener, *lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        thread.join(5)


def _talk(line: socket.socket, act: Act) -> None:
    with suppress(OSError, ValueError), line:
        while request := _request(line):
            act(line, request)


def _request(line: socket.socket) -> bytes:
    """One request: its head, and as much of a body as it says."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = line.recv(65536)
        if not part:
            return b""
        head += part
    length = next((int(row[15:]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")), 0)
    missing = length - len(head.partition(b"\r\n\r\n")[2])
    while missing > 0:
        part = line.recv(65536)
        head, missing = head + part, missing - len(part)
    return head


def http(body: bytes | str, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP answer of a known length."""
    content = body.encode() if isinstance(body, str) else body
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def says(answer: bytes) -> Act:
    """Always the same bytes."""
    return lambda line, _: line.sendall(answer)


# ---- a model


CLASSES = ("no", "yes")
KEY, OTHER = "ab" * 32, "cd" * 32


def chance(width: float, colour: str | None) -> float:
    """What the model of these tests learned."""
    return 0.125 + width / 16 + (0.25 if colour == "blue" else 0.0)


def card(task: str = "classification") -> ModelCard:
    """The card of that model."""
    rows: list[tuple[float, str | None]] = [(1.0, "blue"), (2.0, None), (9.0, "red"), (7.5, "blue")]
    classes = CLASSES if task == "classification" else ()
    return ModelCard.model_validate(
        {
            "model": "toy",
            "key": KEY,
            "task": task,
            "target": "label",
            "classes": classes,
            "numeric": ("width",),
            "categorical": ("colour",),
            "family": "xgboost",
            "params": {},
            "trial": 0,
            "trials": 1,
            "failed_trials": 0,
            "metric": "log_loss",
            "cv_score": 0.5,
            "cv_fold_scores": (0.5,),
            "training_rows": 10,
            "holdout_rows": 4,
            "split": SplitRule(columns=("width",), share=0.25),
            "onnx_sha256": "0" * 64,
            "onnx_bytes": 1,
            "parity": Parity(rows=4, largest=0.0, tolerance=1e-5),
            "packages": {},
            "golden": [
                Golden(numeric=(width,), categorical=(colour,), answer=outputs(width, colour, classes))
                for width, colour in rows
            ],
            "reference": (),
        }
    )


def outputs(width: float, colour: str | None, classes: Sequence[str]) -> tuple[float, ...]:
    yes = chance(width, colour)
    return (1 - yes, yes) if classes else (yes,)


def answer(request: bytes, classes: Sequence[str] = CLASSES, key: str = KEY) -> dict[str, Any]:
    """What the model's server answers: rows by name, or in the model's own order."""
    data = json.loads(request.partition(b"\r\n\r\n")[2])["data"]
    names = data["names"] or ["width", "colour"]
    found = [outputs(row[names.index("width")], row[names.index("colour")], classes) for row in data["ndarray"]]
    tags: dict[str, Any] = {"key": key}
    if classes:
        tags["labels"] = [max(zip(row, classes, strict=True))[1] for row in found]
    return {"data": {"names": list(classes) or ["label"], "ndarray": found}, "meta": {"tags": tags}}


def model(change: Callable[[dict[str, Any]], Any] = lambda answer: answer, classes: Sequence[str] = CLASSES) -> Act:
    """Answer as the model does, but for what `change` makes of it; to anything but a POST, with 404."""

    def act(line: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST "):
            line.sendall(http(json.dumps(change(answer(request, classes)))))
        else:
            line.sendall(http("{}", "404 Not Found"))

    return act
