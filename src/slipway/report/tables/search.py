"""What was tried."""

from __future__ import annotations

import json
from collections.abc import Iterable

from slipway.report import ReportInput, words
from slipway.report.numbers import NOTHING, count, decimals, duration, number
from slipway.report.tables.cells import Name, Own, Table, Wide
from slipway.training.recipe import Choice, Dimension, FloatRange, IntRange, dimensions
from slipway.training.trial import Outcome


def of_trials(report: ReportInput) -> Table:
    """Trials from best to worst, those that failed last."""
    sign = -1 if report.spec.search.metric.higher_is_better else 1
    order = sorted(report.trials, key=lambda t: (t.score is None, sign * (t.score or 0.0), t.number))
    digits = _score_places(report.trials)
    rows = tuple(
        (
            Own(f"{trial.number}"),
            Own(words.family(trial.family)) if trial.family in words.FAMILIES else Name(trial.family),
            Own(number(trial.score, digits)) if trial.score is not None else Own("failed"),
            Wide(_params(trial)) if trial.score is not None else trial.error,
            Own(NOTHING if trial.rounds is None else count(trial.rounds)),
            Own(duration(trial.seconds)),
        )
        for trial in order
    )
    score = f"{words.metric(report.spec.search.metric)} (mean of {report.spec.search.folds} folds)"
    chosen = report.card.trial if report.card else None
    strong = frozenset(i for i, trial in enumerate(order) if trial.number == chosen)
    what = "Hyper-parameters, or error" if any(t.score is None for t in order) else "Hyper-parameters"
    headers = ("Trial", "Family", score, what, "Rounds", "Took")
    return Table(headers=headers, rows=rows, numeric=frozenset({0, 2, 4, 5}), strong=strong)


def _score_places(trials: Iterable[Outcome]) -> int:
    scores = sorted(t.score for t in trials if t.score is not None)
    typical = scores[: max(2, len(scores) // 2)]
    return min(6, decimals([typical[-1] - typical[0]]) if len(typical) > 1 and typical[0] < typical[-1] else 4)


def _params(trial: Outcome) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in trial.params.items())


def of_space(report: ReportInput) -> Table:
    """What was searched."""
    rows: list[tuple[str, ...]] = []
    for name, space in report.spec.search.families.items():
        named = dimensions(space)
        for parameter, dimension in named.items():
            rows.append((Own(words.family(name)), Name(parameter), Own(_scale(dimension)), Wide(_range(dimension))))
        if not named:
            rows.append((Own(words.family(name)), Own("(all)"), Own(NOTHING), Own("the family's own space")))
    return Table(headers=("Family", "Hyper-parameter", "Scale", "From, to"), rows=tuple(rows))


def _scale(dimension: Dimension) -> str:
    match dimension:
        case IntRange() | FloatRange():
            kind = "whole number" if isinstance(dimension, IntRange) else "number"
            return f"{kind}, logarithmic" if dimension.log else kind
        case Choice():
            return "choice"
    return "fixed"


def _range(dimension: Dimension) -> str:
    match dimension:
        case IntRange() | FloatRange():
            return f"{_value(dimension.bounds[0])}, {_value(dimension.bounds[1])}"
        case Choice():
            return ", ".join(map(_value, dimension.choice))
    return _value(dimension)


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
