"""A model that is watched, and what came of a look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from slipway.errors import ExitCode

if TYPE_CHECKING:
    from slipway.datasets.pointer import Pointer
    from slipway.watch.decision import Decision, Live
    from slipway.watch.fresh import Fresh


class Until(StrEnum):
    """How far a run goes."""

    LOOK = "look"
    """Nothing is changed anywhere."""
    DATA = "data"
    """Newer data are fetched and kept, so that whoever is to read them finds them before they are proposed.

    That they are main's after all is noted on the branch.
    """
    PROPOSAL = "proposal"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model as main has it."""

    model: str
    file: str
    """Of the pointer, from the repository's root."""
    pointer: Pointer | None
    """None where its data are in Git."""
    key: str | None
    """What is live; None where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was found, and what was done about it."""

    model: str
    decision: Decision | None = None
    """None where the model could not be looked at."""
    live: Live | None = None
    fresh: Fresh | None = None
    problem: str = ""
    """Why Prometheus did not answer, if it was asked."""
    said: tuple[str, ...] = ()
    """Sentences, without their full stops."""
    url: str = ""
    """Of the pull request or the issue."""
    branch: str = ""
    """Where a commit waits."""
    exit_code: ExitCode = ExitCode.DONE

    def saying(self, *said: str) -> Self:
        """The same, with more to say."""
        return replace(self, said=(*self.said, *said))
