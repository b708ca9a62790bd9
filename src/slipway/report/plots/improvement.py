"""The improvement against what the gate asks, of the whole holdout and of each slice (a forest plot)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.report import words
from slipway.report.numbers import number, percent, signed
from slipway.report.plots import canvas
from slipway.report.plots.canvas import Theme
from slipway.report.tables import ranked
from slipway.results import Comparison, Interval, SliceRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.3
_WIDEST = 8.0
"""Intervals are cut off where they reach this many times as far as the primary one."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An interval with its label."""

    label: str
    interval: Interval
    is_bad: bool


def judged(comparison: Comparison, most: int) -> list[SliceRow]:
    """The slices that are drawn: those with an interval, the worst first."""
    return [s for s in ranked(comparison.slices) if s.improvement is not None][:most]


def rows_of(comparison: Comparison, most: int) -> list[Row]:
    """The whole holdout, then the slices that are drawn."""
    rows = [Row(label="whole holdout", interval=comparison.primary.improvement, is_bad=_is_bad(comparison))]
    drawn = judged(comparison, most)
    return [*rows, *(Row(label=_name(s), interval=s.improvement, is_bad=s.regressed) for s in drawn if s.improvement)]


def describe(comparison: Comparison, most: int) -> str:
    """What the plot shows, in words."""
    row = comparison.primary
    digits = words.places(row.improvement)
    text = [
        (
            f"Improvement in {words.metric(row.name)}, positive is better, with {percent(row.improvement.confidence)} "
            f"interval. Whole holdout: {words.spread(row.improvement, digits)}; "
            f"the gate asks for more than {signed(comparison.min_improvement)}."
        )
    ]
    shown = judged(comparison, most)
    known = len(judged(comparison, len(comparison.slices)))
    if shown:
        worst = f"the {len(shown)} worst of {known}" if len(shown) < known else "worst first"
        text.append(f"Slices, {worst}:")
    for part in shown:
        if part.improvement is not None:
            state = ", regressed" if part.regressed else ""
            text.append(f"{_name(part)} {words.spread(part.improvement)}{state};")
    return f"{' '.join(text).rstrip(';.')}."


def draw(comparison: Comparison, limit: float | None, most: int, theme: Theme) -> Figure:
    """Draw it. `limit` is how much worse a slice may get, where that is checked."""
    slices = judged(comparison, most)
    rows = rows_of(comparison, most)
    gap = 0.55 if slices else 0.0
    places = [0.0, *(i + gap for i in range(1, len(rows)))]
    sheet = canvas.figure(1.15 + _ROW * (places[-1] + 1), theme)
    left = canvas.margin([r.label for r in rows])
    axes = canvas.panel(sheet, theme, left=left, right=2.25, bottom=0.62, top=0.5)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_xlim(*extent(rows, comparison.min_improvement, limit if slices else None))
    _lines(axes, theme, comparison.min_improvement, limit if slices else None, places)
    for place, row in zip(places, rows, strict=True):
        _interval(axes, theme, place, row, is_main=place == 0)
    axes.set_yticks(places, [r.label for r in rows])
    for text in axes.get_yticklabels():
        text.set_color(theme.ink)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.grid(visible=False, axis="y")
    canvas.plain_numbers(axes, x=True)
    metric = words.metric(comparison.primary.name)
    if len(slices) < (known := len(judged(comparison, len(comparison.slices)))):
        note = f"the {len(slices)} worst of {known} slices"
        sheet.text(1 - 2.11 / canvas.WIDTH, 0.42 / sheet.get_figheight(), note, fontsize=8.5, color=theme.muted)
    axes.set_xlabel(f"←  worse      improvement in {metric}      better  →", labelpad=6)
    return sheet


def _name(part: SliceRow) -> str:
    return f"{canvas.label(part.column, 16)} = {canvas.label(part.group, 18)}"


def _is_bad(comparison: Comparison) -> bool:
    return comparison.primary.improvement.high < comparison.min_improvement


def extent(rows: list[Row], least: float, limit: float | None) -> tuple[float, float]:
    """The improvements between which is drawn."""
    main = rows[0].interval
    reach = _WIDEST * max(abs(main.low), abs(main.high), abs(least), limit or 0.0, 1e-12)
    ends = [0.0, least, -(limit or 0.0)]
    ends += [max(-reach, min(reach, e)) for r in rows for e in (r.interval.low, r.interval.high) if math.isfinite(e)]
    low, high = min(ends), max(ends)
    spare = 0.06 * ((high - low) or 1.0)
    return low - spare, high + spare


def _lines(axes: Axes, theme: Theme, least: float, limit: float | None, places: list[float]) -> None:
    """Zero, what is asked of the whole, and what is allowed to the slices; each with its word."""
    axes.axvline(0, color=theme.muted, linewidth=1)
    axes.plot([least, least], [-0.6, 0.55], color=theme.ink, linewidth=1.6, linestyle=(0, (4, 2)))
    above = {"textcoords": "offset points", "xytext": (0, 5), "ha": "center", "fontsize": 8.5, "color": theme.muted}
    axes.annotate(f"needed: above {number(least)}", (least, -0.6), annotation_clip=False, **above)  # type: ignore[arg-type]
    if limit is not None and len(places) > 1:
        start = places[1] - 0.5
        axes.plot([-limit, -limit], [start, places[-1] + 0.6], color=theme.bad, linewidth=1.4, linestyle=(0, (1, 1.6)))
        low, high = axes.get_xlim()
        side = "left" if (-limit - low) / (high - low) < 0.3 else "right"  # noqa: PLR2004
        paper = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.5}
        beside = {**above, "xytext": (0, 1), "ha": side, "va": "bottom", "color": theme.bad, "bbox": paper}
        axes.annotate(f"slice limit {number(-limit)}", (-limit, start), annotation_clip=False, **beside)  # type: ignore[arg-type]


def _interval(axes: Axes, theme: Theme, place: float, row: Row, *, is_main: bool) -> None:
    low, high = axes.get_xlim()
    colour = theme.bad if row.is_bad else theme.challenger
    start, end = max(low, row.interval.low), min(high, row.interval.high)
    axes.plot([start, end], [place, place], color=colour, linewidth=3.2 if is_main else 2, solid_capstyle="butt")
    for edge, cut, shape in ((low, row.interval.low < low, "<"), (high, row.interval.high > high, ">")):
        if cut:
            axes.plot([edge], [place], marker=shape, markersize=6, color=colour, clip_on=False)
    if low <= row.interval.estimate <= high:
        shape = "X" if row.is_bad else "o"
        axes.plot([row.interval.estimate], [place], marker=shape, markersize=8.5 if is_main else 7, color=colour,
                  markeredgecolor=theme.paper, markeredgewidth=1)  # fmt: skip
    text = words.spread(row.interval)
    weight = "bold" if is_main else "normal"
    axes.annotate(text, (1, place), xycoords=("axes fraction", "data"), xytext=(10, 0), textcoords="offset points",
                  va="center", fontsize=9, color=theme.bad if row.is_bad else theme.ink, fontweight=weight)  # fmt: skip
