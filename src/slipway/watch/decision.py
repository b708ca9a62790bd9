"""What follows from a look at a model. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.watch.drift import Moved, Subject
from slipway.watch.fresh import Fresh, State
from slipway.watch.labels import Quality


@dataclass(frozen=True, kw_only=True)
class Live:
    """What Prometheus told of the release that is live."""

    key: str
    environment: str
    seconds: float
    """Of traffic that was looked at: since no other key answered, and no longer than was asked for."""
    moved: tuple[Moved, ...] = ()
    """Features and predictions, the farthest first."""
    quality: Quality | None = None
    """None where the model counts no labels at all."""

    @property
    def rows(self) -> float:
        """Live rows that were looked at."""
        return max((one.rows for one in self.moved), default=0.0)

    @property
    def is_told(self) -> bool:
        """Whether there were rows enough to say that nothing is wrong: silence is no all-clear."""
        return any(one.is_told for one in self.moved)


class Kind(StrEnum):
    """What may be wrong with a model that is live."""

    FEATURE = "feature"
    PREDICTIONS = "predictions"
    QUALITY = "quality"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong with a model that is live."""

    kind: Kind
    name: str = ""
    """The feature's; it may be anything."""

    def of(self, key: str) -> str:
        """What it is known by while this key is live: the same words from look to look."""
        return f"{key} {self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """There is nothing to do."""


@dataclass(frozen=True, kw_only=True)
class Propose:
    """There are newer data: they are proposed, with what else was found."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Something is wrong, and there are no newer data that could mend it."""

    findings: tuple[Finding, ...]
    why: str
    """There are none: a sentence, without its full stop."""


@dataclass(frozen=True, kw_only=True)
class Unsure:
    """What was asked did not answer: neither that all is well nor that it is not."""

    findings: tuple[Finding, ...]


type Decision = Nothing | Propose | Stuck | Unsure


def findings(live: Live | None) -> tuple[Finding, ...]:
    """What has drifted, the farthest first, and whether the answers have become worse."""
    if live is None:
        return ()
    found = [Finding(kind=_KINDS[one.counts.subject], name=_name(one)) for one in live.moved if one.has_drifted]
    if live.quality is not None and live.quality.has_regressed:
        found.insert(0, Finding(kind=Kind.QUALITY))
    return tuple(found)


def untold(live: Live) -> tuple[Finding, ...]:
    """What this look can call neither wrong nor well, for want of rows or of labels: what was found before stands.

    Labels may come once a week, where a look is over a day.
    """
    doubtful = [one for one in live.moved if not (one.has_drifted or one.is_well)]
    found = [Finding(kind=_KINDS[one.counts.subject], name=_name(one)) for one in doubtful]
    if live.quality is None or not (live.quality.has_regressed or live.quality.is_well):
        found.insert(0, Finding(kind=Kind.QUALITY))
    return tuple(found)


def decide(live: Live | None, fresh: Fresh, *, is_known: bool = True) -> Decision:
    """Newer data are proposed whether or not something has drifted: that is what the source is watched for.

    `is_known`: whether Prometheus answered, where there is one to ask.
    """
    found = findings(live)
    if fresh.state is State.NEWER:
        return Propose(findings=found)
    if fresh.state is State.UNKNOWN or not is_known:
        return Unsure(findings=found)
    if found:
        return Stuck(findings=found, why=fresh.what)
    return Nothing()


_KINDS = {Subject.FEATURE: Kind.FEATURE, Subject.PREDICTIONS: Kind.PREDICTIONS}


def _name(moved: Moved) -> str:
    return moved.counts.name if moved.counts.subject is Subject.FEATURE else ""
