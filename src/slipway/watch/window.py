"""How far back `watch` looks, as Prometheus writes a length of time."""

from __future__ import annotations

import re
from datetime import timedelta

from slipway.errors import InputError

DEFAULT = "1d"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WRITTEN = re.compile("(?!$)" + "".join(f"(?:([0-9]{{1,8}}){unit})?" for unit in _UNITS))
_LONGEST = timedelta(days=1000)


def parse(text: str) -> timedelta:
    """`10s`, `12h`, `1d`, `1d12h`; raises `InputError` for anything else, for no time, and for more than 1000 days."""
    found = _WRITTEN.fullmatch(text)
    parts = found.groups() if found else ()
    over = timedelta(**{name: int(said) for name, said in zip(_UNITS.values(), parts, strict=False) if said})
    if not timedelta() < over <= _LONGEST:
        raise InputError(f"{text!r} is no length of time", hint="Write --over as 10s, 30m, 12h, 1d, 1d12h or 2w.")
    return over


def written(over: timedelta) -> str:
    """As `parse` reads it, in the largest unit that tells it in whole numbers."""
    for unit, name in _UNITS.items():
        if over and not over % timedelta(**{name: 1}):
            return f"{over // timedelta(**{name: 1})}{unit}"
    raise ValueError(f"{over} is no whole number of seconds")
