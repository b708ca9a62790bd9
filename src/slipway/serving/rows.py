"""A request's rows as the arrays that the model reads, or a refusal that names the row and the field.

Most requests are right, so rows are converted all at once first; only what does not convert, or might have been
converted to something else than was sent, is read again value by value.
"""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from operator import itemgetter
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from seldon_core.flask_utils import SeldonMicroserviceException

_EXACT = 2**53
"""Whole numbers beyond are told apart neither in training nor here."""
INFINITE = 2.0**128 - 2.0**103
"""From here on a number is infinite in the 32 bits that models calculate in."""
_LONGEST = 2**63
_SHOWN = 12
_SMALL = 64
"""Up to so many values Python finds the largest sooner than numpy does."""
_KNOWN_ORDERS = 64
_REMEMBERED = 4
"""Times as many names as the model has columns; clients that send more, to be ignored, have them read each time."""
FORM = 'send {"data": {"names": ["column", …], "ndarray": [[value, …], …]}} with Content-Type: application/json'

type Row = Sequence[Any]


class Refused(SeldonMicroserviceException):  # type: ignore[misc]  # it has no types
    """A request that cannot be answered: HTTP 400, with what is wrong."""

    def __init__(self, what: str, *, code: int = 400) -> None:
        """Refuse with a sentence, and with another code where 400 is not it."""
        super().__init__(what, status_code=code)

    def __str__(self) -> str:
        return str(self.message)


class Extra(StrEnum):
    """What becomes of columns that the model does not read."""

    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as the model reads them."""

    numeric: NDArray[np.float32]
    """Rows x numeric columns, NaN where missing."""
    categorical: NDArray[np.object_]
    """Rows x categorical columns, texts, empty where missing."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Where the model's columns stand in a request's rows."""

    width: int
    names: tuple[str, ...]
    numeric: Callable[[Row], Row]
    categorical: Callable[[Row], Row]


class Columns:
    """The columns of a model, and how rows become its arrays."""

    def __init__(self, numeric: Sequence[str], categorical: Sequence[str], *, extra: Extra = Extra.REFUSE) -> None:
        """Take the columns in the model's own order."""
        self.names = (*numeric, *categorical)
        self._numeric, self._categorical = tuple(numeric), tuple(categorical)
        self._extra = extra
        self._own = self._order(self.names)
        self._orders: dict[tuple[str, ...], _Order] = {}

    def batch(self, names: object, rows: object) -> Batch:
        """The arrays of rows whose values stand in the order of `names`, or of the model's columns where it is empty.

        Raises `Refused`.
        """
        order = self._own if names is None or names == [] else self._order_of(names)
        if not isinstance(rows, list) or not rows:
            refuse(f"the request holds no rows: {FORM}")
        if not _are_rows(rows, order.width):
            _refuse_form(rows, order.names)
        return Batch(self._numbers(rows, order), self._texts(rows, order))

    def _order_of(self, names: object) -> _Order:
        """The order of a request's names; those seen before are remembered, so that nobody looks at them again."""
        if not isinstance(names, list):
            refuse("names must be a list of texts")
        try:
            return self._orders[tuple(names)]
        except (KeyError, TypeError):  # new, or not even texts
            return self._new_order(names)

    def _new_order(self, names: list[object]) -> _Order:
        given = tuple(name for name in names if isinstance(name, str))
        if len(given) != len(names):
            refuse("names must be a list of texts")
        order = self._order(self._checked(given))
        if len(self._orders) < _KNOWN_ORDERS and len(given) <= _REMEMBERED * len(self.names):
            self._orders[given] = order
        return order

    def _checked(self, names: tuple[str, ...]) -> tuple[str, ...]:
        given, known = set(names), set(self.names)
        extra = sorted(given - known)
        if missing := [name for name in self.names if name not in given]:
            unread = f", and not read: {listed(extra)}" if extra else ""
            refuse(f"columns are missing: {listed(missing)}{unread}; send null for a value that is not known")
        if extra and self._extra is Extra.REFUSE:
            refuse(f"columns that the model does not read: {listed(extra)}; leave them out")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            refuse(f"columns are named twice: {listed(twice)}")
        return names

    def _order(self, names: tuple[str, ...]) -> _Order:
        place = {name: index for index, name in enumerate(names)}
        numeric, categorical = ([place[name] for name in part] for part in (self._numeric, self._categorical))
        return _Order(len(names), names, _getter(numeric, len(names)), _getter(categorical, len(names)))

    def _numbers(self, rows: Sequence[Row], order: _Order) -> NDArray[np.float32]:
        if not self._numeric:
            return np.empty((len(rows), 0), dtype=np.float32)
        try:
            values = array("d", chain.from_iterable(map(order.numeric, rows)))
        except (TypeError, OverflowError):
            return self._each_number(rows, order)
        if not _is_near(values):
            return self._each_number(rows, order)
        return np.frombuffer(values).astype(np.float32).reshape(len(rows), -1)

    def _each_number(self, rows: Sequence[Row], order: _Order) -> NDArray[np.float32]:
        read = [
            [_number(value, name, at) for value, name in zip(order.numeric(row), self._numeric, strict=True)]
            for at, row in enumerate(rows, start=1)
        ]
        return np.array(read, dtype=np.float32)

    def _texts(self, rows: Sequence[Row], order: _Order) -> NDArray[np.object_]:
        if not self._categorical:
            return np.empty((len(rows), 0), dtype=object)
        values = list(chain.from_iterable(map(order.categorical, rows)))
        if not set(map(type, values)) <= {str} or not is_text("".join(values)):
            values = [
                _text(value, name, at)
                for at, row in enumerate(rows, start=1)
                for value, name in zip(order.categorical(row), self._categorical, strict=True)
            ]
        return np.array(values, dtype=object).reshape(len(rows), -1)


def _getter(places: Sequence[int], width: int) -> Callable[[Row], Row]:
    """What takes these values from a row."""
    if list(places) == list(range(width)):
        return lambda row: row
    match len(places):
        case 0:
            return lambda _: ()
        case 1:
            (place,) = places
            return lambda row: (row[place],)
        case _:
            return itemgetter(*places)


def _are_rows(rows: Sequence[Any], width: int) -> bool:
    if len(rows) == 1:
        return type(rows[0]) is list and len(rows[0]) == width
    return set(map(type, rows)) == {list} and set(map(len, rows)) == {width}


def _is_near(values: array[float]) -> bool:
    """Whether all are small enough for 64 bits to hold whole numbers exactly. False where it cannot be told for NaN."""
    if len(values) <= _SMALL:
        return min(values) > -_EXACT and max(values) < _EXACT
    return bool(np.abs(np.frombuffer(values)).max() < _EXACT)


def _refuse_form(rows: Sequence[Any], names: Sequence[str]) -> NoReturn:
    """Name the first row that is none."""
    for at, row in enumerate(rows, start=1):
        if not isinstance(row, list):
            refuse(f"row {at} is no list of values: {FORM}")
        if len(row) != len(names):
            refuse(f"row {at} has {len(row)} values, not one for each of {listed(names)}")
    raise AssertionError(rows)


def _number(value: Any, name: str, at: int) -> float:  # noqa: ANN401  whatever a client sent
    """A number as training had it; NaN where it is missing."""
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        refuse(f"row {at}: column {name!r} must be a number or null, not {_shown(value)}")
    if isinstance(value, int) and abs(value) > _EXACT:
        refuse(f"row {at}: column {name!r} must be a number that 64 bits hold exactly, within ±2^53")
    if abs(value) >= INFINITE:
        refuse(f"row {at}: column {name!r} must be a finite number, within ±3.4e38")
    return float(value)


def _text(value: Any, name: str, at: int) -> str:  # noqa: ANN401
    """A category as training had it, a whole number by its digits; empty where it is missing."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LONGEST:
        return str(value)
    if not isinstance(value, str):
        refuse(f"row {at}: column {name!r} must be a text or null, not {_shown(value)}")
    if not is_text(value):
        refuse(f"row {at}: column {name!r} holds half of a surrogate pair, which is no text")
    return value


def is_text(value: str) -> bool:
    """Whether a text can be written: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:  # noqa: ANN401
    """A value as the client wrote it, if it is short."""
    match value:
        case list() | dict():
            return "a list" if isinstance(value, list) else "an object"
        case str():
            return json.dumps(value[:40])
        case _:
            return json.dumps(value)[:40]


def listed(names: Sequence[str]) -> str:
    """Names for a message, cut where they are many."""
    rest = len(names) - _SHOWN
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def refuse(what: str) -> NoReturn:
    """Refuse the request."""
    raise Refused(what)
