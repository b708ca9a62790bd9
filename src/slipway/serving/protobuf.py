"""Seldon's messages as protocol buffers: gRPC's side of `messages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import json_format, struct_pb2
from seldon_core.proto import prediction_pb2

from slipway.serving.messages import Asked, Form, read
from slipway.serving.rows import refuse

_EXACT = 2**53


def read_proto(message: Any) -> Asked:  # noqa: ANN401  generated, without types
    """What a message asks. Raises `Refused`."""
    kind = message.WhichOneof("data_oneof")
    if kind not in ("data", "jsonData"):
        refuse("the request has no data: send data with ndarray or tensor, or jsonData")
    document: dict[str, Any] = {"meta": _meta(message.meta)}
    if kind == "jsonData":
        return read({**document, "jsonData": plain(message.jsonData)})
    data: dict[str, Any] = {"names": list(message.data.names)}
    match message.data.WhichOneof("data_oneof"):
        case "ndarray":
            data["ndarray"] = [plain(row) for row in message.data.ndarray.values]
        case "tensor":
            tensor = message.data.tensor
            data["tensor"] = {"shape": list(tensor.shape), "values": [number(value) for value in tensor.values]}
        case _:
            refuse("data must be an ndarray or a tensor")
    return read({**document, "data": data})


def to_proto(asked: Asked, answer: dict[str, Any]) -> Any:  # noqa: ANN401
    """An answer of `messages.Speaker` as a protocol buffer."""
    reply = prediction_pb2.SeldonMessage()
    for name, value in answer["meta"]["tags"].items():
        json_format.ParseDict(value, reply.meta.tags[name])
    if puid := answer["meta"].get("puid"):
        reply.meta.puid = puid
    for name, value in answer["meta"].get("requestPath", {}).items():
        reply.meta.requestPath[name] = value
    match asked.form:
        case Form.RECORD | Form.RECORDS:
            json_format.ParseDict(answer["jsonData"], reply.jsonData)
        case Form.TENSOR:
            reply.data.names.extend(answer["data"]["names"])
            reply.data.tensor.shape.extend(answer["data"]["tensor"]["shape"])
            reply.data.tensor.values.extend(answer["data"]["tensor"]["values"])
        case Form.NDARRAY:
            reply.data.names.extend(answer["data"]["names"])
            _fill(reply.data.ndarray, answer["data"]["ndarray"])
    return reply


def _fill(rows: Any, values: Sequence[Sequence[float]]) -> None:  # noqa: ANN401
    for row in values:
        cells = struct_pb2.ListValue(values=[struct_pb2.Value(number_value=value) for value in row])
        rows.values.append(struct_pb2.Value(list_value=cells))


def _meta(meta: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "puid": meta.puid,
        "tags": {name: plain(value) for name, value in meta.tags.items()},
        "requestPath": dict(meta.requestPath),
    }


def plain(value: Any) -> Any:  # noqa: ANN401
    """A `google.protobuf.Value` as JSON would have it; it knows no whole numbers, so these are found again."""
    match value.WhichOneof("kind"):
        case "number_value":
            return number(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [plain(item) for item in value.list_value.values]
        case "struct_value":
            return {name: plain(item) for name, item in value.struct_value.fields.items()}
        case _:
            return None


def number(value: float) -> float:
    """A number as JSON would have it: whole where it is."""
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value
