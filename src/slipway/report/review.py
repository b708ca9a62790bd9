"""What a pull request's run found of one model: a report, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

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
