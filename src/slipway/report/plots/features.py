"""What the challenger looks at, and how the data moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.report import words
from slipway.report.numbers import decimals, number, percent, signed
from slipway.report.plots import canvas
from slipway.report.plots.canvas import Theme
from slipway.results import Comparison, DataChange, Shift, ShiftWord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_FEATURES = 15
_MOST_SHIFTS = 6
_COLUMNS = 2


def describe_importances(comparison: Comparison) -> str:
    """What the plot shows, in words."""
    shown = comparison.importances[:MOST_FEATURES]
    digits = decimals([i.mean for i in shown])
    said = ", ".join(f"{canvas.label(i.feature)} {signed(i.mean, digits)}" for i in shown)
    return f"How much worse {words.metric(comparison.metric)} gets when a feature's values are shuffled: {said}."


def draw_importances(comparison: Comparison, theme: Theme) -> Figure:
    """The largest importances, with the standard deviation over the shuffles."""
    shown = comparison.importances[:MOST_FEATURES]
    names = [canvas.label(i.feature) for i in shown]
    sheet = canvas.figure(0.95 + 0.3 * len(shown), theme)
    axes = canvas.panel(sheet, theme, left=canvas.margin(names), right=1.5, bottom=0.6, top=0.2)
    means, places = [i.mean for i in shown], range(len(shown))
    axes.barh(places, means, height=0.6, color=theme.challenger)
    axes.errorbar(means, places, xerr=[i.spread for i in shown], fmt="none", ecolor=theme.ink, elinewidth=1.3)
    axes.axvline(0, color=theme.muted, linewidth=1)
    axes.set_yticks(places, names)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    digits = decimals(means)
    for place, importance in zip(places, shown, strict=True):
        text = f"{number(importance.mean, digits)} ± {number(importance.spread, digits)}"
        axes.annotate(text, (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                      va="center", fontsize=9, color=theme.ink)  # fmt: skip
    for label in axes.get_yticklabels():
        label.set_color(theme.ink)
    axes.set_xlabel(f"{words.metric(comparison.metric)} lost when shuffled")
    canvas.plain_numbers(axes, x=True)
    return sheet


def moved(change: DataChange) -> Sequence[Shift]:
    """The shifts that are drawn: the largest, where there is any."""
    return [s for s in change.shifts if s.psi > 0 and s.labels][:_MOST_SHIFTS]


def describe_shifts(change: DataChange) -> str:
    """What the plot shows, in words."""
    said = [f"{canvas.label(s.column)}: {s.size} (PSI {number(s.psi, 3)})" for s in moved(change)]
    return f"Shares of the rows before and now, by column. {'; '.join(said)}."


def draw_shifts(change: DataChange, theme: Theme) -> Figure:
    """Before and now, a small panel for each column."""
    shifts = moved(change)
    lines = -(-len(shifts) // _COLUMNS)
    sheet = canvas.figure(0.35 + 2.0 * lines, theme)
    for index, shift in enumerate(shifts):
        line, column = divmod(index, _COLUMNS)
        left = 0.5 + column * 3.85
        bottom = 2.0 * (lines - 1 - line) + 0.55
        top = 0.35 + 2.0 * lines - bottom - 1.15
        axes = canvas.panel(sheet, theme, left=left, right=canvas.WIDTH - left - 3.35, bottom=bottom, top=top)
        _shares(axes, shift, theme)
    handles, labels = sheet.axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="upper right", ncols=2, frameon=False, fontsize=9, labelcolor=theme.ink)
    return sheet


def _shares(axes: Axes, shift: Shift, theme: Theme) -> None:
    places = range(len(shift.labels))
    axes.bar([p - 0.21 for p in places], shift.before, width=0.38, color=theme.champion, label="before")
    axes.bar([p + 0.21 for p in places], shift.now, width=0.38, color=theme.challenger, label="now", hatch="////",
             edgecolor=theme.paper, linewidth=0)  # fmt: skip
    axes.grid(visible=False, axis="x")
    few = len(shift.labels) <= 5 and all(len(text) <= 9 for text in shift.labels)  # noqa: PLR2004
    shown = [
        canvas.label(text, 12) if few or p in {0, len(shift.labels) - 1} else "" for p, text in enumerate(shift.labels)
    ]
    axes.set_xticks(places, shown, fontsize=8.5)
    if not few:
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
    top = max(*shift.before, *shift.now)
    axes.set_yticks([0, top], ["0", percent(round(top, 2))])
    word = "no shift" if shift.size is ShiftWord.NONE else f"{shift.size} shift"
    canvas.title(axes, f"{canvas.label(shift.column, 24)}: {word}", theme)
