"""The class that seldon-core's wrapper serves: `model.onnx`, asked as it was in training.

A release takes this file with it as it is, so it imports nothing of slipway.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnxruntime
from flask import Blueprint
from seldon_core.flask_utils import SeldonMicroserviceException  # type: ignore[import-untyped]  # it has none
from seldon_core.utils import construct_response_json  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

_FOLDER = "SLIPWAY_MODEL_DIR"
_EXACT = 2**53
"""Whole numbers beyond are told apart neither in training nor here."""
_INFINITE = 2.0**128 - 2.0**103
"""From here on a number is infinite in the 32 bits that models calculate in."""
_LONGEST = 2**63
_SHOWN = 12
_META = {"puid": (str, "a text"), "tags": (dict, "an object"), "requestPath": (dict, "an object")}
_FORM = 'send {"data": {"names": ["column", …], "ndarray": [[value, …], …]}} with Content-Type: application/json'


class Model:
    """One model, checked before it serves.

    Requests are read by `predict_raw`: the wrapper itself would make texts of all numbers in a row that
    holds a text, and answer what it cannot read with 500.
    """

    def __init__(self) -> None:
        """Load the model of `SLIPWAY_MODEL_DIR`, or of the working directory; exit if it is not the reviewed one."""
        folder = Path(os.environ.get(_FOLDER, "."))
        card, onnx = _released(folder)
        self._session = _session(onnx)
        self._key = str(card["key"])
        found = self._session.get_modelmeta().custom_metadata_map.get("slipway.key")
        if found != self._key:
            _no_start(f"model.onnx is of the key {found}, model.json of {self._key}")
        self._numeric = len(card["numeric"])
        self._columns: list[str] = [*card["numeric"], *card["categorical"]]
        self._outputs: list[str] = card["classes"] or [card["target"]]
        self.model_error_handler = _error_handler()

    def class_names(self) -> list[str]:
        """The classes in the order of their probabilities; in a regression, the target."""
        return self._outputs

    def tags(self) -> dict[str, str]:
        """What each answer says of the model that gave it."""
        return {"key": self._key}

    def predict_raw(self, message: Any) -> Any:  # noqa: ANN401  whatever a client sent
        """Answer a Seldon message that holds rows, by column names or in the order of `model.json`: numbers first."""
        if not isinstance(message, dict):
            _refuse(f"the request is no object: {_FORM}")
        meta = _meta(message.get("meta"))
        data, rows = _rows(message.get("data"))
        prediction = self._ask(self._ordered(data.get("names"), rows))
        known = {name: meta[name] for name in ("tags", "requestPath") if name in meta}
        return construct_response_json(self, False, {"data": data, "meta": meta}, prediction, known)  # noqa: FBT003

    def _ask(self, rows: Sequence[Sequence[Any]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Probabilities (rows x classes) or numbers (rows x 1)."""
        places = list(enumerate(self._columns))
        numeric = [[_number(row[i], name) for i, name in places[: self._numeric]] for row in rows]
        categorical = [[_text(row[i], name) for i, name in places[self._numeric :]] for row in rows]
        feeds = {
            "numeric": np.array(numeric, dtype=np.float32),
            "categorical": np.array(categorical, dtype=object),
        }
        asked = {entry.name: feeds[entry.name] for entry in self._session.get_inputs()}
        return np.asarray(self._session.run(None, asked)[0], dtype=np.float64)

    def _ordered(self, names: Any, rows: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401
        """The rows with their values in the order of the model's columns."""
        names = self._columns if names is None or names == [] else names
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            _refuse("data.names must be a list of texts")
        self._check_names(names)
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, list):
                _refuse(f"row {number} is no list of values: {_FORM}")
            if len(row) != len(names):
                _refuse(f"row {number} has {len(row)} values, not one for each of {_listed(names)}")
        if names == self._columns:
            return rows
        place = {name: index for index, name in enumerate(names)}
        order = [place[name] for name in self._columns]
        return [[row[index] for index in order] for row in rows]

    def _check_names(self, names: Sequence[str]) -> None:
        given, known = set(names), set(self._columns)
        if missing := [name for name in self._columns if name not in given]:
            _refuse(f"columns are missing: {_listed(missing)}; send null for a value that is not known")
        if extra := sorted(given - known):
            _refuse(f"columns that the model does not read: {_listed(extra)}")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            _refuse(f"columns are named twice: {_listed(twice)}")


def _released(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The card and the graph of a folder, which must name each other."""
    try:
        card: dict[str, Any] = json.loads((folder / "model.json").read_bytes())
        onnx = (folder / "model.onnx").read_bytes()
        recorded, *_ = (card[name] for name in ("onnx_sha256", "key", "numeric", "categorical", "classes", "target"))
    except OSError as error:
        _no_start(str(error))
    except (ValueError, KeyError, TypeError) as error:
        _no_start(f"model.json is no model's card: {error!r}")
    if hashlib.sha256(onnx).hexdigest() != recorded:
        _no_start("model.onnx is damaged or another model's: its SHA-256 is not the one that model.json names")
    return card, onnx


def _session(onnx: bytes) -> Any:  # noqa: ANN401  onnxruntime has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are forked, and threads would not follow
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _no_start(why: str) -> NoReturn:
    raise SystemExit(f"this model is not served: {why}")


def _refuse(what: str) -> NoReturn:
    raise SeldonMicroserviceException(what, status_code=400)


def _meta(meta: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """What of a request's `meta` goes into the answer."""
    meta = {} if meta is None else meta
    if not isinstance(meta, dict):
        _refuse("meta must be an object")
    for name, (kind, spoken) in _META.items():
        if name in meta and not isinstance(meta[name], kind):
            _refuse(f"meta.{name} must be {spoken}")
    return {name: meta[name] for name in _META if name in meta}


def _rows(data: Any) -> tuple[dict[str, Any], Sequence[Any]]:  # noqa: ANN401
    if not isinstance(data, dict) or ("ndarray" in data) == ("tensor" in data):
        _refuse(f"the request has no data, or more than one kind of it: {_FORM}")
    rows = data["ndarray"] if "ndarray" in data else _of_tensor(data["tensor"])
    if not isinstance(rows, list) or not rows:
        _refuse(f"data.ndarray holds no rows: {_FORM}")
    return data, rows


def _of_tensor(tensor: Any) -> list[Any]:  # noqa: ANN401
    values, shape = (tensor.get("values"), tensor.get("shape")) if isinstance(tensor, dict) else (None, None)
    match shape:
        case [int(rows), int(width)] if isinstance(values, list) and width > 0 and rows * width == len(values):
            return [values[start : start + width] for start in range(0, len(values), width)]
    _refuse("data.tensor must hold values, and their shape as [rows, columns]")


def _number(value: Any, name: str) -> float:  # noqa: ANN401
    """A number as training had it; NaN where it is missing."""
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        _refuse(f"column {name!r} must be a number or null, not {_shown(value)}")
    if isinstance(value, int) and abs(value) > _EXACT:
        _refuse(f"column {name!r} must be a number that 64 bits hold exactly, within ±2^53")
    if abs(value) >= _INFINITE:
        _refuse(f"column {name!r} must be a finite number, within ±3.4e38")
    return float(value)


def _text(value: Any, name: str) -> str:  # noqa: ANN401
    """A category as training had it, a whole number by its digits; empty where it is missing."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LONGEST:
        return str(value)
    if not isinstance(value, str):
        _refuse(f"column {name!r} must be a text or null, not {_shown(value)}")
    if any("\ud800" <= mark <= "\udfff" for mark in value):
        _refuse(f"column {name!r} holds half of a surrogate pair, which is no text")
    return value


def _shown(value: Any) -> str:  # noqa: ANN401
    """A value as the client wrote it, if it is short."""
    match value:
        case list() | dict():
            return "a list" if isinstance(value, list) else "an object"
        case str():
            return json.dumps(value[:40])
        case _:
            return json.dumps(value)[:40]


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def _error_handler() -> Blueprint:
    """Answers to requests that never reach the model; the wrapper's own would be 500 for all of them."""
    blueprint = Blueprint("slipway", __name__)
    blueprint.app_errorhandler(HTTPException)(_of_http)
    for kind in (json.JSONDecodeError, UnicodeDecodeError, RecursionError, UnsupportedMediaType):
        blueprint.app_errorhandler(kind)(_unreadable)
    return blueprint


def _of_http(error: HTTPException) -> tuple[dict[str, Any], int]:
    code = error.code or 500
    return SeldonMicroserviceException(error.description, status_code=code).to_dict(), code


def _unreadable(_: Exception) -> tuple[dict[str, Any], int]:
    return SeldonMicroserviceException(f"the request is no JSON: {_FORM}").to_dict(), 400
