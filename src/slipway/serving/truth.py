"""Seldon's feedback: what the truth was about rows that a model was asked for, beside what it says of them.

A row of the request is asked again here, so that what is counted is this model's own, whichever predictor answered at
the time: feedback goes to default and canary as requests do, and knows nothing of who answered. Feedback without its
request has the response instead, which counts for the model whose key it names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.serving.protobuf import number, plain, read_proto
from slipway.serving.rows import INFINITE, listed, refuse

if TYPE_CHECKING:
    from slipway.serving.model import Model

_FORM = 'send the truth as {"data": {"ndarray": [value, …]}}, a value for each row of the request'


@dataclass(frozen=True, slots=True)
class Judged:
    """What a feedback says of this model."""

    rows: int = 0
    """Rows whose truth is known."""
    measured: float = 0.0
    """How many of them were right; in a regression, the sum of the absolute errors."""
    unused: int = 0
    """Rows that another model answered."""


def judge(feedback: Any, model: Model) -> Judged:  # noqa: ANN401  generated, without types
    """Compare the truth of a feedback, where it has any, with what the model says. Raises `Refused`."""
    if feedback.truth.WhichOneof("data_oneof") is None:
        return Judged()
    classes = model.speaker.classes
    told = [_told(value, at, classes) for at, value in enumerate(_values(feedback.truth, "truth"), start=1)]
    if feedback.request.WhichOneof("data_oneof") is not None:
        said: Sequence[Any] = _asked_again(feedback.request, model)
    elif feedback.response.WhichOneof("data_oneof") is None:
        refuse("truth says nothing without the request that it is about, or the response: send either")
    elif (key := plain(feedback.response.meta.tags["key"])) != model.speaker.key:
        if not isinstance(key, str):
            refuse("the response does not say by meta.tags.key which model answered: send all of it, or the request")
        return Judged(unused=len(told))
    else:
        said = _said(feedback.response, model)
    if len(said) != len(told):
        refuse(f"truth has {len(told)} values for {len(said)} rows: {_FORM}")
    return Judged(rows=len(told), measured=_measured(told, said))


def _measured(told: Sequence[Any], said: Sequence[Any]) -> float:
    pairs = zip(told, said, strict=True)
    return math.fsum(float(a == b) if isinstance(a, str) else abs(a - b) for a, b in pairs)


def _asked_again(request: Any, model: Model) -> Sequence[Any]:  # noqa: ANN401
    """What the model says of the rows of a request now: each one's class, or its number."""
    asked = read_proto(request)
    output = model.again(asked.names, asked.rows)
    return model.speaker.labels(output) or output[:, 0].astype(float).tolist()


def _said(response: Any, model: Model) -> Sequence[Any]:  # noqa: ANN401
    """What a response of this model says of its rows; beside probabilities it names the likeliest classes."""
    classes = model.speaker.classes
    named = bool(classes) and response.WhichOneof("data_oneof") == "data"
    values = plain(response.meta.tags["labels"]) if named else _values(response, "response")
    if not isinstance(values, list):
        refuse("the response does not name its classes by meta.tags.labels: send all of it, or the request")
    return [_told(value, at, classes, "response") for at, value in enumerate(values, start=1)]


def _values(message: Any, what: str) -> list[Any]:  # noqa: ANN401
    """The values of a message in any of its forms."""
    kind = message.WhichOneof("data_oneof")
    if kind == "strData":
        return [message.strData]
    if kind == "jsonData":
        found = plain(message.jsonData)
        return found if isinstance(found, list) else [found]
    form = message.data.WhichOneof("data_oneof") if kind == "data" else None
    if form == "ndarray":
        return [plain(value) for value in message.data.ndarray.values]
    if form == "tensor":
        return [number(value) for value in message.data.tensor.values]
    return refuse(f"the {what} has no values: {_FORM}")


def _told(value: Any, at: int, classes: Sequence[str], what: str = "truth") -> str | float:  # noqa: ANN401
    """A class or a number, alone, in a list of its own, or as a record's prediction."""
    match value:
        case [one]:
            value = one
        case {"prediction": one}:
            value = one
    if classes:
        name = _class(value)
        if name is None or name not in classes:
            refuse(f"row {at} of the {what} is none of the classes {listed(classes)}")
        return name
    if not _is_finite(value):
        refuse(f"row {at} of the {what} must be a finite number, within ±3.4e38")
    return float(value)


def _class(value: Any) -> str | None:  # noqa: ANN401
    """A class as training named it: truth values and whole numbers by their text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < INFINITE
