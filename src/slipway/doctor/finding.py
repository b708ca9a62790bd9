"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    """Where a thing is set."""

    MACHINE = "this machine"
    REPOSITORY = "this repository"
    GITHUB = "GitHub"


class State(StrEnum):
    """Whether it is set."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The token may not see it, or there is none."""


class Need(StrEnum):
    """What becomes of it if it is not set."""

    NECESSARY = "necessary"
    """Releases do not work, or not safely."""
    ADVISED = "advised"
    """Something does without."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    area: Area
    name: str
    state: State
    need: Need
    what: str
    """What was found, and what it is good for."""
    how: str = ""
    """What to do next: a command, or a page of the settings."""

    @property
    def is_fault(self) -> bool:
        """Whether something necessary is missing."""
        return self.state is State.MISSING and self.need is Need.NECESSARY
