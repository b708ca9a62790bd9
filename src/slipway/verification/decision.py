"""From all that was answered to the verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from slipway.results import ModelCard, ReasonState
from slipway.verification import findings
from slipway.verification.document import Counted, Verification
from slipway.verification.findings import Facts, Limits, few, places


def decide(card: ModelCard, url: str, facts: Facts, limits: Limits, *, seconds: float) -> Verification:
    """What was found, and whether the endpoint serves the reviewed model as well as it should."""
    told = (*facts.golden, *facts.load)
    answered = [one for one in told if not one.error]
    times = sorted(one.seconds for one in facts.load if not one.error)
    p99 = percentile(times, 99)
    reasons = (
        findings.answers(card, facts.golden),
        findings.keys(card, told),
        *([findings.labels(card, answered)] if card.classes else []),
        findings.errors(card, facts, limits),
        findings.latency(p99, len(times), limits),
        *findings.counters(facts.counted),
    )
    return Verification(
        model=card.model,
        key=card.key,
        url=url,
        keys=few(Counter(one.key for one in told if one.key)),
        golden=len(card.golden),
        differing=places(index for one in told for index in one.differing),
        largest=max((one.largest for one in answered), default=None),
        tolerance=card.parity.tolerance,
        requests=limits.requests,
        clients=limits.clients,
        p50_ms=_ms(percentile(times, 50)),
        p99_ms=_ms(p99),
        max_p99_ms=limits.max_p99_ms,
        per_second=len(times) / facts.load_seconds if times and facts.load_seconds > 0 else None,
        errors=few(Counter(one.error for one in told if one.error)),
        counted=facts.counted if isinstance(facts.counted, Counted) else None,
        reasons=reasons,
        passed=all(reason.state is not ReasonState.FAIL for reason in reasons),
        seconds=seconds,
    )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest of the values that so many percent of them do not exceed (nearest rank); None for no values."""
    return ordered[math.ceil(percent * len(ordered) / 100) - 1] if ordered else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
