"""What a pull request's run found of one model: a report, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.report import ReportInput
from slipway.results import VerdictName


@dataclass(frozen=True, kw_only=True)
class ModelReview:
    """A model's report; without one `error` says in slipway's words what was wrong. It may quote data."""

    model: str
    report: ReportInput | None = None
    error: str = ""
    is_outside: bool = False
    """The error is not the change's: something that slipway depends on failed."""

    @property
    def verdict(self) -> VerdictName | None:
        """The verdict; None where there is none."""
        return self.report.verdict if self.report else None


class Act(StrEnum):
    """What a merge does to a model of which nothing is judged."""

    RETIRE = "retire"
    CONFIGURE = "configure"
    EDIT = "edit"
    """Its manifest was edited, or a release of it was reverted: what is served changes with the merge itself."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A model that a merge changes besides those that were reviewed."""

    model: str
    act: Act
