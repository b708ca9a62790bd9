"""One trial: a configuration, cross-validated on the training side."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from slipway.training import seeds
from slipway.training.evaluation import score
from slipway.training.families import Params, family
from slipway.training.faults import DataError, Fault
from slipway.training.features import Dataset, Encoding, Matrix, Target, check_folds, fit_encoding, raw
from slipway.training.recipe import MetricName, Task

Rows = npt.NDArray[np.int64]
_REASON = 500


class TrialState(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A configuration to try, and its place in the search."""

    number: int
    family: str
    params: Params


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial. `score` is the mean over the folds, in the metric's unit; None if it failed."""

    number: int
    family: str
    params: Params
    state: TrialState
    score: float | None = None
    fold_scores: tuple[float, ...] = ()
    rounds: int | None = None
    seconds: float = 0.0
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """From JSON; `KeyError`, `TypeError` or `ValueError` if it is no such thing."""
        return cls(**{
            **record,
            "state": TrialState(record["state"]),
            "fold_scores": tuple(record["fold_scores"]),
        })  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that a trial needs besides its configuration; made once, shared by every worker."""

    key: str
    task: Task
    metric: MetricName
    classes: int
    features: Matrix
    target: Target
    folds: tuple[tuple[Rows, Rows], ...] = field(repr=False)


def prepare(data: Dataset, key: str) -> tuple[Material, Encoding]:
    """Encode the training side and draw its folds; `DataError` if it has too few rows for them."""
    check_folds(data)
    numeric, categorical = raw(data.table.filter(data.training), data.columns)
    encoding = fit_encoding(data.columns, categorical)
    features = encoding.encode(numeric, categorical)
    target = data.target[data.training]
    material = Material(
        key=key,
        task=data.recipe.model.task,
        metric=data.recipe.search.metric,
        classes=len(data.classes),
        features=features,
        target=target,
        folds=_checked_folds(data, target, key),
    )
    return material, encoding


def _checked_folds(data: Dataset, target: Target, key: str) -> tuple[tuple[Rows, Rows], ...]:
    """The folds, each of which has every class to learn from; else `DataError`."""
    hint = "Add rows, take the class out, or lower [search] folds."
    try:
        folds = _folds(data, target, key)
    except ValueError as error:
        raise DataError(Fault(what=f"{data.recipe.search.folds} folds cannot be drawn: {error}", hint=hint)) from None
    for number, (fit, _) in enumerate(folds, start=1):
        if data.classes and (absent := set(range(len(data.classes))) - set(target[fit].tolist())):
            names = ", ".join(repr(data.classes[code]) for code in sorted(absent))
            raise DataError(Fault(what=f"fold {number} would have no row of class {names} to learn from", hint=hint))
    return folds


def _folds(data: Dataset, target: Target, key: str) -> tuple[tuple[Rows, Rows], ...]:
    """The rows to fit on and the rows to judge on, for each fold, as positions on the training side.

    Rows that share a split key stay together. Where the split follows a date, each fold is judged on
    rows that are newer than all it was fitted on.
    """
    from sklearn import model_selection

    options, count = data.recipe.data, data.recipe.search.folds
    training = data.table.filter(data.training)
    if options.split_time is not None:
        order = np.argsort(training.column(options.split_time).to_numpy(), kind="stable")
        chronological = model_selection.TimeSeriesSplit(n_splits=count)
        return tuple((order[fit], order[judge]) for fit, judge in chronological.split(order))
    stratified = data.recipe.model.task is Task.CLASSIFICATION
    shuffle = {"n_splits": count, "shuffle": True, "random_state": seeds.derive(key, "folds")}
    if options.split_key:
        groups = _group_numbers(training, options.split_key)
        kind = model_selection.StratifiedGroupKFold if stratified else model_selection.GroupKFold
        return tuple(kind(**shuffle).split(target, target, groups))
    kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
    return tuple(kind(**shuffle).split(target, target))


def _group_numbers(table: Any, columns: tuple[str, ...]) -> Rows:  # noqa: ANN401
    from slipway.training.split import row_hashes

    numbers: Rows = np.unique(row_hashes(table, columns), return_inverse=True)[1]
    return numbers


def evaluate(suggestion: Suggestion, material: Material) -> Outcome:
    """Cross-validate a configuration on one thread. A failure is an outcome, not an exception.

    What the machine lacks is no failure of the configuration, and must not decide which model wins: it is raised.
    """
    began = time.perf_counter()
    try:
        scores, rounds = _cross_validate(suggestion, material)
        return Outcome(
            number=suggestion.number,
            family=suggestion.family,
            params=suggestion.params,
            state=TrialState.COMPLETE,
            score=float(np.mean(scores)),
            fold_scores=tuple(scores),
            rounds=round(float(np.mean(rounds))) if rounds else None,
            seconds=time.perf_counter() - began,
        )
    except (MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  whatever a library makes of a configuration is recorded
        return failed(suggestion, f"{type(error).__name__}: {error}", time.perf_counter() - began)


def failed(suggestion: Suggestion, reason: str, seconds: float) -> Outcome:
    """The outcome of a trial that could not be finished."""
    return Outcome(
        number=suggestion.number,
        family=suggestion.family,
        params=suggestion.params,
        state=TrialState.FAILED,
        seconds=seconds,
        error=reason.strip()[:_REASON],
    )


def _cross_validate(suggestion: Suggestion, material: Material) -> tuple[list[float], list[int]]:
    scores: list[float] = []
    rounds: list[int] = []
    for fold, (fit, judge) in enumerate(material.folds):
        unseen = material.features[judge], material.target[judge]
        fitted = family(suggestion.family).fit(
            suggestion.params,
            material.features[fit],
            material.target[fit],
            task=material.task,
            seed=seeds.derive(material.key, "trial", suggestion.number, fold),
            threads=1,
            stopping=unseen,
        )
        value = score(material.metric, unseen[1], fitted.predict(unseen[0]))
        if not np.isfinite(value):
            msg = f"{material.metric} is {value} on fold {fold + 1}"
            raise ValueError(msg)
        scores.append(value)
        if fitted.rounds is not None:
            rounds.append(fitted.rounds)
    return scores, rounds
