"""What `verify` hands on."""

from __future__ import annotations

from typing import Literal

from slipway.results import Document, ReasonState

type CheckName = Literal["answers", "key", "labels", "errors", "latency", "counters"]


class Finding(Document):
    """One check, and why it says what it says."""

    check: CheckName
    state: ReasonState
    text: str
    hint: str = ""
    """What to do next, where it failed."""


class Counted(Document):
    """What the server's own metrics say it has answered, by HTTP code."""

    before: dict[str, int]
    after: dict[str, int]


class Verification(Document):
    """What `verify` found."""

    model: str
    key: str
    url: str
    keys: dict[str, int]
    """How many answers carried which key."""
    golden: int
    """Golden requests; each is asked by name and by position, alone and in one batch."""
    differing: tuple[int, ...]
    """Those that were answered otherwise than in the review, counted from 1."""
    largest: float | None
    """Largest difference; None where nothing could be compared."""
    tolerance: float
    requests: int
    """Requests of the load, each of one row."""
    clients: int
    p50_ms: float | None
    """Of the answers under load, by the nearest rank: a time that was measured, not one between two."""
    p99_ms: float | None
    max_p99_ms: float | None
    per_second: float | None
    errors: dict[str, int]
    """Requests without a good answer, by HTTP code or by what went wrong; those of the load among them."""
    counted: Counted | None
    """None where the server's metrics could not be read."""
    reasons: tuple[Finding, ...]
    passed: bool
    seconds: float
