"""What a table's columns are like: the facts from which a model's folder is proposed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from slipway.training.dataset import is_temporal

FEW = 100
"""Up to so many different values, they are listed."""
_ORDERED = 0.99
_ID_NAME = re.compile(r"(^|[_\s.-])(id|ids|identifier|uuid|guid|key|serial_?number)$", re.IGNORECASE)
_ROW_NAME = re.compile(r"idx|index|__index_level_\d+__|row_?names?|row_?numbers?|unnamed: \d+", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z](Id|ID|Key|UUID)$")
_OWNER_NAME = re.compile(
    r"(customer|client|user|patient|subject|account|member|person|household|participant|employee|student|session)",
    re.IGNORECASE,
)
_DATE_TEXT = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(\D.*)?|[A-Z][a-z]{2} \d{1,2},? \d{4}")


class Kind(StrEnum):
    """What a column holds, as `training.dataset.read` gives it."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One column: its type, its gaps and its values."""

    name: str
    kind: Kind
    type: str
    """Arrow's name of the type."""
    rows: int
    nulls: int
    distinct: int
    """Different values, missing ones aside."""
    low: int | float | datetime | None = None
    high: int | float | datetime | None = None
    whole: bool = False
    """Whether all numbers are whole, though a gap may have made floats of them."""
    deviation: float = 0.0
    """Standard deviation of the numbers."""
    counts: tuple[tuple[object, int], ...] = ()
    """The values and how often each occurs, most frequent first, where there are few of them."""
    length: float = 0.0
    """Mean length of the texts."""
    ordered: bool = False
    """Whether the rows stand in the order of these dates or whole numbers, up or down."""
    like_dates: bool = False
    """Whether the texts look like dates in a form that is not read as such."""

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in (Kind.INTEGER, Kind.FLOAT)

    @property
    def constant(self) -> bool:
        """Whether all values are one, or none is there."""
        return self.distinct <= 1

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice and none is missing."""
        return self.nulls == 0 and self.distinct == self.rows

    @property
    def numbered(self) -> bool:
        """Whether it only numbers the rows."""
        if not (self.unique and self.whole and self.ordered):
            return False
        return isinstance(self.low, int) and isinstance(self.high, int) and self.high - self.low == self.rows - 1

    @property
    def named_id(self) -> bool:
        """Whether its name says that it identifies something."""
        return bool(_ID_NAME.search(self.name) or _CAMEL_ID.search(self.name) or _OWNER_NAME.fullmatch(self.name))

    @property
    def named_row(self) -> bool:
        """Whether its name says that it numbers the rows."""
        return bool(_ROW_NAME.fullmatch(self.name))

    @property
    def values(self) -> tuple[object, ...]:
        """The different values, in order, where there are few of them."""
        return tuple(sorted((value for value, _ in self.counts), key=lambda v: (str(type(v)), v)))


def profiles(table: pa.Table) -> tuple[Profile, ...]:
    """Look at every column of a table, in its order."""
    return tuple(profile(name, table.column(name)) for name in table.column_names)


def profile(name: str, column: pa.ChunkedArray) -> Profile:
    """Look at one column."""
    kind = _kind(column.type)
    if kind is Kind.FLOAT:
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    distinct = pc.count_distinct(column, mode="only_valid").as_py()
    facts = {
        Kind.INTEGER: _number_facts,
        Kind.FLOAT: _number_facts,
        Kind.BOOLEAN: lambda _: {},
        Kind.TEXT: _text_facts,
        Kind.DATE: _date_facts,
    }[kind](column.drop_null())
    return Profile(
        name=name,
        kind=kind,
        type=str(column.type),
        rows=len(column),
        nulls=column.null_count,
        distinct=distinct,
        counts=_counts(column) if distinct <= FEW else (),
        **facts,
    )


def _kind(kind: pa.DataType) -> Kind:
    if pa.types.is_boolean(kind):
        return Kind.BOOLEAN
    if pa.types.is_integer(kind):
        return Kind.INTEGER
    if pa.types.is_floating(kind):
        return Kind.FLOAT
    return Kind.DATE if is_temporal(kind) else Kind.TEXT


def _counts(column: pa.ChunkedArray) -> tuple[tuple[object, int], ...]:
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    found = [(pair["values"], pair["counts"]) for pair in pairs]
    return tuple(sorted(found, key=lambda pair: (-pair[1], str(pair[0]))))


def _number_facts(column: pa.ChunkedArray) -> dict[str, Any]:
    if not len(column):
        return {}
    numbers = column.to_numpy()
    whole = bool(np.all(numbers == np.round(numbers)))
    cast = int if whole else float
    return {
        "low": cast(numbers.min()),
        "high": cast(numbers.max()),
        "whole": whole,
        "deviation": _deviation(numbers.astype(np.float64)),
        "ordered": whole and _ordered(numbers),
    }


def _deviation(numbers: npt.NDArray[np.float64]) -> float:
    """The standard deviation, also of numbers whose squares no float holds."""
    scale = float(np.abs(numbers).max()) or 1.0
    return float(np.std(numbers / scale)) * scale


def _text_facts(column: pa.ChunkedArray) -> dict[str, Any]:
    if not len(column):
        return {}
    first = column.slice(0, FEW).to_pylist()
    return {
        "length": float(pc.mean(pc.utf8_length(column)).as_py()),
        "like_dates": all(_DATE_TEXT.fullmatch(text) for text in first),
    }


def _date_facts(column: pa.ChunkedArray) -> dict[str, Any]:
    if not len(column):
        return {}
    moments = column.cast(pa.timestamp("us"))
    span = pc.min_max(moments).as_py()
    return {"low": span["min"], "high": span["max"], "ordered": _ordered(moments.cast(pa.int64()).to_numpy())}


def _ordered(values: npt.NDArray[Any]) -> bool:
    """Whether nearly all neighbours stand in one order; ties count for either."""
    if len(values) < 2:  # noqa: PLR2004
        return False
    ahead, behind = values[1:], values[:-1]
    return bool(max(np.mean(ahead >= behind), np.mean(ahead <= behind)) >= _ORDERED)
