"""The checks of a report: what was looked at, and what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from slipway.report import ReportInput, words
from slipway.report.numbers import count, number, percent
from slipway.results import Check, ReasonState, Severity, Validation
from slipway.training.trial import TrialState


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One line of the table of checks. `text` may quote data."""

    name: str
    state: ReasonState | None
    """None: not looked at."""
    text: str

    @property
    def sign(self) -> str:
        """The state, readable without its colour."""
        if self.state is None:
            return "➖ not run"
        signs = {ReasonState.PASS: "✅ pass", ReasonState.WARN: "⚠️ warn", ReasonState.FAIL: "❌ fail"}
        return signs[self.state]


def rows(report: ReportInput) -> list[CheckRow]:
    """All checks, in the order in which they were made."""
    validation = report.validation
    table = [_expectations(validation), _leakage(validation), _search(report)]
    if report.comparison is None:
        return [*table, CheckRow(name="Gate", state=None, text="There is no challenger to judge.")]
    reasons = report.comparison.reasons
    return [*table, *(CheckRow(name=words.check(r.check), state=r.state, text=r.text) for r in reasons)]


def failed(validation: Validation) -> list[Check]:
    """The expectations that failed, those that block first."""
    order = list(Severity)
    return sorted((c for c in validation.checks if not c.passed), key=lambda c: order.index(c.severity))


def _expectations(validation: Validation) -> CheckRow:
    total = count(len(validation.checks), "expectation")
    rows_and_columns = f"{count(validation.rows, 'row')}, {count(validation.columns, 'column')}"
    bad = failed(validation)
    if not bad:
        return CheckRow(name="Data", state=ReasonState.PASS, text=_all_hold(len(validation.checks), rows_and_columns))
    counts = Counter(check.severity for check in bad)
    said = ", ".join(f"{counts[severity]:,} {severity}" for severity in Severity if counts[severity])
    state = ReasonState.FAIL if validation.blocking else ReasonState.WARN
    text = f"{len(bad):,} of {total} failed on {rows_and_columns} ({said})."
    return CheckRow(name="Data", state=state, text=text)


def _all_hold(expectations: int, where: str) -> str:
    match expectations:
        case 0:
            return f"Nothing is expected of the {where}."
        case 1:
            return f"The one expectation holds on {where}."
    return f"All {expectations:,} expectations hold on {where}."


def _leakage(validation: Validation) -> CheckRow:
    leakage = validation.leakage
    if not leakage.duplicates:
        return CheckRow(name="Leakage", state=ReasonState.PASS, text="No holdout row stands on the training side.")
    states = {Severity.CRITICAL: ReasonState.FAIL, Severity.WARNING: ReasonState.WARN, Severity.INFO: ReasonState.PASS}
    stands = "stands" if leakage.duplicates == 1 else "stand"
    text = (
        f"{count(leakage.duplicates, 'holdout row')} ({percent(leakage.share)}) {stands} on the training side as well."
    )
    return CheckRow(name="Leakage", state=states[leakage.severity], text=text)


def _search(report: ReportInput) -> CheckRow:
    if not report.validation.passed:
        return CheckRow(name="Search", state=None, text="Nothing is trained on data that failed.")
    broken = [t for t in report.trials if t.state is not TrialState.COMPLETE]
    total = count(len(report.trials), "trial")
    if report.card is None:
        first = f": {broken[0].error}" if broken else "."
        return CheckRow(name="Search", state=ReasonState.FAIL, text=f"None of {total} was completed{first}")
    card = report.card
    text = (
        f"Trial {card.trial} of {total}, a model of the family {words.family(card.family)}: "
        f"{words.metric(card.metric)} {number(card.cv_score)} over {len(card.cv_fold_scores)} folds."
    )
    if broken:
        text += f" {count(len(broken), 'trial')} failed; the first: {broken[0].error}"
    return CheckRow(name="Search", state=ReasonState.WARN if broken else ReasonState.PASS, text=text)
