"""How long to wait before a request is repeated, and whether it may be. Pure.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto

LONGEST = 300.0
"""Seconds that a command waits for GitHub in all: a job that waits costs as much as one that works."""
TRIES = 5
_NO_HINT = 60.0
"""Seconds that GitHub asks for where it does not say how long."""
_REFUSED = (403, 429)
_DOWN = 500


class Trouble(Enum):
    """What kept a request from being answered."""

    LIMIT = auto()
    """Too many requests; this one was not looked at."""
    UNSENT = auto()
    """No connection, so it was not looked at."""
    UNSURE = auto()
    """It went out, and nobody knows whether it was done."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that may be answered later."""

    trouble: Trouble
    what: str
    """Goes on after «GitHub»."""
    seconds: float | None = None
    """How long GitHub asks to be left alone."""


def of_status(status: int, headers: Mapping[str, str], message: str, now: float) -> Failure | None:
    """What an answer's status says; None for one that will not change by waiting. `headers` have small letters."""
    if status >= _DOWN:
        return Failure(trouble=Trouble.UNSURE, what=f"answers with {status}")
    if status not in _REFUSED:
        return None
    failure = limit(headers, now)
    return failure if failure.seconds is not None or "rate limit" in message.lower() else None


def limit(headers: Mapping[str, str], now: float) -> Failure:
    """Too many requests: how long to wait is in the headers, most of the time."""
    return Failure(trouble=Trouble.LIMIT, what="has had too many requests for now", seconds=_seconds(headers, now))


def _seconds(headers: Mapping[str, str], now: float) -> float | None:
    """How long to wait, by GitHub's own clock where it is told."""
    if (after := headers.get("retry-after", "")).isdecimal():
        return float(after)
    if headers.get("x-ratelimit-remaining") != "0":
        return None
    reset = headers.get("x-ratelimit-reset", "")
    with contextlib.suppress(KeyError, ValueError):
        now = parsedate_to_datetime(headers["date"]).timestamp()
    return max(float(reset) - now, 0.0) + 1 if reset.isdecimal() else _NO_HINT


def wait(failure: Failure, tries: int, waited: float, most: int = TRIES) -> float | None:
    """Seconds until the next try, after so many tries of at most so many, and seconds; None to give up."""
    seconds = asked(failure, tries)
    return seconds if tries < most and waited + seconds <= LONGEST else None


def asked(failure: Failure, tries: int) -> float:
    """Seconds to leave GitHub alone after so many tries."""
    if failure.trouble is Trouble.LIMIT:
        return failure.seconds if failure.seconds is not None else _NO_HINT * tries
    return float(2 ** (tries - 1))
