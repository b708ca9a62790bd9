"""The plots of a report: what there is to draw, what each says in words, and how to draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from slipway.report import ReportInput
from slipway.report.plots import canvas, diagnosis, features, improvement, search
from slipway.report.plots.canvas import Theme
from slipway.results import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IN_COMMENT, _ON_PAGE = 12, 40
"""Slices that are drawn."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot that can be drawn in any theme. `alt` may quote data."""

    name: str
    title: str
    alt: str
    draw: Callable[[Theme], Figure]


def for_comment(report: ReportInput) -> list[Plot]:
    """At most two: the improvement, and the diagnosis that helps most."""
    if report.comparison is None or not report.validation.passed:
        return []
    plots = [_improvement(report, report.comparison, IN_COMMENT)]
    return [*plots, *(replace(plot, name="diagnosis") for plot in _diagnoses(report.comparison)[:1])]


def for_page(report: ReportInput, parameters: dict[str, dict[str, float]]) -> list[Plot]:
    """All of them; `parameters` are the importances of the hyper-parameters, by family."""
    found, change = report.comparison, report.validation.change
    plots: list[Plot] = []
    if found is not None:
        plots += [_improvement(report, found, _ON_PAGE), *_diagnoses(found)]
    if found is not None and found.importances:
        alt = features.describe_importances(found)
        draw = partial(features.draw_importances, found)
        plots.append(Plot(name="importances", title="Features", alt=alt, draw=draw))
    if search.completed(report.trials):
        draw = partial(search.draw, report)
        plots.append(Plot(name="search", title="Search", alt=search.describe(report), draw=draw))
    if parameters:
        alt = search.describe_parameters(parameters)
        draw = partial(search.draw_parameters, parameters)
        plots.append(Plot(name="parameters", title="Hyper-parameters", alt=alt, draw=draw))
    if change is not None and features.moved(change):
        alt = features.describe_shifts(change)
        plots.append(Plot(name="shifts", title="Data shift", alt=alt, draw=partial(features.draw_shifts, change)))
    return plots


def pngs(plots: list[Plot]) -> dict[str, bytes]:
    """File names and contents, light and dark."""
    themes = {"light": canvas.LIGHT, "dark": canvas.DARK}
    with canvas.drawing():
        return {
            f"{plot.name}-{name}.png": canvas.to_png(plot.draw(theme))
            for plot in plots
            for name, theme in themes.items()
        }


def svgs(plots: list[Plot]) -> dict[str, str]:
    """Names and SVG elements; one serves light and dark."""
    with canvas.drawing():
        return {plot.name: canvas.to_svg(plot.draw(canvas.VARIABLES), plot.name) for plot in plots}


def _improvement(report: ReportInput, comparison: Comparison, most: int) -> Plot:
    limit = report.spec.gate.max_slice_regression
    return Plot(
        name="improvement",
        title="Improvement",
        alt=improvement.describe(comparison, most),
        draw=partial(improvement.draw, comparison, limit, most),
    )


def _diagnoses(comparison: Comparison) -> list[Plot]:
    """The most helpful first: of two classes calibration says more, of a few the confusion."""
    plots = [
        Plot(name=kind.name, title=kind.title, alt=kind.describe(comparison), draw=partial(kind.draw, comparison))
        for kind in diagnosis.KINDS
        if kind.is_known(comparison)
    ]
    prefers_confusion = len(comparison.classes) > 2  # noqa: PLR2004
    return sorted(plots, key=lambda plot: not (plot.name == "confusion" and prefers_confusion))
