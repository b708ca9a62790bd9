"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

NOTHING = "–"
_DIGITS = 3
_MOST_DECIMALS = 6
_HUGE = 1e12
_MINUTE, _HOUR = 60, 3600
_KILO, _MEGA = 1e3, 1e6


def decimals(values: Iterable[float], digits: int = _DIGITS) -> int:
    """The decimals that give the largest of the values that many significant digits."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0:
        return digits
    return min(_MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(largest))))


def number(value: float | None, places: int | None = None) -> str:
    """`12,345.7`, `0.0712`, `−3`; a dash for what is no number."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= _HUGE or 0 < abs(value) < 10**-_MOST_DECIMALS:
        return f"{value:.2e}".replace("-", "−")
    if places is None and value == int(value):
        places = 0
    text = f"{value:,.{decimals([value], 4) if places is None else places}f}"
    if places is None:
        text = text.rstrip("0")
    is_zero = not any(c in "123456789" for c in text)
    return text.lstrip("-") if is_zero else text.replace("-", "−")


def signed(value: float | None, places: int | None = None) -> str:
    """A difference: `+0.071`, `−0.020`, `0.000`."""
    text = number(value, places)
    is_positive = value is not None and value > 0 and any(c in "123456789" for c in text)
    return f"+{text}" if is_positive else text


def count(value: int, thing: str = "", things: str = "") -> str:
    """`1 row`, `12,345 rows`."""
    plural = things or f"{thing}s"
    return f"{value:,} {thing if value == 1 else plural}".rstrip() if thing else f"{value:,}"


def percent(share: float) -> str:
    """A share as `12%`, `0.3%`, `99.97%`; never rounded to 0% or 100% where it is not."""
    if not math.isfinite(share):
        return NOTHING
    for places in range(5):
        text = f"{100 * share:.{places}f}"
        exact = float(text) / 100
        if (exact == 0) == (share == 0) and (exact == 1) == (share == 1) and abs(exact - share) <= abs(share) / 20:
            return f"{text}%"
    return "<0.0001%" if share < 0.5 else ">99.9999%"  # noqa: PLR2004


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `1 min 12 s`, `2 h 5 min`."""
    if seconds < 9.95:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def milliseconds(value: float) -> str:
    """`0.043 ms`, `12 ms`."""
    return f"{number(value, decimals([value], 2))} ms"


def size(count_of_bytes: int) -> str:
    """`812 B`, `41 kB`, `1.2 MB`: powers of ten, as the gate's limit is."""
    if count_of_bytes < _KILO:
        return f"{count_of_bytes} B"
    if count_of_bytes < _MEGA:
        return f"{count_of_bytes / _KILO:.0f} kB"
    return f"{count_of_bytes / _MEGA:,.1f} MB"
