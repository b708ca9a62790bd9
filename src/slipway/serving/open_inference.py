"""The Open Inference Protocol (V2) over REST: one tensor for each column, or one for all of them.

Specification: https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from slipway.serving.rows import is_text, listed, refuse

if TYPE_CHECKING:
    from slipway.serving.model import Model

_PREDICTION, _PROBABILITIES = "prediction", "probabilities"
_FORM = 'send {"inputs": [{"name": "column", "shape": [rows], "datatype": "FP64", "data": [value, …]}, …]}'


@dataclass(frozen=True, slots=True)
class Inference:
    """What a request asks."""

    id: str | None
    names: list[str] | None
    rows: list[Any]


def read(message: Any, columns: Sequence[str]) -> Inference:  # noqa: ANN401  whatever a client sent
    """What a request asks. Raises `Refused`."""
    tensors = message.get("inputs") if isinstance(message, dict) else None
    if not isinstance(tensors, list) or not tensors:
        refuse(f"the request has no inputs: {_FORM}")
    named = message.get("id")
    if not isinstance(named, str | None) or not is_text(named or ""):
        refuse("id must be a text")
    read = [_tensor(tensor) for tensor in tensors]
    if len(read) == 1 and read[0].width > 1 and read[0].name not in columns:
        return Inference(named, None, read[0].rows())
    counts = {len(tensor.data) for tensor in read}
    if len(counts) != 1 or any(tensor.width != 1 for tensor in read):
        sizes = [f"{tensor.name} {list(tensor.shape)}" for tensor in read]
        refuse(f"inputs must have one value of each column for each row, not shapes of {listed(sizes)}")
    rows = [list(row) for row in zip(*(tensor.data for tensor in read), strict=True)]
    return Inference(named, [tensor.name for tensor in read], rows)


def answer(asked: Inference, output: NDArray[np.float32], model: Model) -> bytes:
    """The response: predictions, and probabilities (rows x classes, by rows) where there are classes."""
    rows, width = output.shape
    values = output.astype(np.float64).ravel().tolist()
    labels = model.speaker.labels(output)
    outputs = [_output(_PREDICTION, [rows], "BYTES" if labels else "FP64", labels or values)]
    if labels:
        outputs.append(_output(_PROBABILITIES, [rows, width], "FP64", values))
    told = {"id": asked.id} if asked.id is not None else {}
    name, key = model.card["model"], model.speaker.key
    return orjson.dumps(
        {"model_name": name, "model_version": key, **told, "parameters": {"key": key}, "outputs": outputs}
    )


def metadata(model: Model) -> Mapping[str, Any]:
    """The model's signature: tensors with one value for each row, and the names of the probabilities' columns."""
    card = model.card
    told: Mapping[str, Any] = {"parameters": {"classes": card["classes"]}} if card["classes"] else {}
    outputs = [{"name": _PREDICTION, "datatype": "BYTES" if told else "FP64", "shape": [-1]}]
    if told:
        outputs.append({"name": _PROBABILITIES, "datatype": "FP64", "shape": [-1, len(card["classes"])], **told})
    return {
        "name": card["model"],
        "versions": [card["key"]],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": name, "datatype": "FP64" if name in card["numeric"] else "BYTES", "shape": [-1]}
            for name in model.columns.names
        ],
        "outputs": outputs,
    }


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    data: list[Any]

    @property
    def width(self) -> int:
        return self.shape[1] if len(self.shape) > 1 else 1

    def rows(self) -> list[list[Any]]:
        return [self.data[start : start + self.width] for start in range(0, len(self.data), self.width)]


def _tensor(tensor: Any) -> _Tensor:  # noqa: ANN401
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        refuse(f"each input must be an object with a name: {_FORM}")
    name, data = tensor["name"], tensor.get("data")
    match tensor.get("shape"):
        case [int(rows)]:
            shape: tuple[int, ...] = (rows,)
        case [int(rows), int(width)] if width > 0:
            shape = (rows, width)
        case _:
            refuse(f"input {name!r} must have a shape of [rows] or [rows, columns]")
    flat = _flat(data, shape)
    if flat is None or len(flat) != int(np.prod(shape, dtype=object)):
        refuse(f"input {name!r} must have data: as many values as its shape {list(shape)} says")
    return _Tensor(name, shape, flat)


def _flat(data: Any, shape: tuple[int, ...]) -> list[Any] | None:  # noqa: ANN401
    """The values by rows; the specification allows them nested as well."""
    if not isinstance(data, list):
        return None
    if len(shape) > 1 and data and all(isinstance(row, list) and len(row) == shape[1] for row in data):
        return [value for row in data for value in row]
    return data


def _output(name: str, shape: Sequence[int], datatype: str, data: Sequence[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}
