"""What came of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.plan.commit import Change
from slipway.plan.rule import Wanted
from slipway.reviewed_bytes import Bytes, Checked


class Done(StrEnum):
    """What came of a decision."""

    NOTHING = "nothing"
    READY = "ready"
    """Everything before the commit is done, and no more was asked for."""
    COMMITTED = "committed"
    PROPOSED = "proposed"
    """It waits on a branch of its own for a pull request."""
    HELD = "held"
    """A person took it away, so it stays away."""
    LATER = "later"
    """It came after this run had begun, so the next one does it."""
    REFUSED = "refused"
    """The verdict is no."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Why a decision ends without a commit."""

    done: Done
    reasons: tuple[str, ...]
    image: str = ""
    """That was looked for."""
    built: bool = False
    """Whether it was not there before."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A commit that only has to land, and what was made for it."""

    change: Change
    image: str = ""
    """That the commit puts in, by its digest."""
    built: bool = False
    """Whether it was not there before."""
    reviewed: Checked | None = None
    """Whether its model is the one that a review showed, where one did."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One decision about a model, and what came of it."""

    model: str
    wanted: Wanted
    done: Done
    environment: str = ""
    key: str | None = None
    verb: str = ""
    """What its commit does."""
    subject: str = ""
    commit: str = ""
    image: str = ""
    """The image that it is about, by its digest: built for it, or looked for."""
    built: bool = False
    """Whether the image was built now; not where it was there before, or is restored."""
    by_this_workflow: bool = False
    """Whether the workflow that runs this built the image, now or earlier, so that it may attest that."""
    reviewed: Bytes | None = None
    """Whether the image's model is the one that a review showed, where one did that was not to be shipped."""
    reasons: tuple[str, ...] = ()
    trained: bool = False
    known: bool = False
    """Whether the verdict was known before, and nothing was asked anew."""
    seconds: float = 0.0
    exit_code: int = 0
