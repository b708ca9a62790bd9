from __future__ import annotations

import pytest

from slipway.report import tables
from slipway.report.tables import Name, Own, Table

from . import samples


def test_what_quotes_data_is_never_our_own() -> None:
    """Hostile names reach a renderer only in cells that it makes harmless."""
    report, text = samples.hostile(("<b>",), columns=3), "<b>"
    assert report.comparison is not None
    assert report.card is not None
    assert report.validation.change is not None
    made = [
        tables.of_checks(report),
        tables.of_metrics(report.comparison),
        tables.of_slices(report.comparison),
        tables.of_classes(report.comparison),
        tables.of_confusions(report.comparison),
        tables.of_all_checks(report.validation),
        tables.of_failing_rows(tables.failing_rows(report.validation)),
        tables.of_columns(report.validation.change),
        tables.of_shifts(report.validation.change),
        tables.of_trials(report),
        tables.of_importances(report.comparison),
        tables.of_packages(report.card),
        tables.of_golden(report.card, 8, 5),
    ]
    cells = [cell for table in made for row in table.rows for cell in row]
    assert [cell for cell in cells if text in cell]
    assert not [cell for cell in cells if text in cell and isinstance(cell, Own)]


def test_a_cut_table_says_so() -> None:
    table = Table(headers=("a",), rows=tuple((Name(str(n)),) for n in range(1_200)))
    assert table.first(1_200, "elsewhere") is table
    cut = table.first(20, "see report.html")
    assert (len(cut.rows), cut.rest) == (20, "1,180 more of 1,200: see report.html.")


def test_trials_go_from_best_to_worst_and_the_challenger_stands_out() -> None:
    table = tables.of_trials(samples.promote(card=samples.card(trial=38)))
    scores = [row[2] for row in table.rows]
    assert scores[:-1] == sorted(scores[:-1])
    assert scores[-1] == "failed"
    assert table.rows[0][0] == "38"
    assert table.strong == {0}


def test_higher_scores_come_first_where_higher_is_better() -> None:
    table = tables.of_trials(samples.binary())
    scores = [row[2] for row in table.rows[:-1]]
    assert scores == sorted(scores, reverse=True)


def test_slices_that_regressed_come_first_and_those_that_cannot_be_judged_last() -> None:
    report = samples.block_by_slice()
    assert report.comparison is not None
    table = tables.of_slices(report.comparison)
    assert [row[1] for row in table.rows] == ["winter", "summer", "spring", "autumn"]
    assert [row[-1] for row in table.rows] == ["❌ regressed", "✅ holds", "✅ holds", "➖ shown only"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("max_depth", ("random forest", "max_depth", "whole number", "2, 16")),
        ("learning_rate", ("XGBoost", "learning_rate", "number, logarithmic", "0.01, 0.3")),
        ("max_features", ("random forest", "max_features", "choice", "sqrt, 0.5, 1")),
    ],
)
def test_the_search_space_is_said_in_words(name: str, row: tuple[str, ...]) -> None:
    assert next(r for r in tables.of_space(samples.promote()).rows if r[1] == name) == row


def test_confusions_are_ranked_by_rows() -> None:
    report = samples.promote(comparison=samples.comparison(challenger_diagnostics=samples.diagnostics(good=False)))
    assert report.comparison is not None
    assert tables.of_confusions(report.comparison).rows == (
        ("virginica", "versicolor", "4", "31%"),
        ("versicolor", "virginica", "3", "25%"),
    )


def test_both_models_are_shown_by_class_the_worst_known_first() -> None:
    report = samples.promote()
    assert report.comparison is not None
    assert tables.of_classes(report.comparison).rows == (
        ("versicolor", "12", "75%", "92%"),
        ("virginica", "13", "69%", "92%"),
        ("setosa", "13", "100%", "100%"),
    )


def test_a_class_that_the_champion_never_saw_is_told_without_it() -> None:
    confusion = samples.diagnostics(good=True)
    report = samples.promote(comparison=samples.comparison(champion_diagnostics=confusion.model_copy(
        update={"confusion": ((13, 0, 0),)})))  # fmt: skip
    assert report.comparison is not None
    assert [row[2] for row in tables.of_classes(report.comparison).rows] == ["–", "–", "100%"]
