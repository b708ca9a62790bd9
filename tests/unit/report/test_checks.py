from __future__ import annotations

import pytest

from slipway.report import checks
from slipway.results import Leakage, ReasonState, Severity

from . import samples


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("promote", ["warn", "warn", "warn", "pass", "pass", "pass", "pass", "pass"]),
        ("block-by-slice", ["warn", "warn", "warn", "pass", "fail", "pass", "pass", "pass"]),
        ("inconclusive", ["warn", "warn", "warn", "warn", "pass", "pass", "pass", "pass"]),
        ("rejected", ["fail", "warn", None, None]),
        ("nothing-found", ["warn", "warn", "fail", None]),
    ],
)
def test_states(name: str, states: list[str | None]) -> None:
    assert [row.state for row in checks.rows(samples.CASES[name]())] == states


@pytest.mark.parametrize(
    ("severity", "state"),
    [(Severity.CRITICAL, ReasonState.FAIL), (Severity.WARNING, ReasonState.WARN), (Severity.INFO, ReasonState.PASS)],
)
def test_leakage_counts_by_its_severity(severity: Severity, state: ReasonState) -> None:
    leakage = Leakage(duplicates=2, share=0.25, severity=severity)
    row = checks.rows(samples.promote(validation=samples.validation(leakage=leakage)))[1]
    assert (row.state, row.text) == (state, "2 holdout rows (25%) stand on the training side as well.")


def test_sound_data_and_a_whole_search_pass() -> None:
    sound = samples.validation(
        checks=(samples.check(),), leakage=Leakage(duplicates=0, share=0.0, severity=Severity.INFO)
    )
    rows = checks.rows(samples.promote(validation=sound, trials=samples.trials(failures=())))
    assert [(row.sign, row.text) for row in rows[:3]] == [
        ("✅ pass", "The one expectation holds on 150 rows, 6 columns."),
        ("✅ pass", "No holdout row stands on the training side."),
        ("✅ pass", "Trial 31 of 48 trials, a model of the family XGBoost: log loss 0.1293 over 5 folds."),
    ]


def test_failures_are_counted_by_severity_and_blocking_ones_come_first() -> None:
    validation = samples.rejected().validation
    assert [check.severity for check in checks.failed(validation)] == ["critical", "critical", "warning"]
    text = checks.rows(samples.rejected())[0].text
    assert text == "3 of 9 expectations failed on 150 rows, 6 columns (2 critical, 1 warning)."
