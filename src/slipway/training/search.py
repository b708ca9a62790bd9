"""Bayesian search that gives the same trials at any width.

Suggestions come from a tree-structured Parzen estimator (Bergstra et al., 2011; Optuna's, multivariate
and grouped by family). What makes it reproducible is what it is allowed to know: trial n is suggested
from the results of exactly the trials up to n - batch, told in their order, however the trials ended in
time. Up to `batch` trials can so be under way at once, and no worker waits for a slow one as it would
at the end of a synchronous batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.training import seeds
from slipway.training.families import Params, family
from slipway.training.recipe import (
    Choice,
    Dimension,
    FloatRange,
    IntRange,
    SearchTable,
    dimensions,
)
from slipway.training.trial import Material, Outcome, Suggestion, TrialState, evaluate

DIGITS = 7
"""Of a suggested number and of a score that the sampler is told."""


class Study:
    """A search as a sequence of questions and answers; it runs nothing itself.

    `recorded` are the outcomes of an earlier, interrupted run of the same search: they are not asked
    for again.
    """

    def __init__(self, search: SearchTable, key: str, recorded: Mapping[int, Outcome]) -> None:
        """Start, or go on, with the search of a key."""
        self.search = search
        self.outcomes: dict[int, Outcome] = {}
        self._recorded = dict(recorded)
        self._spaces = {name: _space(name, table) for name, table in search.families.items()}
        self._study = _sampler_study(search, key)
        self._trials: list[Any] = []
        self._told = 0

    @property
    def finished(self) -> bool:
        """Whether every trial has its outcome."""
        return len(self.outcomes) == self.search.trials

    @property
    def exhausted(self) -> bool:
        """Whether every trial has been suggested."""
        return len(self._trials) == self.search.trials

    def ask(self) -> Suggestion | None:
        """The next configuration to try; None while its time has not come, or none is left."""
        while not self.exhausted and self._is_open(len(self._trials)):
            suggestion = self._suggest(len(self._trials))
            known = self._recorded.pop(suggestion.number, None)
            if known is None or (known.family, known.params) != (suggestion.family, suggestion.params):
                return suggestion
            self.tell(known)
        return None

    def tell(self, outcome: Outcome) -> None:
        """Take a trial's outcome, in whatever order they come."""
        self.outcomes[outcome.number] = outcome

    def best(self) -> Outcome | None:
        """The best trial so far, the earliest of equals; None if none was completed."""
        done = [outcome for outcome in self.outcomes.values() if outcome.score is not None]
        sign = -1 if self.search.metric.higher_is_better else 1
        return min(done, key=lambda outcome: (sign * (outcome.score or 0.0), outcome.number), default=None)

    def _is_open(self, number: int) -> bool:
        return all(n in self.outcomes for n in range(self._told, number - self.search.batch + 1))

    def _suggest(self, number: int) -> Suggestion:
        for earlier in range(self._told, number - self.search.batch + 1):
            self._tell_sampler(self.outcomes[earlier])
        trial = self._study.ask()
        self._trials.append(trial)
        names = sorted(self._spaces)
        chosen = trial.suggest_categorical("family", names) if len(names) > 1 else names[0]
        params = {name: _draw(trial, f"{chosen}.{name}", d) for name, d in self._spaces[chosen].items()}
        return Suggestion(number=number, family=chosen, params=params)

    def _tell_sampler(self, outcome: Outcome) -> None:
        import optuna

        trial = self._trials[outcome.number]
        if outcome.state is TrialState.COMPLETE:
            self._study.tell(trial, _rounded(outcome.score or 0.0))
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._told = outcome.number + 1


def _sampler_study(search: SearchTable, key: str) -> Any:  # noqa: ANN401  optuna is heavy
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seeds.derive(key, "search"),
            multivariate=True,
            group=True,
            constant_liar=True,
            n_startup_trials=max(search.batch, min(16, search.trials // 3)),
        )
    direction = "maximize" if search.metric.higher_is_better else "minimize"
    return optuna.create_study(sampler=sampler, direction=direction)


def _space(name: str, table: Any) -> dict[str, Dimension]:  # noqa: ANN401
    """What is searched of a family: what its table names, or the family's own space if it names nothing."""
    named = dimensions(table)
    searched = {key: value for key, value in named.items() if key != "early_stopping_rounds"}
    return named if searched else {**family(name).DEFAULT_SPACE, **named}


def _rounded(value: float) -> float:
    """Without the last digits, in which logarithms and sums differ from one kind of processor to another."""
    return float(f"{value:.{DIGITS}g}")


def _draw(trial: Any, name: str, dimension: Dimension) -> Any:  # noqa: ANN401
    match dimension:
        case IntRange(bounds=(low, high)):
            return trial.suggest_int(name, low, high, log=dimension.log)
        case FloatRange(bounds=(low, high)):
            return _rounded(trial.suggest_float(name, low, high, log=dimension.log))
        case Choice():
            return trial.suggest_categorical(name, list(dimension.choice))
        case constant:
            return constant


class Runner(Protocol):
    """Runs the trials of a study, each once, as many at a time as it can."""

    def run(self, study: Study, material: Material, done: Callable[[Outcome], None]) -> None:
        """Ask, evaluate and tell until the study is finished; `done` hears of each outcome at once."""


@dataclass(frozen=True)
class InProcess:
    """One trial after the other, here."""

    def run(self, study: Study, material: Material, done: Callable[[Outcome], None]) -> None:
        """Evaluate in this process."""
        while (suggestion := study.ask()) is not None:
            outcome = evaluate(suggestion, material)
            study.tell(outcome)
            done(outcome)


def refit(best: Outcome, material: Material, threads: int) -> tuple[Any, Params]:
    """The best configuration, fitted on the whole training side: the model and its final parameters.

    Boosting then runs for the mean number of rounds at which the folds stopped.
    """
    params = dict(best.params)
    if best.rounds is not None:
        params |= {"n_estimators": best.rounds}
        params.pop("early_stopping_rounds", None)
    fitted = family(best.family).fit(
        params,
        material.features,
        material.target,
        task=material.task,
        seed=seeds.derive(material.key, "refit"),
        threads=threads,
    )
    return fitted, params
