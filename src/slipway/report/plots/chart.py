"""Lines as Mermaid, which GitHub draws in private repositories too. No word in it comes from data.

Its points lie at equal distances, so curves are read off at round numbers; and these are named one by one,
for Mermaid before version 11 draws lines over a range of numbers in the wrong places.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.report.plots.diagnosis import calibrated, models
from slipway.report.plots.scale import step_of
from slipway.results import Comparison

Curve = Sequence[tuple[float, float]]
"""Points, their first numbers ascending."""

_MOST, _LEAST = 13, 3
"""Places at which a curve is read off."""
_BINS = 10
_COLOURS = {"perfect": "#7d8590", "champion": "#c8641a", "challenger": "#2f81f7"}
"""Legible on white and on black; they differ in brightness too."""
_CALLED = {"perfect": "grey", "champion": "orange", "challenger": "blue"}
_DIGITS = 4
_LARGEST = 1e12


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over one axis. All words are our own."""

    x: str
    places: tuple[float, ...]
    """Where on the x-axis the lines are read off."""
    lines: dict[str, tuple[float, ...]]
    """By their names, a value for each place."""

    def __str__(self) -> str:
        """As Mermaid.

        The legend is the title, in the middle: elsewhere it is cut where the chart is made narrower, on phones.
        """
        values = [value for line in self.lines.values() for value in line]
        low, high = min(values), max(values)
        spare = 0.04 * ((high - low) or 1.0)
        floor = low if low == 0 else low - spare
        options = {
            "xyChart": {"width": 480, "height": 300, "titleFontSize": 15, "titlePadding": 6},
            "themeVariables": {"xyChart": {
                "backgroundColor": "transparent", "plotColorPalette": ", ".join(_COLOURS[n] for n in self.lines)
            }},
        }  # fmt: skip
        named = ", ".join(f'"{text}"' for text in _fixed(self.places))
        legend = ", ".join(f"{_CALLED[name]}: {name}" for name in self.lines)
        return "\n".join(
            [
                f"%%{{init: {json.dumps(options)}}}%%",
                "xychart-beta",
                f'    title "{legend}"',
                f'    x-axis "{self.x}" [{named}]',
                f"    y-axis {' --> '.join(_fixed((floor, high + spare)))}",
                *(f"    line [{', '.join(_fixed(line))}]" for line in self.lines.values()),
            ]
        )


def of_calibration(comparison: Comparison) -> Chart | None:
    """Predicted probability and observed share, where both models predict; None if there is no curve to see."""
    curves = {name: sorted((b.predicted, b.observed) for b in bins) for name, bins in calibrated(comparison)}
    return _chart(curves, x="predicted probability")


def of_predictions(comparison: Comparison) -> Chart | None:
    """The mean prediction of each tenth of the rows, from the smallest actual value to the largest."""
    curves = {
        name: _tenths(list(zip(d.actual, d.predicted, strict=False))) for name, d in models(comparison) if d.predicted
    }
    return _chart(curves, x="actual value")


def _chart(curves: Mapping[str, Curve], *, x: str) -> Chart | None:
    """Over what all curves cover, or what the challenger's does if that is little."""
    known = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if "challenger" not in known or _largest(known) > _LARGEST:
        return None
    low, high = _shared(known)
    own = _shared({"challenger": known["challenger"]})
    if (high - low) < (own[1] - own[0]) / 2:
        known, (low, high) = {"challenger": known["challenger"]}, own
    places = _round_numbers(low, high)
    if len(places) < _LEAST:
        return None
    read = {name: tuple(_at(curve, place) for place in places) for name, curve in known.items()}
    return Chart(x=x, places=places, lines={"perfect": places, **read})


def _shared(curves: Mapping[str, Curve]) -> tuple[float, float]:
    return max(curve[0][0] for curve in curves.values()), min(curve[-1][0] for curve in curves.values())


def _largest(curves: Mapping[str, Curve]) -> float:
    return max(abs(value) for curve in curves.values() for point in curve for value in point)


def _round_numbers(low: float, high: float) -> tuple[float, ...]:
    if not high - low > 1e-9 * max(1.0, abs(low), abs(high)):
        return ()
    step = step_of(low, high, _MOST - 1)
    return tuple(n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1))


def _tenths(points: list[tuple[float, float]]) -> Curve:
    order = sorted(points)
    size = max(1, math.ceil(len(order) / _BINS))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return [(sum(a for a, _ in part) / len(part), sum(p for _, p in part) / len(part)) for part in parts]


def _at(curve: Curve, x: float) -> float:
    """The curve's height at `x`, on the straight line between the points beside it."""
    after = max(1, min(len(curve) - 1, bisect_right([point[0] for point in curve], x)))
    (left, low), (right, high) = curve[after - 1], curve[after]
    return low if right == left else low + (high - low) * max(0.0, min(1.0, (x - left) / (right - left)))


def _fixed(values: Sequence[float]) -> list[str]:
    """With the decimals that tell them apart; Mermaid reads no exponents."""
    reach = max(values) - min(values) or abs(values[0]) or 1.0
    decimals = max(0, min(12, _DIGITS - 1 - math.floor(math.log10(reach))))
    return [
        f"{round(value, decimals):.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
        for value in values
    ]
