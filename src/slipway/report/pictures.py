"""What a report shows rather than says: the improvement, and the diagnosis that helps most."""

from __future__ import annotations

from slipway.report import ReportInput, plots, tables
from slipway.report.markdown import table
from slipway.report.plots import Plot, chart, diagnosis, forest
from slipway.report.plots.chart import Chart
from slipway.report.sections import Fold, Section
from slipway.report.style import Pictures, Style
from slipway.report.text import attribute, fence
from slipway.results import Comparison

IMPROVEMENT, DIAGNOSIS = 3, 6
"""Their ranks."""


def pictures(report: ReportInput, style: Style) -> list[Section]:
    """At most two; each stands beside words that say the same."""
    comparison = report.comparison
    if comparison is None or not report.validation.passed:
        return []
    if style.pictures is Pictures.FILES:
        ranks = (IMPROVEMENT, DIAGNOSIS)
        drawn = zip(plots.for_comment(report), ranks, strict=False)
        return [_section(plot.title, _file(plot), rank) for plot, rank in drawn]
    return [_improvement(report, comparison), *_diagnosis(comparison, style)]


def _section(title: str, body: str, rank: int) -> Section:
    return Section(title=title, body=body, rank=rank, fold=Fold.NONE)


def _file(plot: Plot) -> str:
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="plots/{plot.name}-dark.png">\n'
        f'  <img src="plots/{plot.name}-light.png" width="800" alt="{attribute(plot.alt)}">\n</picture>'
    )


def _improvement(report: ReportInput, comparison: Comparison) -> Section:
    limit = report.spec.gate.max_slice_regression
    drawn = fence(forest.draw(comparison, limit, plots.IN_COMMENT), "text")
    said = forest.describe(comparison, limit, plots.IN_COMMENT)
    return _section("Improvement", f"{drawn}\n\n<sub>{said}</sub>", IMPROVEMENT)


def _diagnosis(comparison: Comparison, style: Style) -> list[Section]:
    """Lines of two classes and of numbers; of several classes a table says more."""
    several = len(comparison.classes) > 2  # noqa: PLR2004
    if several and diagnosis.has_confusion(comparison):
        classes = tables.of_classes(comparison).first(diagnosis.MOST_CLASSES, style.elsewhere)
        return [_section("Right and wrong", table(classes), DIAGNOSIS)]
    if diagnosis.has_predictions(comparison):
        lead = "Across: the actual value; up: the mean of what was predicted."
        said = f"Predictions: {diagnosis.closeness(comparison)}"
        return [_lines("Predictions", lead, said, chart.of_predictions(comparison), style)]
    if diagnosis.has_calibration(comparison):
        lead = "Across: the predicted probability; up: the share that came true."
        said = f"Calibration: {diagnosis.calibration(comparison)}"
        return [_lines("Calibration", lead, said, chart.of_calibration(comparison), style)]
    return []


def _lines(title: str, lead: str, said: str, lines: Chart | None, style: Style) -> Section:
    """The words alone where there is nothing to draw, or nobody who draws it."""
    if lines is None or style.pictures is not Pictures.CHARTS:
        return _section(title, said, DIAGNOSIS)
    drawn = fence(str(lines).split("\n"), "mermaid")
    return _section(title, f"{said} {lead}\n\n{drawn}", DIAGNOSIS)
