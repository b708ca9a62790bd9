"""What is on trial, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slipway.spec import GateTable, ServingTable

HOUR, MINUTE = 3600.0, 60.0


class Goal(StrEnum):
    """What comes of a trial that goes well."""

    PROMOTE = "promote"
    """A canary gets the full traffic."""
    CONFIRM = "confirm"
    """What has it is marked as verified, and the next environment takes it."""
    KEEP = "keep"
    """What has it stays as it is."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A release on trial."""

    model: str
    environment: str
    namespace: str
    goal: Goal
    predictor: str
    """Behind which name it is served."""
    key: str
    beside: str | None
    """The key that is served beside it."""
    percent: int | None
    """Its share of the traffic, if it is beside another."""
    is_asked: bool
    """Whether anybody but slipway asks it; nobody does where another environment follows."""
    since: datetime
    """When it was committed."""
    table: ServingTable
    gate: GateTable

    @property
    def least_seconds(self) -> float:
        """How long it is watched at least."""
        return self.table.canary_minutes * MINUTE

    @property
    def patience(self) -> float:
        """Seconds after which it has waited long enough for requests."""
        return self.table.canary_hours * HOUR

    def age(self, now: datetime) -> float:
        """Seconds since it was committed; none by a clock that is behind the committer's."""
        return max(0.0, (now - self.since).total_seconds())
