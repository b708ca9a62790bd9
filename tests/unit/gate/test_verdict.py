"""The verdict is a pure function of the evidence and the gate."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.gate.verdict import Evidence, decide
from slipway.results import Interval, Parity, ReasonState, SliceRow, Timing, VerdictName
from slipway.spec import GateTable
from slipway.training.recipe import MetricName


def interval(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95, detectable=0.03)


def evidence(low: float, high: float, **changes: Any) -> Evidence:
    usual: dict[str, Any] = {
        "metric": MetricName.LOG_LOSS,
        "champion": "champion 3fa9c1d2",
        "improvement": interval(low, high),
        "slices": (),
        "timing": Timing(p50_ms=1.0, p99_ms=2.0, asked=500),
        "size": 1_000_000,
        "units": 200,
        "parity": Parity(rows=10, largest=1e-7, tolerance=1e-5),
    }
    return Evidence(**(usual | changes))


def group(*, regressed: bool, rows: int = 50) -> SliceRow:
    found = None if rows < 20 else interval(-0.3, -0.2)
    return SliceRow(
        column="country", group="FI", rows=rows, champion=0.4, challenger=0.6, improvement=found, regressed=regressed
    )


@pytest.mark.parametrize(
    ("low", "high", "least", "expected"),
    [
        (0.01, 0.05, 0.0, VerdictName.PROMOTE),
        (-0.05, -0.01, 0.0, VerdictName.BLOCK),
        (-0.01, 0.05, 0.0, VerdictName.INCONCLUSIVE),
        (0.0, 0.0, 0.0, VerdictName.INCONCLUSIVE),  # the same model again
        (0.01, 0.05, 0.02, VerdictName.INCONCLUSIVE),
        (0.03, 0.05, 0.02, VerdictName.PROMOTE),
        (0.01, 0.015, 0.02, VerdictName.BLOCK),
        (-0.02, 0.01, -0.05, VerdictName.PROMOTE),  # a non-inferiority margin
        (-0.09, -0.06, -0.05, VerdictName.BLOCK),
    ],
)
def test_the_interval_decides(low: float, high: float, least: float, expected: VerdictName) -> None:
    assert decide(evidence(low, high), GateTable(min_improvement=least)).name is expected


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"timing": Timing(p50_ms=1.0, p99_ms=26.0, asked=500)}, "latency"),
        ({"size": 51_000_000}, "size"),
        ({"parity": Parity(rows=10, largest=1e-3, tolerance=1e-5)}, "parity"),
        ({"slices": (group(regressed=False), group(regressed=True))}, "slices"),
    ],
)
def test_a_broken_guardrail_blocks_the_best_of_models(changes: dict[str, Any], check: str) -> None:
    verdict = decide(evidence(0.5, 0.6, **changes), GateTable(max_slice_regression=0.1))
    assert verdict.name is VerdictName.BLOCK
    assert [reason.check for reason in verdict.reasons if reason.state is ReasonState.FAIL] == [check]


def test_an_inconclusive_verdict_says_what_the_holdout_could_have_shown() -> None:
    reason = decide(evidence(-0.01, 0.05), GateTable(min_improvement=0.01)).reasons[0]
    assert reason.state is ReasonState.WARN
    assert "from +0.04 on" in reason.text


def test_slices_are_only_shown_when_the_gate_sets_no_limit() -> None:
    verdict = decide(evidence(0.1, 0.2, slices=(group(regressed=False),)), GateTable())
    assert verdict.name is VerdictName.PROMOTE


def test_groups_with_too_few_rows_are_counted() -> None:
    slices = (group(regressed=False), group(regressed=False, rows=5))
    verdict = decide(evidence(0.1, 0.2, slices=slices), GateTable(max_slice_regression=0.5))
    assert "none of 1 groups" in verdict.reasons[1].text
    assert "1 had too few rows" in verdict.reasons[1].text


def test_columns_that_the_champion_lost_are_a_warning() -> None:
    verdict = decide(evidence(0.1, 0.2, missing_columns=("width",)), GateTable())
    assert verdict.name is VerdictName.PROMOTE
    assert verdict.reasons[-1].state is ReasonState.WARN


def test_few_units_decide_nothing() -> None:
    assert decide(evidence(0.5, 0.6, units=19), GateTable()).name is VerdictName.INCONCLUSIVE
    assert decide(evidence(-0.6, -0.5, units=19), GateTable()).name is VerdictName.INCONCLUSIVE


def test_the_champion_again_is_said_to_be_that() -> None:
    verdict = decide(evidence(0.0, 0.0, same_model=True), GateTable())
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert "the challenger is the champion" in verdict.reasons[0].text
