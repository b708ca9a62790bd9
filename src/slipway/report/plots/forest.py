"""The improvement plot made of letters: it shows wherever a comment is read, in mails and on phones too.

Only box-drawing and other signs of WGL4 are used, which every monospace font has at one width. A name with other
letters in it, which browsers take from fonts of other widths, stands at the end of its line, where it moves nothing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from slipway.report import words
from slipway.report.numbers import decimals, number, percent
from slipway.report.plots.improvement import Row, extent, judged, rows_of
from slipway.report.plots.scale import step_of
from slipway.results import Comparison

WIDTH = 33
"""Columns of the plot itself."""
_LABEL = 30
_ELSEWHERE = "(name at the end)"
_OF_ONE_WIDTH = re.compile(r"[ -~¡-¬®-žΆ-Ώΐ-ώЀ-џ–—‘’“”•…€−]*")
"""Latin, Greek and Cyrillic letters and what stands between them: all of it in WGL4."""
_TICKS = 4
_LEAST = 1e-200
"""A narrower scale could not be divided."""
_FIRST_STRONG, _END = "\u2068", "\u2069"


@dataclass(frozen=True, kw_only=True)
class _Scale:
    low: float
    high: float

    def column(self, value: float) -> int:
        """The column of a value; one outside of the plot for what lies outside."""
        share = (value - self.low) / (self.high - self.low)
        return max(-1, min(WIDTH, math.floor(share * WIDTH)))

    def ticks(self) -> dict[int, str]:
        """Round numbers with their columns: nought, and a few more."""
        step = step_of(self.low, self.high, _TICKS)
        places = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return {self.column(n * step): number(n * step, decimals([step], 1)) for n in places}


def draw(comparison: Comparison, limit: float | None, most: int) -> list[str]:
    """The lines of the plot. `limit` is how much worse a slice may get, where that is checked."""
    rows = rows_of(comparison, most)
    low, high = extent(rows, comparison.min_improvement, limit if len(rows) > 1 else None)
    side = min(_LABEL, max(len(_label(row.label)) for row in rows))
    scale = _Scale(low=low, high=high)
    if not _LEAST < high - low < math.inf:
        return [f"{_label(row.label):{side}}  {_numbers(row)}" for row in rows]
    refused = [comparison.min_improvement, *([None if limit is None else -limit] * (len(rows) - 1))]
    lines = [_line(row, scale, edge, side) for row, edge in zip(rows, refused, strict=True)]
    return [_head(comparison, side), lines[0], *([_empty(scale, side)] if lines[1:] else []), *lines[1:],
            *_axis(scale, side)]  # fmt: skip


def describe(comparison: Comparison, limit: float | None, most: int) -> str:
    """What the plot shows and how it is read, in our own words."""
    known, drawn = len(judged(comparison, len(comparison.slices))), len(judged(comparison, most))
    needed = f"{number(comparison.min_improvement)} or less for the whole holdout"
    if limit is not None and drawn:
        needed += f", surely less than {number(-limit)} for a slice"
    signs = (
        f"● is the estimate (× where it is worse than allowed), ├─┤ its {percent(_confidence(comparison))} interval, "
        f"│ no difference, ░ what the gate does not accept: {needed}."
    )
    if not drawn:
        return signs
    bad = sum(part.regressed for part in comparison.slices)
    which = f"the {drawn} worst of {known} slices" if drawn < known else f"{drawn} slices, worst first"
    return f"The whole holdout and {which}; {bad or 'none'} regressed. {signs}"


def _confidence(comparison: Comparison) -> float:
    return comparison.primary.improvement.confidence


def _head(comparison: Comparison, side: int) -> str:
    metric = words.metric(comparison.primary.name)
    return f"{' ' * side}  {f'← worse   {metric}   better →':^{WIDTH}}".rstrip()


def _line(row: Row, scale: _Scale, edge: float | None, side: int) -> str:
    interval = row.interval
    cells = _ground(scale, edge)
    low, high = scale.column(interval.low), scale.column(interval.high)
    for place in range(max(0, low), min(WIDTH - 1, high) + 1):
        cells[place] = "─"
    for place, sign in ((low, "├"), (high, "┤")):
        cells[max(0, min(WIDTH - 1, place))] = "◄" if place < 0 else "►" if place >= WIDTH else sign
    middle = scale.column(interval.estimate)
    if 0 <= middle < WIDTH:
        cells[middle] = "×" if row.is_bad else "●"
    return f"{_label(row.label):{side}}  {''.join(cells)}  {_numbers(row)}"


def _ground(scale: _Scale, edge: float | None) -> list[str]:
    """What stands behind an interval: what is not accepted, and the line of no difference."""
    refused = 0 if edge is None else scale.column(edge)
    cells = ["░" if place < refused else " " for place in range(WIDTH)]
    nought = scale.column(0.0)
    if 0 <= nought < WIDTH:
        cells[nought] = "│"
    return cells


def _empty(scale: _Scale, side: int) -> str:
    return f"{' ' * side}  {''.join(_ground(scale, None))}".rstrip()


def _axis(scale: _Scale, side: int) -> list[str]:
    """The scale below the plot; numbers that would touch are left out, nought never is."""
    ticks = scale.ticks()
    rule = "".join("┴" if place in ticks else "─" for place in range(WIDTH))
    room = [" "] * (WIDTH + 8)
    order = sorted(ticks, key=lambda place: (place != scale.column(0.0), place))
    for place in order:
        text = ticks[place]
        start = max(0, place - len(text) // 2)
        around = room[max(0, start - 1) : start + len(text) + 1]
        if set(around) == {" "}:
            room[start : start + len(text)] = text
    return [f"{' ' * side}  {rule}", f"{' ' * side}  {''.join(room)}".rstrip()]


def _label(text: str) -> str:
    """What stands before the plot."""
    if not _OF_ONE_WIDTH.fullmatch(text):
        return _ELSEWHERE
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1].rstrip()}…"


def _numbers(row: Row) -> str:
    """What stands behind it; a name there turns no direction but its own around."""
    said = words.spread(row.interval)
    return said if _OF_ONE_WIDTH.fullmatch(row.label) else f"{said}  {_FIRST_STRONG}{row.label}{_END}"
