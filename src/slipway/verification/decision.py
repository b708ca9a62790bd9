"""From all that was answered to the verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from slipway.results import ModelCard, ReasonState
from slipway.verification import findings
from slipway.verification.document import Counted, Finding, Verification
from slipway.verification.findings import Facts, Limits, Pace, few, places


def decide(card: ModelCard, url: str, facts: Facts, limits: Limits, *, seconds: float) -> Verification:
    """What was found, and whether the endpoint serves the reviewed model as well as it should."""
    told = (*facts.golden, *facts.load)
    pace = _pace(facts)
    reasons = _reasons(card, facts, limits, pace)
    return Verification(
        model=card.model,
        key=card.key,
        url=url,
        keys=few(Counter(one.key for one in told if one.key)),
        golden=len(card.golden),
        differing=places(index for one in told for index in one.differing),
        largest=max((one.largest for one in told if not one.error), default=None),
        tolerance=card.parity.tolerance,
        requests=limits.requests,
        clients=limits.clients,
        p50_ms=pace and pace.p50_ms,
        p99_ms=pace and pace.p99_ms,
        max_p99_ms=limits.max_p99_ms,
        per_second=pace and pace.per_second,
        errors=few(Counter(one.error for one in told if one.error)),
        counted=facts.counted if isinstance(facts.counted, Counted) else None,
        reasons=reasons,
        passed=all(reason.state is not ReasonState.FAIL for reason in reasons),
        seconds=seconds,
    )


def _reasons(card: ModelCard, facts: Facts, limits: Limits, pace: Pace | None) -> tuple[Finding, ...]:
    """All checks; where no golden request was answered, there is nothing else to say."""
    answers = findings.answers(card, facts.golden)
    told = (*facts.golden, *facts.load)
    answered = [one for one in told if not one.error]
    if not answered:
        return (answers,)
    return (
        answers,
        findings.keys(card, told),
        *([findings.labels(card, answered)] if card.classes else []),
        findings.errors(card, facts, limits),
        findings.latency(pace, limits),
        *findings.counters(facts.counted),
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest of the values that so many percent of them do not exceed (nearest rank)."""
    return ordered[math.ceil(percent * len(ordered) / 100) - 1]


def _pace(facts: Facts) -> Pace | None:
    """How quickly the load was answered; None where it was not."""
    times = sorted(one.seconds for one in facts.load if not one.error)
    if not times or facts.load_seconds <= 0:
        return None
    return Pace(
        p50_ms=percentile(times, 50) * 1000,
        p99_ms=percentile(times, 99) * 1000,
        per_second=len(times) / facts.load_seconds,
    )
