"""The class that seldon-core serves: `model.onnx`, asked as it was in training, and checked before it serves."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
from flask import Blueprint
from numpy.typing import NDArray
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.proto import prediction_pb2
from seldon_core.utils import get_request_path
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from slipway.serving import open_inference, reviewed, truth
from slipway.serving.messages import Asked, Speaker, read
from slipway.serving.metrics import Metrics
from slipway.serving.protobuf import read_proto, to_proto
from slipway.serving.rows import FORM, Columns, Extra, Refused

FOLDER, EXTRA = "SLIPWAY_MODEL_DIR", "SLIPWAY_EXTRA_COLUMNS"
EXTENSION = "slipway"
"""Where the Flask application that serves a model keeps it."""

type Prediction = NDArray[np.float32]


class Question(Protocol):
    """Rows to predict."""

    @property
    def names(self) -> object:
        """The columns in the order of the rows' values; None or [] for the model's own order."""

    @property
    def rows(self) -> object:
        """A list of lists of values, unless the client sent something else."""


class Model:
    """One model, of `SLIPWAY_MODEL_DIR` or of the working directory.

    Messages are read by `predict_raw`: the wrapper itself would make texts of all numbers in a row that
    holds a text, and answer what it cannot read with 500.
    """

    def __init__(self) -> None:
        """Load the model; exit if it is not the reviewed one, or a setting is none."""
        self._model = reviewed.load(Path(os.environ.get(FOLDER, ".")))
        try:
            self._read(self._model.card)
        except reviewed.NO_CARD as error:
            reviewed.no_start(f"model.json is no model's card: {error!r}")
        self.model_error_handler = self._blueprint()

    def _read(self, card: Mapping[str, Any]) -> None:
        self.columns = Columns(card["numeric"], card["categorical"], extra=_extra())
        self.speaker = Speaker(
            key=self._model.key, outputs=self._model.outputs, classes=tuple(card["classes"]), path=get_request_path()
        )
        self.recorder = Metrics(card)

    @property
    def card(self) -> Mapping[str, Any]:
        """What the release record says."""
        return self._model.card

    def class_names(self) -> list[str]:
        """The classes in the order of their probabilities; in a regression, the target."""
        return list(self._model.outputs)

    def tags(self) -> dict[str, str]:
        """What each answer says of the model that gave it."""
        return {"key": self._model.key}

    def init_metadata(self) -> dict[str, Any]:
        """What `/metadata` says: the signature, and where the model comes from."""
        card, columns = self.card, list(self._model.columns)
        outputs = {"names": list(self._model.outputs), "shape": [len(self._model.outputs)]}
        told = ("key", "model", "task", "target", "family", "metric", "onnx_sha256")
        return {
            "name": card["model"],
            "versions": [self._model.key],
            "platform": "onnxruntime_onnx",
            "inputs": [{"messagetype": "ndarray", "schema": {"names": columns, "shape": [len(columns)]}}],
            "outputs": [{"messagetype": "ndarray", "schema": outputs}],
            "custom": {name: str(card[name]) for name in told if name in card}
            | {part: json.dumps(card[part], ensure_ascii=False) for part in ("numeric", "categorical", "classes")},
        }

    def health_status(self) -> str:
        """The key, if a golden request is answered as in the review."""
        golden = self.card["golden"][0]
        batch = self.columns.batch(None, [[*golden["numeric"], *golden["categorical"]]])
        if not np.allclose(self._model.predict(batch), golden["answer"], rtol=1e-4, atol=1e-4):
            raise SeldonMicroserviceException(
                "the golden request is not answered as in the review", status_code=500, reason="MICROSERVICE_UNHEALTHY"
            )
        return self._model.key

    def predict_raw(self, message: Any) -> Any:  # noqa: ANN401  whatever a client sent
        """Answer a Seldon message, as JSON or as protocol buffer, in its own form. Raises `Refused`.

        Of JSON only good answers are counted: the wrapper makes the others, and `App` counts those.
        """
        if isinstance(message, prediction_pb2.SeldonMessage):
            return self.serve("grpc", lambda: read_proto(message), self._to_proto)
        return orjson.loads(self._served("rest", lambda: read(message), self._to_json))

    def send_feedback_raw(self, feedback: Any) -> Any:  # noqa: ANN401  generated, without types
        """Count a feedback's reward, where it is not nought, and how right the model was. Raises `Refused`."""
        judged = truth.judge(feedback, self)
        self.recorder.told(reward=feedback.reward, rows=judged.rows, measured=judged.measured, unused=judged.unused)
        return prediction_pb2.SeldonMessage()

    def again(self, names: object, rows: object) -> Prediction:
        """The answer to rows that are not counted as asked. Raises `Refused`."""
        return self._model.predict(self.columns.batch(names, rows))

    def reply(self, body: bytes) -> bytes:
        """Answer a Seldon message in JSON with one. Raises `Refused`."""
        return self.serve("rest", lambda: read(parsed(body)), self._to_json)

    def unasked(self, body: bytes) -> bytes:
        """As `reply` answers, and nothing of it is counted. Raises `Refused`."""
        asked = read(parsed(body))
        return self._to_json(asked, self.again(asked.names, asked.rows))

    def infer(self, body: bytes) -> bytes:
        """Answer a request of the Open Inference Protocol. Raises `Refused`."""
        return self.serve(
            "v2",
            lambda: open_inference.read(parsed(body), self.columns.names),
            lambda asked, output: open_inference.answer(asked, output, self),
        )

    def serve[Q: Question, A](self, transport: str, read: Callable[[], Q], write: Callable[[Q, Prediction], A]) -> A:
        """Answer a question that is read and written as a protocol has it, and count it. Raises `Refused`.

        What else is raised is counted by whoever makes an answer of it.
        """
        began = time.perf_counter()
        try:
            return self._served(transport, read, write)
        except Refused as refusal:
            self.recorder.refused(code=refusal.status_code, seconds=time.perf_counter() - began, transport=transport)
            raise

    def _served[Q: Question, A](self, transport: str, read: Callable[[], Q], write: Callable[[Q, Prediction], A]) -> A:
        began = time.perf_counter()
        asked = read()
        batch = self.columns.batch(asked.names, asked.rows)
        output = self._model.predict(batch)
        answer = write(asked, output)
        self.recorder.answered(
            seconds=time.perf_counter() - began,
            numeric=batch.numeric,
            categorical=batch.categorical,
            output=output,
            transport=transport,
        )
        return answer

    def _to_json(self, asked: Asked, output: Prediction) -> bytes:
        return orjson.dumps(self.speaker.answer(asked, output))

    def _to_proto(self, asked: Asked, output: Prediction) -> Any:  # noqa: ANN401  generated, without types
        return to_proto(asked, self.speaker.answer(asked, output))

    def _blueprint(self) -> Blueprint:
        """What the wrapper's Flask application gets from us.

        It is given the model to keep, for the worker that answers most requests before Flask sees them; and answers
        to requests that never reach the model, for the wrapper's own would be 500 for all of them.
        """
        blueprint = Blueprint("slipway", __name__)
        blueprint.record(lambda state: state.app.extensions.update({EXTENSION: self}))
        blueprint.app_errorhandler(HTTPException)(_of_http)
        blueprint.app_errorhandler(UnsupportedMediaType)(_unreadable)
        return blueprint


def parsed(body: bytes) -> Any:  # noqa: ANN401
    """A JSON document; NaN stands for a missing value, as Python's clients write it. Raises `Refused`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Refused(f"the request is no JSON: {FORM}") from None


def _extra() -> Extra:
    chosen = os.environ.get(EXTRA) or Extra.REFUSE
    if chosen not in list(Extra):
        raise SystemExit(f"this model is not served: {EXTRA} is {chosen!r}; it is refuse (the default) or ignore")
    return Extra(chosen)


def _of_http(error: HTTPException) -> tuple[dict[str, Any], int, dict[str, str]]:
    code, allowed = error.code or 500, getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return Refused(str(error.description), code=code).to_dict(), code, headers


def _unreadable(_: Exception) -> tuple[dict[str, Any], int]:
    return Refused(f"the request is no JSON: {FORM}").to_dict(), 400
