"""Which hyper-parameters mattered, each family judged apart.

PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), Optuna's: how much a hyper-parameter tells the best
trials from the others. It draws nothing at random, so equal trials give equal shares.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from slipway.report import ReportInput
from slipway.training.families import family
from slipway.training.recipe import Choice, Dimension, FloatRange, IntRange, dimensions
from slipway.training.trial import Outcome

LEAST_TRIALS = 12
"""Completed trials of a family below which its shares would be chance."""
_MOST_TRIALS = 2_000
_BEST = 0.25
"""The share of trials that count as good; five of them at least should (Optuna's documentation)."""


def importances(report: ReportInput) -> dict[str, dict[str, float]]:
    """Shares by family and hyper-parameter, largest first; a family that cannot be judged is left out."""
    judged = {}
    for name, space in report.spec.search.families.items():
        searched = dimensions(space) or family(name).DEFAULT_SPACE
        trials = [t for t in report.trials if t.family == name and t.score is not None][:_MOST_TRIALS]
        shares = _shares(trials, searched, higher=report.spec.search.metric.higher_is_better)
        if shares:
            judged[name] = shares
    return judged


def _shares(trials: Sequence[Outcome], space: dict[str, Dimension], *, higher: bool) -> dict[str, float]:
    """Empty where there are too few trials, where all scored the same, or where they do not fit the space."""
    ranges = {name: _distribution(d) for name, d in space.items() if isinstance(d, IntRange | FloatRange | Choice)}
    if len(trials) < LEAST_TRIALS or len({t.score for t in trials}) == 1 or not ranges:
        return {}
    try:
        return _ped_anova(trials, ranges, higher=higher)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return {}


def _ped_anova(trials: Sequence[Outcome], ranges: dict[str, Any], *, higher: bool) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize" if higher else "minimize")
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={name: t.params[name] for name in ranges}, distributions=ranges, value=t.score
                )
                for t in trials
            ]
        )
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=_BEST))
    return dict(sorted(((n, float(s)) for n, s in shares.items()), key=lambda pair: (-pair[1], pair[0])))


def _distribution(dimension: IntRange | FloatRange | Choice) -> Any:  # noqa: ANN401  optuna is heavy
    from optuna import distributions

    match dimension:
        case IntRange():
            return distributions.IntDistribution(*dimension.bounds, log=dimension.log)
        case FloatRange():
            return distributions.FloatDistribution(*dimension.bounds, log=dimension.log)
    return distributions.CategoricalDistribution(dimension.choice)
