"""What came of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.plan.commit import Change
from slipway.plan.rule import Wanted


class Done(StrEnum):
    """What came of a decision."""

    NOTHING = "nothing"
    READY = "ready"
    """Everything before the commit is done, and no more was asked for."""
    COMMITTED = "committed"
    PROPOSED = "proposed"
    """It waits on a branch of its own for a pull request."""
    REFUSED = "refused"
    """The verdict is no."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Why a decision ends without a commit."""

    done: Done
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A commit that only has to land, and what was made for it."""

    change: Change
    image: str = ""
    """That the commit puts in, by its digest."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One decision about a model, and what came of it."""

    model: str
    wanted: Wanted
    done: Done
    key: str | None = None
    subject: str = ""
    commit: str = ""
    image: str = ""
    """The image that it is about, by its digest: built for it, or looked for."""
    reasons: tuple[str, ...] = ()
    trained: bool = False
    known: bool = False
    """Whether the verdict was known before, and nothing was asked anew."""
    seconds: float = 0.0
    exit_code: int = 0
