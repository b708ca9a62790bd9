"""What a report says must agree with itself: its parts with each other, and its verdict with its figures.

Whoever runs a pull request's code can make up any figures, and a merge asks again for all of them. This keeps
what is shown from saying two things at once, such as a promotion with a reason against it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from slipway import spec
from slipway.bundle.rejected import Rejected
from slipway.errors import InputError
from slipway.gate.verdict import Evidence, decide
from slipway.results import Champion, Diagnostics, Reason, ReasonState, Shift, VerdictName
from slipway.training.recipe import MetricName, Task

if TYPE_CHECKING:
    from slipway.bundle.document import ReportDocument
    from slipway.results import Comparison, MetricRow, ModelCard, PredictionReference, SliceRow, Validation

_COMMIT, _KEY = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")
_STAGE = re.compile("[a-z][a-z-]{0,39}")
_LONGEST_PATH = 255
_CLOSE = 1e-6
"""Sums in another order differ by less."""
_ROUNDED = 1e-3
"""Probabilities of 32 bits may add up to so much more or less than 1."""

Faults = Iterator[str]


def check(report: ReportDocument) -> None:
    """See to it that a report does not contradict itself; else `Rejected` says where."""
    for fault in _faults(report):
        raise Rejected(f"the report contradicts itself: {fault}")


def _faults(report: ReportDocument) -> Faults:
    parts = {"validation": report.validation, "card": report.card, "comparison": report.comparison}
    for name, part in parts.items():
        if part is not None and (part.model, part.key) != (report.model, report.key):
            yield f"its {name} is of another model or key"
    if not all(_STAGE.fullmatch(time.stage) for time in report.times):
        yield "a stage has no name that a stage can have"
    yield from _of_data_file(report)
    yield from _of_validation(report.validation)
    yield from _of_search(report)
    if report.card is not None:
        yield from _of_card(report, report.card)
    if report.comparison is not None:
        yield from _of_comparison(report, report.comparison)


# ---- validate


def _of_data_file(report: ReportDocument) -> Faults:
    """Remarks are shown on lines of this file, so it is the one that the spec names, in the model's folder."""
    try:
        path = str(spec.data_path(report.model, {"data": {"path": report.spec.data.path}}))
    except InputError:
        path = ""
    is_plain = path.isprintable() and len(path) <= _LONGEST_PATH
    if not is_plain or path == str(spec.folder(report.model)) or report.validation.data_file != path:
        yield "its data file is not the one in the model's folder that its spec names"


def _of_validation(found: Validation) -> Faults:
    if found.rows != found.training_rows + found.holdout_rows:
        yield "its rows are not those of both sides"
    if any(check.failing_rows > found.rows for check in found.checks):
        yield "a check fails in more rows than there are"
    if found.leakage.duplicates > found.holdout_rows or found.leakage.share > 1:
        yield "more rows of the holdout are duplicates than it has"
    if found.change is None:
        return
    if not _COMMIT.fullmatch(found.change.base):
        yield "its data are compared with no commit"
    if not all(map(_is_shift, found.change.shifts)):
        yield "the shares of a shift do not fit its labels"


def _is_shift(shift: Shift) -> bool:
    shares = (*shift.before, *shift.now)
    return len(shift.labels) == len(shift.before) == len(shift.now) and all(0 <= share <= 1 for share in shares)


# ---- tune


def _of_search(report: ReportDocument) -> Faults:
    families = report.spec.search.families
    if [trial.number for trial in report.trials] != list(range(len(report.trials))):
        yield "its trials are not numbered from 0 on"
    if any((trial.score is not None) != (trial.state == "complete") for trial in report.trials):
        yield "a trial has a score and failed, or has none and did not"
    if any(trial.family not in families for trial in report.trials):
        yield "a trial is of a family that its spec does not search"
    if report.card is None and any(trial.score is not None for trial in report.trials):
        yield "a trial was completed, and there is no challenger"
    if report.card is None and report.comparison is not None:
        yield "there is a comparison without a challenger"


def _of_card(report: ReportDocument, card: ModelCard) -> Faults:
    wanted, found = report.spec, report.validation
    if (card.task, card.target, card.metric) != (wanted.model.task, wanted.model.target, wanted.search.metric):
        yield "its card is not of the task that its spec sets"
    if (card.training_rows, card.holdout_rows) != (found.training_rows, found.holdout_rows):
        yield "its card counts other rows than its validation"
    if bool(card.classes) != (wanted.model.task is Task.CLASSIFICATION) or len(set(card.classes)) == 1:
        yield "its card has no classes, or has some without a reason"
    features = (*card.numeric, *card.categorical)
    if not features or len({*features, card.target}) != len(features) + 1:
        yield "its card names a column twice, or none"
    if tuple(one.name for one in card.reference) != features:
        yield "its card says of other columns how they are distributed"
    shape = (len(card.numeric), len(card.categorical), len(card.classes) or 1)
    if any((len(one.numeric), len(one.categorical), len(one.answer)) != shape for one in card.golden):
        yield "a golden request does not fit the model"
    if card.predictions is not None and not _is_of_holdout(card.predictions, card):
        yield "its card tells of answers on the holdout that it cannot have given"
    yield from _of_best(report, card)


def _is_of_holdout(found: PredictionReference, card: ModelCard) -> bool:
    """Shares and counts that a served model can be compared with: they are divided by, and their edges searched."""
    if found.rows != card.holdout_rows or found.rows < 1:
        return False
    if card.classes:
        shares = (*found.probabilities, -1.0 if found.accuracy is None else found.accuracy)
        is_whole = len(found.probabilities) == len(card.classes) and abs(sum(found.probabilities) - 1) < _ROUNDED
        is_other = found.edges or found.counts or found.mae is not None
        return is_whole and not is_other and all(0 <= share <= 1 + _ROUNDED for share in shares)
    is_other = found.probabilities or found.accuracy is not None or found.mae is None or found.mae < 0
    is_rising = all(low < high for low, high in pairwise(found.edges))
    return not is_other and is_rising and len(found.counts) == len(found.edges) + 1 and sum(found.counts) == found.rows


def _of_best(report: ReportDocument, card: ModelCard) -> Faults:
    completed = {trial.number: trial for trial in report.trials if trial.score is not None}
    if (card.trials, card.failed_trials) != (len(report.trials), len(report.trials) - len(completed)):
        yield "its card counts other trials than there are"
    best = completed.get(card.trial)
    if best is None or best.score is None or best.family != card.family or not _is_near(best.score, card.cv_score):
        yield "its challenger is of no trial, or of one with another score"
        return
    sign = 1.0 if report.spec.search.metric.higher_is_better else -1.0
    ahead = max(sign * (trial.score or 0.0) for trial in completed.values())
    if not _is_near(ahead, sign * best.score):
        yield "its challenger is not of the best trial"


# ---- compare


def _of_comparison(report: ReportDocument, found: Comparison) -> Faults:
    card, gate = report.card, report.spec.gate
    if card is None:
        return
    judged = (found.task, found.classes, found.metric, found.challenger_bytes, found.min_improvement)
    if judged != (card.task, card.classes, card.metric, card.onnx_bytes, gate.min_improvement):
        yield "its comparison is of another model than its card, or was made for another gate"
    if not 1 <= found.units <= found.holdout_rows <= report.validation.holdout_rows:
        yield "it was compared on more rows than the holdout has"
    if not _is_champion(found):
        yield "its champion is neither a live model nor the baseline"
    features = {*card.numeric, *card.categorical}
    if not {one.feature for one in found.importances} <= features:
        yield "a column is important that the model does not read"
    if not all(_is_diagnosis(one, found) for one in (found.champion_diagnostics, found.challenger_diagnostics)):
        yield "what is drawn of a model does not fit its classes"
    if found.challenger_timing.asked < 1:
        yield "it was timed without being asked"
    if not all(_is_slice(row, report, found) for row in found.slices):
        yield "a group is judged otherwise than the gate's limit says"
    yield from _of_metrics(report, found)


def _is_champion(found: Comparison) -> bool:
    match found.champion:
        case Champion(kind="live", key=str(key), commit=str(commit)):
            is_named = bool(_KEY.fullmatch(key) and _COMMIT.fullmatch(commit))
            return is_named and found.champion_timing is not None and found.champion_bytes is not None
        case Champion(kind="baseline", key=None, commit=None, missing_columns=()):
            return found.champion_timing is None and found.champion_bytes is None
    return False


def _is_diagnosis(one: Diagnostics, found: Comparison) -> bool:
    size = len(found.classes)
    is_square = len(one.confusion) in {0, size} and all(len(row) == size for row in one.confusion)
    drawn = [share for part in one.calibration for share in (part.predicted, part.observed)]
    is_share = all(-_CLOSE <= share <= 1 + _ROUNDED for share in drawn)
    return is_square and is_share and len(one.predicted) == len(one.actual)


def _is_slice(row: SliceRow, report: ReportDocument, found: Comparison) -> bool:
    limit = report.spec.gate.max_slice_regression
    worse = row.improvement is not None and limit is not None and row.improvement.high < -limit
    return row.column in report.spec.data.slices and row.rows <= found.holdout_rows and row.regressed == worse


def _of_metrics(report: ReportDocument, found: Comparison) -> Faults:
    primary = [row for row in found.metrics if row.primary]
    names = [row.name for row in found.metrics]
    if [row.name for row in primary] != [found.metric] or len(set(names)) < len(names):
        yield "not one metric decides, or a metric is there twice"
        return
    if not all(_is_metric(row, report) for row in found.metrics):
        yield "a metric's improvement is not the difference of its two values"
        return
    yield from _of_verdict(report, found)


def _is_metric(row: MetricRow, report: ReportDocument) -> bool:
    if row.name not in set(MetricName) or (metric := MetricName(row.name)).task is not report.spec.model.task:
        return False
    gained = (row.challenger - row.champion) * (1.0 if metric.higher_is_better else -1.0)
    scale = abs(row.challenger) + abs(row.champion)
    is_difference = math.isclose(row.improvement.estimate, gained, rel_tol=_CLOSE, abs_tol=_CLOSE * (1 + scale))
    has_direction = row.higher_is_better == metric.higher_is_better
    return is_difference and has_direction and row.improvement.confidence == report.spec.gate.confidence


def _of_verdict(report: ReportDocument, found: Comparison) -> Faults:
    """The gate is asked again: it is cheap, and pure. Its words may differ, its answers may not."""
    evidence = Evidence(
        metric=MetricName(found.metric),
        champion=found.champion.name,
        improvement=found.primary.improvement,
        slices=found.slices,
        timing=found.challenger_timing,
        size=found.challenger_bytes,
        parity=found.parity,
        units=found.units,
        same_model=found.champion.key == found.key,
        missing_columns=found.champion.missing_columns,
    )
    verdict = decide(evidence, report.spec.gate)
    if found.verdict is not verdict.name or _states(found.reasons) != _states(verdict.reasons):
        yield "its verdict or a reason is not what the gate makes of its figures"
    if any(reason.check == "data" and reason.state is not ReasonState.WARN for reason in found.reasons):
        yield "a remark on the data is no warning"
    if found.verdict is VerdictName.PROMOTE and not report.validation.passed:
        yield "it would promote a model whose data were rejected"


def _states(reasons: tuple[Reason, ...]) -> list[tuple[str, ReasonState]]:
    """What each check says, but for remarks on the data, which decide nothing."""
    return [(reason.check, reason.state) for reason in reasons if reason.check != "data"]


def _is_near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
