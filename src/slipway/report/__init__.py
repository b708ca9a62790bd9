"""What a reviewer reads: the comment, the page and the plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.results import Comparison, ModelCard, StageTime, Validation, VerdictName

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.training.trial import Outcome


def verdict(validation: Validation, comparison: Comparison | None) -> VerdictName:
    """The comparison's verdict; without one, or with data that validation rejects, `block`."""
    return comparison.verdict if comparison and validation.passed else VerdictName.BLOCK


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """All that a report is made of. There is no clock in it: equal inputs give equal reports."""

    model: str
    key: str
    commit: str | None
    """Of the change; None outside Git."""
    base: str | None
    """The commit that the change is compared with."""
    validation: Validation
    card: ModelCard | None
    """None when validation blocked the search, or the search found nothing."""
    trials: tuple[Outcome, ...]
    """In the order of their numbers."""
    comparison: Comparison | None
    times: tuple[StageTime, ...]
    spec: ModelSpec
    engine: str = "laptop"
    manifest_diff: str = ""
    """What a merge would change in `gitops/`, as a unified diff; empty if nothing, or if nobody looked."""
    data_digest: str = ""
    """Of the data file, as the key names it (`sha256:…`)."""

    @property
    def verdict(self) -> VerdictName:
        """The comparison's verdict; without one, or with data that validation rejects, `block`."""
        return verdict(self.validation, self.comparison)

    @property
    def seconds(self) -> float:
        """How long the stages took that were run now."""
        return sum(time.seconds for time in self.times if not time.reused)

    @property
    def seconds_before(self) -> float:
        """How long the stages took whose output was there already."""
        return sum(time.seconds for time in self.times if time.reused)
