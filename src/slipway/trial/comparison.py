"""Whether a canary does worse than the default beside it, by what both were asked since it came."""

from __future__ import annotations

import math
from collections.abc import Callable

from slipway.live.traffic import Side, slower
from slipway.spec import GateTable
from slipway.trial.evidence import is_more, is_unlikely

LEAST_DIFFERENCE = 0.005
"""Of the share of bad answers. A smaller one is of no matter, however sure it is."""
LEAST_REQUESTS = 20
"""Of each side, before their errors are compared on the way: a server's first one may find it half awake."""
LEAST_TIMES = 100
"""Answers of each side, before their 99th percentiles are."""
ANY = 1
"""The floor at the end of a trial: nothing gets the full traffic because few requests came."""
FACTOR = 1.5
"""How many times the default's p99 a canary's may be."""
_ALL = 100
"""Percent, which a person may have given to a canary: its default is asked nothing then."""
type Test = Callable[[int, int, float, float], bool]
"""Of hits, all events, the share that is expected, and a confidence."""
_SLOW = 0.01
"""Share of the answers that may be above a 99th percentile."""


def credited(canary: Side, default: Side, percent: int) -> int:
    """How many of the canary's requests count as traffic: no more than its share and the default's lead one to expect.

    A server counts what slipway asks itself apart, unless it is older than that, or a proxy drops the header that says
    so. The default is asked nothing, so what slipway asks a canary again and again is no traffic by this either.
    """
    if percent >= _ALL:
        return canary.requests
    expected = math.ceil(default.requests * percent / (_ALL - percent))
    return min(canary.requests, expected)


def share(side: Side) -> float:
    """Share of the answers that were no good ones."""
    return side.errors / side.requests if side.requests else 0.0


def more_errors(canary: Side, default: Side, gate: GateTable, least: int = LEAST_REQUESTS) -> str:
    """In how much the canary answers worse, with the gate's confidence; empty where it does not, or nobody can tell.

    Each bad answer falls to a side with the share of the requests that went there, if both do as well. `least`: so many
    requests each side has to have.
    """
    if min(canary.requests, default.requests) < least or share(canary) - share(default) < LEAST_DIFFERENCE:
        return ""
    return _figures(canary, default) if _errors(is_more, canary, default, gate) else ""


def seeming_errors(canary: Side, default: Side, gate: GateTable) -> str:
    """In how much the canary seems to answer worse, though it may be chance; empty where it does not seem so.

    By one look, which nobody who may wait for more requests has to believe. A default that nobody asks counts as
    faultless: there is nothing to compare with.
    """
    if share(canary) - share(default) < LEAST_DIFFERENCE:
        return ""
    if not default.requests:
        own = f"{canary.errors:,} of its {canary.requests:,} requests got no good answer ({share(canary):.2%})"
        return f"{own}, and nobody asks the default, to compare it with"
    return _figures(canary, default) if _errors(is_unlikely, canary, default, gate) else ""


def _errors(test: Test, canary: Side, default: Side, gate: GateTable) -> bool:
    of_all = canary.requests / (canary.requests + default.requests)
    return test(canary.errors, canary.errors + default.errors, of_all, gate.confidence)


def _figures(canary: Side, default: Side) -> str:
    own = f"{canary.errors:,} of its {canary.requests:,} requests got no good answer ({share(canary):.2%})"
    return f"{own}, of the default's {default.errors:,} of {default.requests:,} ({share(default):.2%})"


def own_faults(side: Side, gate: GateTable) -> str:
    """In how much a release fails that is compared with none; empty where it does not surely.

    Only what its server calls its own fault is counted: how often clients ask wrongly, nobody can tell of it alone.
    """
    if not is_more(side.faults, side.requests, LEAST_DIFFERENCE, gate.confidence):
        return ""
    return f"{side.faults:,} of its {side.requests:,} requests ended in a fault of its own"


def slower_answers(canary: Side, default: Side, gate: GateTable, least: int = LEAST_TIMES) -> str:
    """In how much the canary is slower, with the same confidence; empty as above.

    More than one in a hundred answers take longer than the limit: surely, so told by the next bound above it. `least`:
    so many answers each side has to have given. Beside a default that gave none nothing is slow.
    """
    before, now = default.p99_ms, canary.p99_ms
    if before is None or now is None or default.buckets[-1][1] < least:
        return ""
    limit = max(gate.max_p99_ms, FACTOR * before)
    slow, total = slower(canary.buckets, limit / 1000)
    if total < least or not is_more(slow, total, _SLOW, gate.confidence):
        return ""
    return (
        f"{slow:,} of its {total:,} answers took longer than {limit:.3g} ms (p99 {now:.3g} ms), "
        f"which is the larger of max_p99_ms ({gate.max_p99_ms:g}) and {FACTOR:g} times the default's p99 ({before:.3g})"
    )
