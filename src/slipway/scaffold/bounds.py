"""Round bounds around what was seen: wide enough for tomorrow's data, narrow enough to catch a wrong unit."""

from __future__ import annotations

import math
import re

Number = int | float

_YEAR = re.compile(r"(^|[_\s])(year|yr|jahr|vintage)s?$|_year_|year", re.IGNORECASE)
_YEARS = (1600, 2100)
_MEASURABLE = (1e-200, 1e200)
"""Spans that can be halved and rounded without leaving what a float can hold."""
_LATITUDE = re.compile(r"(^|_)lat(itude)?(_|$)", re.IGNORECASE)
_LONGITUDE = re.compile(r"(^|_)(lon|lng|long|longitude)(_|$)", re.IGNORECASE)
_HOUR = re.compile(r"(^|_)hour(_|$)|hour_?of_?day", re.IGNORECASE)
_MONTH = re.compile(r"(^|_)month$", re.IGNORECASE)
_PERCENT = re.compile(r"percent|pct|(^|_)perc(_|$)", re.IGNORECASE)


def bounds(name: str, low: Number, high: Number, *, whole: bool) -> tuple[Number, Number]:
    """A lower and an upper bound of a column that was seen between `low` and `high`.

    What was never negative stays so, shares stay between 0 and 1; hours, months, percentages, latitudes
    and longitudes stay within what they can be. All else gets half of its span on either side, rounded outwards.
    """
    known = _known(name, low, high, whole=whole)
    if known is not None:
        return known
    span = float(high - low) or abs(float(high)) or 1.0
    if not _MEASURABLE[0] < span < _MEASURABLE[1]:
        return low, high
    step = 10.0 ** math.floor(math.log10(span)) / 2
    first = _clean(math.floor((low - span / 2) / step) * step, step)
    last = _clean(math.ceil((high + span / 2) / step) * step, step)
    first = max(first, 0) if low >= 0 else first
    last = min(last, 0) if high <= 0 else last
    if whole:
        first, last = math.floor(first), math.ceil(last)
    return min(first, low), max(last, high)


def _known(name: str, low: Number, high: Number, *, whole: bool) -> tuple[Number, Number] | None:
    if low >= 0 and high <= 1:
        return 0, 1
    if whole and _YEAR.search(name) and _YEARS[0] <= low and high <= _YEARS[1]:
        return int(low // 10 * 10), _YEARS[1]
    limits = (
        (_HOUR, (0, 23)),
        (_MONTH, (1, 12)),
        (_LATITUDE, (-90, 90)),
        (_LONGITUDE, (-180, 180)),
        (_PERCENT, (0, 100)),
    )
    return next(
        (limit for pattern, limit in limits if pattern.search(name) and limit[0] <= low and high <= limit[1]), None
    )


def _clean(value: float, step: float) -> Number:
    """Without the noise of binary fractions: 0.3, not 0.30000000000000004."""
    digits = max(0, 1 - math.floor(math.log10(step)))
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 2**53 else rounded
