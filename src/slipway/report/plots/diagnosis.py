"""Where the models are right and wrong on the holdout: calibration, confusion, predictions against the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.report.numbers import count, decimals, number, percent
from slipway.report.plots import canvas
from slipway.report.plots.canvas import Theme
from slipway.results import CalibrationBin, Comparison, Diagnostics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 12
"""Classes of a confusion matrix that stays legible."""
_Named = list[tuple[str, Diagnostics]]


def models(comparison: Comparison) -> _Named:
    """Both models with the names that stand above their panels."""
    return [
        ("champion", comparison.champion_diagnostics),
        ("challenger", comparison.challenger_diagnostics),
    ]


# ---- calibration


def calibrated(comparison: Comparison) -> list[tuple[str, Sequence[CalibrationBin]]]:
    """Without the baseline: it always claims the same, so there is no curve to draw."""
    named = models(comparison)[1:] if comparison.champion.kind == "baseline" else models(comparison)
    return [(name, diagnostics.calibration) for name, diagnostics in named if diagnostics.calibration]


def has_calibration(comparison: Comparison) -> bool:
    """Whether there is something to draw."""
    return len(comparison.challenger_diagnostics.calibration) > 1


def describe_calibration(comparison: Comparison) -> str:
    """What the plot shows, in words."""
    lead = "Calibration: predicted probability and observed share; the diagonal is perfect."
    return f"{lead} {calibration(comparison)}"


def calibration(comparison: Comparison) -> str:
    """How well both are calibrated."""
    named = calibrated(comparison)
    return " ".join(f"The {n} is off by {percent(round(miscalibration(bins), 3))} on average." for n, bins in named)


def miscalibration(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error: mean distance from the diagonal, weighted by rows (Naeini et al., 2015)."""
    rows = sum(b.rows for b in bins) or 1
    return sum(b.rows * abs(b.predicted - b.observed) for b in bins) / rows


def draw_calibration(comparison: Comparison, theme: Theme) -> Figure:
    """Both models against the diagonal, as far as their probabilities reach."""
    named = calibrated(comparison)
    reach = min(1.0, 1.1 * max((v for _, bins in named for b in bins for v in (b.predicted, b.observed)), default=1.0))
    end = reach or 1.0
    sheet = canvas.figure(3.7, theme)
    axes = canvas.panel(sheet, theme, left=0.85, right=2.1, bottom=0.6, top=0.2)
    axes.plot([0, end], [0, end], color=theme.muted, linewidth=1.1, linestyle=(0, (1, 2)), label="perfect")
    looks = {"champion": (theme.champion, "s", (0, (5, 2))), "challenger": (theme.challenger, "o", "-")}
    for name, bins in named:
        colour, shape, dashes = looks[name]
        axes.plot([b.predicted for b in bins], [b.observed for b in bins], color=colour, marker=shape, label=name,
                  markersize=6.5, linewidth=1.8, linestyle=dashes, markeredgecolor=theme.paper)  # fmt: skip
    spare = 0.025 * end
    axes.set(xlim=(-spare, end + spare), ylim=(-spare, end + spare))
    axes.set(xlabel="predicted probability", ylabel="observed share")
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=9.5, labelcolor=theme.ink,
                handlelength=3)  # fmt: skip
    canvas.plain_numbers(axes, x=True, y=True)
    return sheet


# ---- confusion


def has_confusion(comparison: Comparison) -> bool:
    """Whether there is a matrix that stays legible."""
    return 2 <= len(comparison.challenger_diagnostics.confusion) <= MOST_CLASSES  # noqa: PLR2004


def describe_confusion(comparison: Comparison) -> str:
    """What the plot shows, in words."""
    text = ["Confusion: of the rows of each true class, the share that is predicted right."]
    for name, diagnostics in models(comparison):
        shares = [
            f"{canvas.label(label, 20)} {percent(row[i] / sum(row))} of {count(sum(row))}"
            for i, (label, row) in enumerate(zip(comparison.classes, diagnostics.confusion, strict=False))
            if sum(row) and i < len(row)
        ]
        if shares:
            text.append(f"The {name}: {', '.join(shares)}.")
    return " ".join(text)


def draw_confusion(comparison: Comparison, theme: Theme) -> Figure:
    """A matrix a model; each row sums to all rows of a true class."""
    named = [(name, d) for name, d in models(comparison) if d.confusion]
    names = [canvas.label(c, 16) for c in comparison.classes]
    left = canvas.margin(names) + 0.25
    widest = (canvas.WIDTH - left - 0.2 - 0.35 * (len(named) - 1)) / len(named)
    high = min(widest, max(1.3, 0.42 * len(names)))
    wide = min(widest, 2.2 * high)
    turned = 0.08 * max(map(len, names)) > wide / len(names)
    bottom = 0.6 + (0.45 * canvas.margin(names) if turned else 0.0)
    sheet = canvas.figure(high + bottom + 0.42, theme)
    for index, (name, diagnostics) in enumerate(named):
        start = left + index * (wide + 0.35)
        right = canvas.WIDTH - start - wide
        axes = canvas.panel(sheet, theme, left=start, right=right, bottom=bottom, top=0.42)
        _matrix(axes, diagnostics.confusion, theme)
        canvas.title(axes, name, theme)
        slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
        axes.set_xticks(range(len(names)), names, **slant)  # type: ignore[arg-type]
        axes.set_yticks(range(len(names)), names if index == 0 else [""] * len(names))
        axes.set_xlabel("predicted")
    sheet.axes[0].set_ylabel("true")
    return sheet


def _matrix(axes: Axes, confusion: Sequence[Sequence[int]], theme: Theme) -> None:
    from matplotlib.patches import Rectangle

    classes = len(confusion)
    letters = 9.5 if classes <= 8 else 7.5  # noqa: PLR2004
    axes.set(xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5))
    axes.grid(visible=False)
    for true, row in enumerate(confusion):
        total = sum(row) or 1
        for predicted, rows in enumerate(row):
            colour = theme.challenger if true == predicted else theme.bad
            box = Rectangle((predicted - 0.48, true - 0.48), 0.96, 0.96, facecolor=colour, linewidth=0)
            box.set_alpha(0.08 + 0.5 * rows / total if rows else 0.04)
            axes.add_patch(box)
            strong = "bold" if true == predicted else "normal"
            if rows:
                axes.text(predicted, true, count(rows), ha="center", va="center", fontsize=letters, color=theme.ink,
                          fontweight=strong)  # fmt: skip


# ---- regression


def has_predictions(comparison: Comparison) -> bool:
    """Whether there is something to draw."""
    return bool(comparison.challenger_diagnostics.predicted)


def _errors(diagnostics: Diagnostics) -> list[float]:
    return [p - a for p, a in zip(diagnostics.predicted, diagnostics.actual, strict=True)]


def describe_predictions(comparison: Comparison) -> str:
    """What the plot shows, in words."""
    return f"Predicted against actual values; the diagonal is perfect. {closeness(comparison)}"


def closeness(comparison: Comparison) -> str:
    """How far both are off."""
    text = []
    for name, diagnostics in models(comparison):
        errors = sorted(abs(e) for e in _errors(diagnostics))
        if errors:
            half, most = errors[len(errors) // 2], errors[(len(errors) * 9) // 10]
            digits = decimals([most])
            text.append(
                f"The {name}: half of {count(len(errors), 'row')} are within {number(half, digits)}, "
                f"nine in ten within {number(most, digits)}."
            )
    return " ".join(text)


def draw_predictions(comparison: Comparison, theme: Theme) -> Figure:
    """Predicted against actual, both models on equal axes."""
    sheet = canvas.figure(4.15, theme)
    named = [(n, d) for n, d in models(comparison) if d.predicted]
    values = [v for _, d in named for v in (*d.predicted, *d.actual)]
    low, high = min(values), max(values)
    spare = 0.04 * ((high - low) or 1.0)
    for index, (name, diagnostics) in enumerate(named):
        left = 0.85 + index * 3.55
        axes = canvas.panel(sheet, theme, left=left, right=canvas.WIDTH - left - 3.3, bottom=0.6, top=0.4)
        axes.plot([low, high], [low, high], color=theme.muted, linewidth=1.2, linestyle=(0, (3, 3)))
        colour, shape = (theme.champion, "s") if name == "champion" else (theme.challenger, "o")
        axes.plot(diagnostics.actual, diagnostics.predicted, shape, color=colour, markersize=4.5, alpha=0.55,
                  markeredgewidth=0)  # fmt: skip
        axes.set(xlim=(low - spare, high + spare), ylim=(low - spare, high + spare), xlabel="actual")
        canvas.plain_numbers(axes, x=True, y=True)
        if index:
            axes.tick_params(labelleft=False)
        canvas.title(axes, name, theme)
    sheet.axes[0].set_ylabel("predicted")
    return sheet


def draw_residuals(comparison: Comparison, theme: Theme) -> Figure:
    """How the errors of both models are distributed."""
    import numpy as np

    sheet = canvas.figure(2.9, theme)
    axes = canvas.panel(sheet, theme, left=0.85, right=0.3, bottom=0.6, top=0.3)
    errors = {name: _errors(d) for name, d in models(comparison) if d.predicted}
    edges = np.histogram_bin_edges(np.concatenate([np.asarray(e) for e in errors.values()]), bins=30)
    for name, values in errors.items():
        heights = np.histogram(values, bins=edges)[0]
        if name == "champion":
            axes.stairs(heights, edges, color=theme.champion, linewidth=1.8, linestyle=(0, (5, 2)), label=name)
        else:
            axes.stairs(heights, edges, color=theme.challenger, fill=True, alpha=0.4, label=name)
    axes.axvline(0, color=theme.muted, linewidth=1)
    axes.set(xlabel="predicted − actual", ylabel="rows")
    axes.legend(loc="upper right", frameon=False, fontsize=9.5, labelcolor=theme.ink)
    canvas.plain_numbers(axes, x=True, y=True)
    return sheet


def describe_residuals(comparison: Comparison) -> str:
    """What the plot shows, in words."""
    text = ["Distribution of the errors, predicted less actual."]
    for name, diagnostics in models(comparison):
        errors = _errors(diagnostics)
        if errors:
            mean = sum(errors) / len(errors)
            text.append(f"The {name} is off by {number(mean, decimals([max(map(abs, errors))]))} in the mean.")
    return " ".join(text)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to look at the models: whether it can be drawn, what it says, and how it is drawn."""

    name: str
    title: str
    is_known: Callable[[Comparison], bool]
    describe: Callable[[Comparison], str]
    draw: Callable[[Comparison, Theme], Figure]


KINDS = (
    Kind(
        name="calibration",
        title="Calibration",
        is_known=has_calibration,
        describe=describe_calibration,
        draw=draw_calibration,
    ),
    Kind(
        name="confusion",
        title="Confusion",
        is_known=has_confusion,
        describe=describe_confusion,
        draw=draw_confusion,
    ),
    Kind(
        name="predictions",
        title="Predictions",
        is_known=has_predictions,
        describe=describe_predictions,
        draw=draw_predictions,
    ),
    Kind(
        name="residuals",
        title="Residuals",
        is_known=has_predictions,
        describe=describe_residuals,
        draw=draw_residuals,
    ),
)
