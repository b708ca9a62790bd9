"""Seldon's messages: what is asked in one, and the answer in the same form.

Protocol: https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/prediction.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from slipway.serving.rows import FORM, listed, refuse

_KINDS = frozenset({"data", "jsonData", "strData", "binData", "customData"})
_META = {"puid": (str, "a text"), "tags": (dict, "an object"), "requestPath": (dict, "an object")}


class Form(Enum):
    """How rows are written in a message."""

    NDARRAY = auto()
    """`{"data": {"names": […], "ndarray": [[…], …]}}`."""
    TENSOR = auto()
    """`{"data": {"names": […], "tensor": {"shape": […], "values": […]}}}`."""
    RECORD = auto()
    """`{"jsonData": {"column": value, …}}`."""
    RECORDS = auto()
    """`{"jsonData": [{"column": value, …}, …]}`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks; its rows are checked by those who read them."""

    form: Form
    names: object
    rows: object
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """What every answer of one model has in common."""

    key: str
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    """Empty in a regression."""
    path: Mapping[str, str]
    """The image that answers, by its name in the graph, where Seldon's operator tells it."""

    def labels(self, prediction: NDArray[np.float32]) -> list[str]:
        """The likeliest class of each row."""
        return [self.classes[index] for index in prediction.argmax(axis=1).tolist()] if self.classes else []

    def answer(self, asked: Asked, prediction: NDArray[np.float32]) -> dict[str, Any]:
        """The message that answers: probabilities (rows x classes) or numbers (rows x 1)."""
        values = prediction.astype(np.float64).tolist()
        labels = self.labels(prediction)
        tags: dict[str, Any] = {**asked.meta.get("tags", {}), "key": self.key}
        if self.classes and asked.form in (Form.NDARRAY, Form.TENSOR):
            tags["labels"] = labels
        meta = {**asked.meta, "tags": tags}
        if self.path:
            meta["requestPath"] = {**self.path, **asked.meta.get("requestPath", {})}
        return {**self._body(asked.form, values, labels), "meta": meta}

    def _body(self, form: Form, values: Sequence[Sequence[float]], labels: Sequence[str]) -> dict[str, Any]:
        match form:
            case Form.NDARRAY:
                return {"data": {"names": self.outputs, "ndarray": values}}
            case Form.TENSOR:
                flat = [value for row in values for value in row]
                return {
                    "data": {"names": self.outputs, "tensor": {"shape": [len(values), len(values[0])], "values": flat}}
                }
            case Form.RECORD:
                return {"jsonData": self._records(values, labels)[0]}
            case Form.RECORDS:
                return {"jsonData": self._records(values, labels)}

    def _records(self, values: Sequence[Sequence[float]], labels: Sequence[str]) -> list[dict[str, Any]]:
        if not self.classes:
            return [{"prediction": value} for (value,) in values]
        return [
            {"prediction": label, "probabilities": dict(zip(self.classes, row, strict=True))}
            for label, row in zip(labels, values, strict=True)
        ]


def read(message: Any) -> Asked:  # noqa: ANN401  whatever a client sent
    """What a message asks. Raises `Refused`."""
    if not isinstance(message, dict):
        refuse(f"the request is no object: {FORM}")
    meta = _meta(message.get("meta"))
    kinds = _KINDS & message.keys()
    if len(kinds) > 1 and len([kind for kind in kinds if message[kind] is not None]) != 1:
        refuse(f"the request has more than one kind of data: {listed(sorted(kinds))}; {FORM}")
    if message.get("jsonData") is not None or kinds == {"jsonData"}:
        return _of_json(message["jsonData"], meta)
    data = message.get("data")
    if not isinstance(data, dict) or ("ndarray" in data) == ("tensor" in data):
        refuse(f"the request has no data, or more than one kind of it: {FORM}")
    if "ndarray" in data:
        return Asked(Form.NDARRAY, data.get("names"), data["ndarray"], meta)
    return Asked(Form.TENSOR, data.get("names"), _of_tensor(data["tensor"]), meta)


def _meta(meta: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """What of a request's `meta` goes into the answer."""
    if not meta and meta in (None, {}):
        return {}
    if not isinstance(meta, dict):
        refuse("meta must be an object")
    for name, (kind, spoken) in _META.items():
        if name in meta and not isinstance(meta[name], kind):
            refuse(f"meta.{name} must be {spoken}")
    told = {name: meta[name] for name in _META if meta.get(name)}
    try:
        # As deep as it stands in the answer: orjson nests no deeper than 254.
        return orjson.loads(orjson.dumps({"meta": told}))["meta"] if told else told
    except orjson.JSONEncodeError as error:
        refuse(f"meta comes back in the answer, where it cannot be written: {error}")


def _of_tensor(tensor: Any) -> list[Any]:  # noqa: ANN401
    values, shape = (tensor.get("values"), tensor.get("shape")) if isinstance(tensor, dict) else (None, None)
    match shape:
        case [int(rows), int(width)] if isinstance(values, list) and width > 0 and rows * width == len(values):
            starts = range(0, len(values), width)
        case _:
            refuse("data.tensor must hold values, and their shape as [rows, columns]")
    return [values[start : start + width] for start in starts]


def _of_json(data: Any, meta: Mapping[str, Any]) -> Asked:  # noqa: ANN401
    """Records as rows in the order of the first one's fields."""
    records = [data] if isinstance(data, dict) else data
    if not isinstance(records, list) or not records or not all(isinstance(one, dict) and one for one in records):
        refuse("jsonData must be an object with a value for each column, or a list of such objects")
    form = Form.RECORD if isinstance(data, dict) else Form.RECORDS
    names = list(records[0])
    for at, record in enumerate(records, start=1):
        if record.keys() != records[0].keys():
            other = sorted(record.keys() ^ records[0].keys())
            refuse(f"row {at} has other fields than row 1: {listed(other)}; send null for a value that is not known")
    return Asked(form, names, [[record[name] for name in names] for record in records], meta)
