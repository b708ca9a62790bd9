from __future__ import annotations

import pytest

from slipway.report import words

from . import samples


@pytest.mark.parametrize(
    ("estimate", "half", "text"),
    [
        (0.0712, 0.0402, "+0.071 [+0.031, +0.111]"),
        (5.19, 3.84, "+5.2 [+1.4, +9.0]"),
        (-0.19, 0.11, "−0.19 [−0.30, −0.08]"),
        (1_234.5, 410.0, "+1,234 [+824, +1,644]"),
        (0.0022, 0.0009, "+0.00220 [+0.00130, +0.00310]"),
        (0.0, 0.0, "0.000 [0.000, 0.000]"),
        (0.1, 0.0, "+0.100 [+0.100, +0.100]"),
    ],
)
def test_an_interval_has_the_digits_that_it_can_vouch_for(estimate: float, half: float, text: str) -> None:
    assert words.spread(samples.interval(estimate, half)) == text


def test_a_key_is_shortened() -> None:
    assert [words.short(key) for key in (samples.KEY, None)] == ["3fa9c1d2", ""]


@pytest.mark.parametrize(
    ("name", "text"),
    [("log_loss", "log loss"), ("roc_auc", "ROC AUC"), ("rmse", "RMSE"), ("of_the_future", "of the future")],
)
def test_metrics_have_names(name: str, text: str) -> None:
    assert words.metric(name) == text


def test_groups_are_named_where_they_were_resampled() -> None:
    assert words.units(samples.comparison(holdout_rows=1_000, units=120)) == "1,000 holdout rows in 120 groups"


def test_each_broken_guardrail_has_its_advice() -> None:
    report = samples.block_by_slice()
    assert words.sentences(report)[1:] == [
        "A guardrail is broken all the same: slices.",
        "Look at the slices below: add rows of the groups that got worse, or features that tell them apart.",
    ]


def test_an_inconclusive_verdict_says_what_would_have_shown() -> None:
    assert "An improvement of 0.057 or more would have shown four times in five." in words.sentences(
        samples.inconclusive()
    )


def test_equal_models_are_called_equal() -> None:
    assert "the challenger is as good as the champion in log loss" in words.sentences(samples.identical())[0]
