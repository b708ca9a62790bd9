from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.report import ReportInput
from slipway.report.sound import unsound
from slipway.results import Diagnostics, Document

from . import samples


@pytest.mark.parametrize("name", samples.CASES)
def test_reports_of_our_own_hold_together(name: str) -> None:
    assert unsound(samples.CASES[name]()) == ""


def test_a_time_in_microseconds_is_no_fault() -> None:
    split = samples.card().split.model_copy(update={"newest_from": 1_800_000_000_000_000})
    assert unsound(samples.promote(card=samples.card(split=split))) == ""


def changed(document: Document | None, **values: object) -> Document:
    assert document is not None
    return document.model_copy(update=values)


def with_comparison(**values: object) -> ReportInput:
    report = samples.regression()
    return replace(report, comparison=changed(report.comparison, **values))  # type: ignore[arg-type]


def with_validation(**values: object) -> ReportInput:
    report = samples.promote()
    return replace(report, validation=changed(report.validation, **values))  # type: ignore[arg-type]


SHIFT = samples.change().shifts[0]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (with_comparison(metrics=()), "one metric that decides"),
        (with_comparison(metrics=(samples.metric("rmse", 1, 2, 1, primary=True),) * 2), "one metric that decides"),
        (with_comparison(champion_diagnostics=Diagnostics(predicted=(1.0, 2.0), actual=(1.0,))), "without the truth"),
        (with_comparison(holdout_rows=10**400), "too large to be true"),
        (with_comparison(min_improvement=-1e300), "too large to be true"),
        (with_validation(rows=10**19), "too large to be true"),
        (with_validation(change=changed(samples.change(), shifts=(changed(SHIFT, now=()),))), "fit no labels"),
        (samples.promote(trials=(replace(samples.trials(1)[0], score=1e308),)), "too large to be true"),
        (samples.promote(times=(changed(samples.TIMES[0], seconds=1e300),)), "too large to be true"),
    ],
)
def test_what_does_not_hold_together_is_named(report: ReportInput, said: str) -> None:
    assert said in unsound(report)
