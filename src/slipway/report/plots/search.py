"""How the search went: each trial's score, the best so far, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.report import ReportInput, words
from slipway.report.numbers import count, number, percent
from slipway.report.plots import canvas
from slipway.report.plots.canvas import Theme
from slipway.training.trial import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEW_POINTS, _MOST_POINTS = 200, 1_000


def completed(trials: Sequence[Outcome]) -> list[tuple[Outcome, float]]:
    """The trials that have a score, with it."""
    return [(t, t.score) for t in trials if t.score is not None]


def describe(report: ReportInput) -> str:
    """What the plot shows, in words."""
    done = completed(report.trials)
    metric = report.spec.search.metric
    pick = max if metric.higher_is_better else min
    best = pick(done, key=lambda pair: pair[1])
    text = [
        (
            f"Score of each trial ({words.metric(metric)}, cross-validated) in the order of the search. "
            f"The best is {number(best[1])}, first reached by trial {best[0].number} of {count(len(report.trials))}."
        )
    ]
    for name in sorted({t.family for t, _ in done}):
        scores = [s for t, s in done if t.family == name]
        text.append(f"{words.family(name)}: {count(len(scores), 'trial')}, best {number(pick(scores))}.")
    return " ".join(text)


def draw(report: ReportInput, theme: Theme) -> Figure:
    """Trials by number, the best so far as a line, and the scores by family at the right."""
    from matplotlib.ticker import MaxNLocator

    higher = report.spec.search.metric.higher_is_better
    done = completed(report.trials)
    families = sorted({t.family for t, _ in done})[:3]
    looks = dict(zip(families, ((theme.challenger, "o"), (theme.champion, "s"), (theme.third, "^")), strict=False))
    sheet = canvas.figure(3.5, theme)
    axes = canvas.panel(sheet, theme, left=0.85, right=2.35, bottom=0.6, top=0.42)
    best = _best_so_far([score for _, score in done], higher=higher)
    axes.step([t.number for t, _ in done], best, where="post", color=theme.ink, linewidth=1.6, label="best so far")
    step, size = -(-len(done) // _MOST_POINTS), 5 if len(done) <= _FEW_POINTS else 3.2
    side = canvas.panel(sheet, theme, left=canvas.WIDTH - 2.15, right=0.2, bottom=0.6, top=0.42)
    for place, name in enumerate(families):
        own = [(t.number, score) for t, score in done if t.family == name]
        colour, shape = looks[name]
        dots: dict[str, Any] = {
            "color": colour,
            "marker": shape,
            "linestyle": "none",
            "markersize": size,
            "markeredgecolor": theme.paper,
        }
        dots["markeredgewidth"] = 0.5
        axes.plot(*zip(*own[::step], strict=True), label=words.family(name), **dots)
        _strip(side, theme, place, [score for _, score in own], dots)
    low, high = _range([score for _, score in done], higher=higher)
    axes.set(ylim=(low, high), xlabel="trial", ylabel=words.metric(report.spec.search.metric))
    side.set(ylim=(low, high), xlim=(-0.6, max(len(families), 2) - 0.4), xlabel="by family")
    side.set_xticks(range(len(families)), [words.family(name) for name in families])
    spare = 0.5 + 0.02 * len(report.trials)
    axes.set_xlim(-spare, len(report.trials) - 1 + spare)
    canvas.plain_numbers(axes, x=True, y=True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    canvas.plain_numbers(side, y=True)
    side.tick_params(labelleft=False)
    sheet.legend(*axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.85 / canvas.WIDTH - 0.01, 1.0),
                 frameon=False, fontsize=9, labelcolor=theme.ink, ncols=4, columnspacing=1.6)  # fmt: skip
    return sheet


def _strip(axes: Axes, theme: Theme, place: int, scores: list[float], dots: Mapping[str, Any]) -> None:
    """A family's scores beside each other, with their median."""
    step = -(-len(scores) // (_MOST_POINTS // 4))
    shown = scores[::step]
    spread = [place + 0.3 * ((0.618034 * i) % 1 - 0.5) for i in range(len(shown))]
    axes.plot(spread, shown, **{**dots, "markersize": 3.8, "alpha": 0.7})
    middle = sorted(scores)[len(scores) // 2]
    axes.plot([place - 0.28, place + 0.28], [middle, middle], color=theme.ink, linewidth=1.6)


def _best_so_far(scores: Sequence[float], *, higher: bool) -> list[float]:
    pick = max if higher else min
    best: list[float] = []
    for score in scores:
        best.append(score if not best else pick(best[-1], score))
    return best


def _range(scores: Sequence[float], *, higher: bool) -> tuple[float, float]:
    """From the best to the ninth decile, so that a few hopeless trials do not flatten the rest."""
    order = sorted(scores, reverse=higher)
    best, poor = order[0], order[min(len(order) - 1, (9 * len(order)) // 10)]
    spare = 0.08 * (abs(poor - best) or abs(best) or 1.0)
    return (poor - spare, best + spare) if higher else (best - spare, poor + spare)


def describe_parameters(importances: Mapping[str, Mapping[str, float]]) -> str:
    """What the plot shows, in words."""
    text = ["Share of the difference between good and other trials that each hyper-parameter explains."]
    for family, shares in importances.items():
        said = ", ".join(f"{canvas.label(name)} {percent(round(share, 2))}" for name, share in shares.items())
        text.append(f"{words.family(family)}: {said}.")
    return " ".join(text)


def draw_parameters(importances: Mapping[str, Mapping[str, float]], theme: Theme) -> Figure:
    """Bars, a group for each family."""
    names = [canvas.label(name, 26) for shares in importances.values() for name in shares]
    left = canvas.margin(names)
    tops = [0.5 + 0.27 * len(shares) for shares in importances.values()]
    sheet = canvas.figure(sum(tops) + 0.3, theme)
    above = 0.4
    for (family, shares), height in zip(importances.items(), tops, strict=True):
        below = sum(tops) + 0.3 - above - (height - 0.5)
        axes = canvas.panel(sheet, theme, left=left, right=0.9, bottom=below, top=above)
        bars(axes, theme, [canvas.label(name, 26) for name in shares], list(shares.values()))
        axes.set_xlim(0, 1)
        canvas.title(axes, words.family(family), theme)
        above += height
    return sheet


def bars(axes: Axes, theme: Theme, names: list[str], values: list[float]) -> None:
    """Horizontal bars with their shares."""
    axes.barh(range(len(names)), values, height=0.62, color=theme.challenger)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    for text in axes.get_yticklabels():
        text.set_color(theme.ink)
    for place, value in enumerate(values):
        shown = percent(round(value, 2))
        axes.annotate(shown, (max(value, 0), place), xytext=(5, 0), textcoords="offset points", va="center",
                      fontsize=9, color=theme.ink)  # fmt: skip
