"""The practical limit: an ASGI application that asks the same ONNX session and does nothing else.

It checks nothing, counts nothing and knows one form of request: the model's columns in the model's own order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson

_HEADERS = [(b"content-type", b"application/json")]


def make() -> Callable[..., Awaitable[None]]:
    """The application, for `uvicorn --factory`; `SLIPWAY_MODEL_DIR` is the model's folder."""
    answer = _answers(Path(os.environ["SLIPWAY_MODEL_DIR"]))

    async def app(scope: Mapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        reply = answer(body)
        headers = [*_HEADERS, (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    return app


def _answers(folder: Path) -> Callable[[bytes], bytes]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    card = json.loads((folder / "model.json").read_bytes())
    numbers, texts, names = len(card["numeric"]), len(card["categorical"]), card["classes"]

    def answer(body: bytes) -> bytes:
        rows = orjson.loads(body)["data"]["ndarray"]
        if texts:
            given = {
                "numeric": np.array([row[:numbers] for row in rows], dtype=np.float32),
                "categorical": np.array([row[numbers:] for row in rows], dtype=object),
            }
        else:
            given = {"numeric": np.array(rows, dtype=np.float32)}
        (prediction,) = session.run(None, given)
        return orjson.dumps({"data": {"names": names, "ndarray": prediction}}, option=orjson.OPT_SERIALIZE_NUMPY)

    return answer
