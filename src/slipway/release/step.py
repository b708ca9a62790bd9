"""What came of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.plan.rule import Wanted


class Done(StrEnum):
    """What came of a decision."""

    NOTHING = "nothing"
    COMMITTED = "committed"
    PROPOSED = "proposed"
    """It waits on a branch of its own for a pull request."""
    REFUSED = "refused"
    """The verdict is no."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One decision about a model, and what came of it."""

    model: str
    wanted: Wanted
    done: Done
    key: str | None = None
    subject: str = ""
    commit: str = ""
    reasons: tuple[str, ...] = ()
    trained: bool = False
    known: bool = False
    """Whether the verdict was known before, and nothing was asked anew."""
    seconds: float = 0.0
    exit_code: int = 0
