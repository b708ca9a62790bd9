"""The verdict: promote, block or inconclusive, with a reason for each check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slipway.results import Interval, Parity, Reason, ReasonState, SliceRow, Timing, VerdictName
from slipway.spec import GateTable
from slipway.training.recipe import MetricName

MEGABYTE = 1_000_000
LEAST_UNITS = 20
"""Fewer units are no evidence: an interval of so few draws is far too narrow."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the gate looks at."""

    metric: MetricName
    champion: str
    improvement: Interval
    slices: tuple[SliceRow, ...]
    timing: Timing
    size: int
    """Bytes of `model.onnx`."""
    parity: Parity
    units: int
    """What was resampled: rows, or groups of rows that share a split key."""
    same_model: bool = False
    """Whether the challenger is the champion."""
    missing_columns: tuple[str, ...] = ()
    """Columns that the champion reads and the data no longer have."""
    caveat: str = ""
    """What is to be said of the rows that both were judged on."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer, with every reason for it."""

    name: VerdictName
    reasons: tuple[Reason, ...]


def decide(evidence: Evidence, gate: GateTable) -> Verdict:
    """Promote when the improvement's interval lies above `min_improvement` and no guardrail is broken.

    Block when it lies below, or a guardrail is broken; else the holdout was too small to tell.
    """
    reasons = (
        _improvement(evidence, gate),
        *_slices(evidence, gate),
        _latency(evidence.timing, gate),
        _size(evidence.size, gate),
        _parity(evidence.parity),
        *_data(evidence),
    )
    return Verdict(name=_name(reasons), reasons=reasons)


def _name(reasons: Iterable[Reason]) -> VerdictName:
    reasons = tuple(reasons)
    if any(reason.state is ReasonState.FAIL for reason in reasons):
        return VerdictName.BLOCK
    improvement = next(reason for reason in reasons if reason.check == "improvement")
    return VerdictName.PROMOTE if improvement.state is ReasonState.PASS else VerdictName.INCONCLUSIVE


def _improvement(evidence: Evidence, gate: GateTable) -> Reason:
    found, least = evidence.improvement, gate.min_improvement
    change = f"better by {found.estimate:.4g}" if found.estimate >= 0 else f"worse by {-found.estimate:.4g}"
    against = f"{evidence.metric.value.replace('_', ' ')} {change} than the {evidence.champion}"
    span = f"{found.confidence:.0%} interval {found.low:+.4g} to {found.high:+.4g}"
    asked = f"more than {least:+.4g} is asked for" if least else "any improvement is asked for"
    if evidence.same_model and least >= 0:
        state, text = ReasonState.WARN, "the challenger is the champion: its key is live already, so nothing would ship"
    elif evidence.units < LEAST_UNITS:
        state = ReasonState.WARN
        text = f"{against}, but {evidence.units} independent rows or groups tell nothing; {LEAST_UNITS} are needed"
    elif found.low > least:
        state, text = ReasonState.PASS, f"{against} ({span}); {asked}"
    elif found.high < least:
        state, text = ReasonState.FAIL, f"{against} ({span}); {asked}"
    else:
        state = ReasonState.WARN
        text = (
            f"{against} ({span}), which does not tell; {asked}. "
            f"This holdout shows an improvement four times in five only from {least + found.detectable:+.4g} on"
        )
    return Reason(check="improvement", state=state, text=text)


def _slices(evidence: Evidence, gate: GateTable) -> tuple[Reason, ...]:
    if not evidence.slices:
        return ()
    limit = gate.max_slice_regression
    if limit is None:
        return (Reason(check="slices", state=ReasonState.PASS, text="shown only: [gate] sets no limit"),)
    worse = [row for row in evidence.slices if row.regressed]
    if worse:
        named = ", ".join(_group(row) for row in worse)
        text = f"{evidence.metric.value.replace('_', ' ')} got worse by more than {limit:.4g} where {named}"
        return (Reason(check="slices", state=ReasonState.FAIL, text=text),)
    judged = sum(row.improvement is not None for row in evidence.slices)
    text = f"none of {judged} groups is surely worse by more than {limit:.4g}"
    if skipped := len(evidence.slices) - judged:
        text += f"; {skipped} had too few rows to judge"
    return (Reason(check="slices", state=ReasonState.PASS, text=text),)


def _group(row: SliceRow) -> str:
    by = f" ({row.improvement.estimate:+.4g})" if row.improvement else ""
    return f"{row.column} = {row.group}{by}"


def _latency(timing: Timing, gate: GateTable) -> Reason:
    state = ReasonState.PASS if timing.p99_ms <= gate.max_p99_ms else ReasonState.FAIL
    text = f"p99 of one row {timing.p99_ms:.3g} ms, of {gate.max_p99_ms:g} ms allowed"
    return Reason(check="latency", state=state, text=text)


def _size(size: int, gate: GateTable) -> Reason:
    state = ReasonState.PASS if size <= gate.max_size_mb * MEGABYTE else ReasonState.FAIL
    return Reason(check="size", state=state, text=f"{size / MEGABYTE:.3g} MB, of {gate.max_size_mb:g} MB allowed")


def _parity(parity: Parity) -> Reason:
    state = ReasonState.PASS if parity.holds else ReasonState.FAIL
    text = f"ONNX and the native model differ by {parity.largest:.2g} at most, of {parity.tolerance:.2g} allowed"
    return Reason(check="parity", state=state, text=text)


def _data(evidence: Evidence) -> tuple[Reason, ...]:
    rows = (Reason(check="data", state=ReasonState.WARN, text=evidence.caveat),) if evidence.caveat else ()
    if not evidence.missing_columns:
        return rows
    text = f"the champion reads {', '.join(evidence.missing_columns)}, which the data no longer have; left empty for it"
    return (*rows, Reason(check="data", state=ReasonState.WARN, text=text))
