"""The tables of a report, made once for the comment and for the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from slipway.report import ReportInput, checks, words
from slipway.report.numbers import NOTHING, count, decimals, duration, milliseconds, number, percent, signed, size
from slipway.results import Check, Comparison, DataChange, FailingRow, ModelCard, SliceRow, StageTime, Validation
from slipway.training.recipe import Choice, Dimension, FloatRange, IntRange, dimensions
from slipway.training.trial import Outcome


class Name(str):
    """A cell that names something of the data or of the configuration: shown as code."""

    __slots__ = ()


class Wide(Name):
    """A name that is made of several."""

    __slots__ = ()


class Own(str):
    """A cell that quotes nothing: shown as it is. Any other text is made harmless first."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells in rows. `numeric` are the columns to align right; `rest` says what is left out."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    """Rows that stand out."""
    rest: str = ""

    def first(self, limit: int, where: str) -> Table:
        """The first rows, and a sentence about the others."""
        if len(self.rows) <= limit:
            return self
        rest = f"{count(len(self.rows) - limit)} more of {count(len(self.rows))}: {where}. {self.rest}".rstrip()
        return replace(self, rows=self.rows[:limit], rest=rest)


def of_checks(report: ReportInput) -> Table:
    """Every check, with its reason."""
    rows = tuple((Own(row.sign), Own(row.name), row.text) for row in checks.rows(report))
    return Table(headers=("", "Check", "What was found"), rows=rows)


def of_metrics(comparison: Comparison) -> Table:
    """Both models on the holdout; the primary metric first."""
    metrics = sorted(comparison.metrics, key=lambda m: not m.primary)
    level = percent(comparison.primary.improvement.confidence)
    rows = []
    for row in metrics:
        digits = words.places(row.improvement)
        needed = f"above {signed(comparison.min_improvement)}" if row.primary else NOTHING
        name = f"{words.metric(row.name)} {words.better(row)}"
        ends = words.spread(row.improvement, digits)
        values = (number(row.champion, digits), number(row.challenger, digits), ends, needed)
        rows.append((name, *map(Own, values)))
    return Table(
        headers=("Metric", "Champion", "Challenger", f"Improvement [{level} interval]", "Needed"),
        rows=tuple(rows),
        numeric=frozenset({1, 2, 3}),
        strong=frozenset({0}),
        rest="↓ lower is better, ↑ higher is better. A positive improvement is better. The first metric decides.",
    )


def of_serving(comparison: Comparison) -> Table:
    """What both models cost."""
    before, now = comparison.champion_timing, comparison.challenger_timing
    champion_size = NOTHING if comparison.champion_bytes is None else size(comparison.champion_bytes)
    rows = (
        ("Median of one row", milliseconds(before.p50_ms) if before else NOTHING, milliseconds(now.p50_ms)),
        ("99th percentile of one row", milliseconds(before.p99_ms) if before else NOTHING, milliseconds(now.p99_ms)),
        ("Size of model.onnx", champion_size, size(comparison.challenger_bytes)),
    )
    return Table(headers=("", "Champion", "Challenger"), rows=_own(rows), numeric=frozenset({1, 2}))


def ranked(slices: Iterable[SliceRow]) -> list[SliceRow]:
    """Slices as a reviewer wants them: those that regressed, then from worst to best, then the unjudged."""
    return sorted(
        slices,
        key=lambda s: (not s.regressed, s.improvement is None, s.improvement.estimate if s.improvement else 0.0),
    )


def of_slices(comparison: Comparison) -> Table:
    """The primary metric in each group."""
    rows = []
    for row in ranked(comparison.slices):
        digits = (
            words.places(row.improvement) if row.improvement else decimals([row.champion or 0.0, row.challenger or 0.0])
        )
        improvement = words.spread(row.improvement) if row.improvement else "too few rows to judge"
        state = "❌ regressed" if row.regressed else "✅ holds" if row.improvement else "➖ shown only"
        values = (count(row.rows), number(row.champion, digits), number(row.challenger, digits), improvement, state)
        rows.append((Name(row.column), Name(row.group), *map(Own, values)))
    return Table(
        headers=("Column", "Group", "Rows", "Champion", "Challenger", "Improvement", ""),
        rows=tuple(rows),
        numeric=frozenset({2, 3, 4, 5}),
    )


def of_confusions(comparison: Comparison) -> Table:
    """The classes that the challenger takes for each other most often."""
    found = [
        (rows, comparison.classes[true], comparison.classes[predicted], rows / sum(line))
        for true, line in enumerate(comparison.challenger_diagnostics.confusion)
        for predicted, rows in enumerate(line)
        if rows and true != predicted and max(true, predicted) < len(comparison.classes)
    ]
    rows = tuple(
        (Name(true), Name(predicted), Own(count(rows)), Own(percent(share)))
        for rows, true, predicted, share in sorted(found, key=lambda pair: -pair[0])
    )
    headers = ("True class", "Predicted", "Rows", "Of the class")
    return Table(headers=headers, rows=rows, numeric=frozenset({2, 3}))


def of_failed_checks(validation: Validation) -> Table:
    """The expectations that failed."""
    rows = tuple(
        (
            Own("❌ critical" if check.severity == "critical" else f"⚠️ {check.severity}"),
            Name(check.column) if check.column is not None else Own("(the table)"),
            check.expected,
            check.observed,
            Own(count(check.failing_rows) if check.failing_rows else NOTHING),
        )
        for check in checks.failed(validation)
    )
    return Table(
        headers=("", "Column", "Expected", "Found", "Rows"),
        rows=rows,
        numeric=frozenset({4}),
    )


def of_all_checks(validation: Validation) -> Table:
    """Every expectation and what came of it, the failed ones first."""
    passed = tuple(
        (
            Own("✅ pass"),
            Name(check.column) if check.column is not None else Own("(the table)"),
            check.expected,
            check.observed,
            Own(NOTHING),
        )
        for check in validation.checks
        if check.passed
    )
    failed = of_failed_checks(validation)
    return replace(failed, rows=(*failed.rows, *passed))


def of_failing_rows(found: Sequence[tuple[Check | None, FailingRow]]) -> Table:
    """Rows that an expectation rejects, or (without one) that stand on both sides of the split."""
    rows = tuple(
        (
            Own(count(row.line)),
            Name((check.column or "(the table)") if check else "(all features)"),
            Name(row.value),
            check.expected if check else Own("not on the training side as well"),
        )
        for check, row in found
    )
    return Table(headers=("Line", "Column", "Value", "Expected"), rows=rows, numeric=frozenset({0}))


def failing_rows(validation: Validation) -> list[tuple[Check | None, FailingRow]]:
    """All failing rows that are known, those of blocking checks first."""
    rows: list[tuple[Check | None, FailingRow]] = [
        (check, row) for check in checks.failed(validation) for row in check.examples
    ]
    return [*rows, *((None, row) for row in validation.leakage.examples)]


def of_columns(change: DataChange) -> Table:
    """Columns that came, went or changed their type."""
    rows = []
    for column in change.columns:
        what = "new" if column.before is None else "gone" if column.now is None else "other type"
        types = tuple(Name(t) if t is not None else Own(NOTHING) for t in (column.before, column.now))
        rows.append((Name(column.name), Own(what), *types))
    return Table(headers=("Column", "Change", "Type before", "Type now"), rows=tuple(rows))


def of_shifts(change: DataChange) -> Table:
    """How far each column's distribution moved."""
    rows = []
    for shift in change.shifts:
        moved = max(range(len(shift.labels)), key=lambda i: abs(shift.now[i] - shift.before[i]), default=None)
        most: tuple[str, ...] = (Own(NOTHING), Own(NOTHING))
        if moved is not None and shift.psi > 0:
            most = (Name(shift.labels[moved]), Own(f"{percent(shift.before[moved])} → {percent(shift.now[moved])}"))
        rows.append((Name(shift.column), Own(f"{shift.size}"), Own(number(shift.psi, 3)), *most))
    return Table(
        headers=("Column", "Shift", "PSI", "Moved most", "Share of rows"),
        rows=tuple(rows),
        numeric=frozenset({2}),
    )


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


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


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


def of_importances(comparison: Comparison) -> Table:
    """How much each feature matters to the challenger."""
    digits = decimals([i.mean for i in comparison.importances])
    rows = tuple(
        (Name(i.feature), Own(signed(i.mean, digits)), Own(f"± {number(i.spread, digits)}"))
        for i in comparison.importances
    )
    metric = words.metric(comparison.metric)
    headers = ("Feature", f"{metric} lost when shuffled", "Spread")
    return Table(headers=headers, rows=rows, numeric=frozenset({1, 2}))


def of_times(times: Iterable[StageTime]) -> Table:
    """What each stage took."""
    rows = ((t.stage, Own(duration(t.seconds)), Own("done before" if t.reused else "")) for t in times)
    return Table(headers=("Stage", "Took", ""), rows=tuple(rows), numeric=frozenset({1}))


def of_packages(card: ModelCard) -> Table:
    """The versions that shaped the model."""
    rows = tuple((Name(name), Name(version)) for name, version in sorted(card.packages.items()))
    return Table(headers=("Package", "Version"), rows=rows)


def of_golden(card: ModelCard, columns: int, requests: int) -> Table:
    """Requests that travel with the release, each with the answer that was reviewed."""
    names = (*card.numeric, *card.categorical)[:columns]
    answers = card.classes or (card.target,)
    rows = tuple(
        (
            *(_asked(value) for value in (*golden.numeric, *golden.categorical)[:columns]),
            *(Own(number(value, 4)) for value in golden.answer[: len(answers)][:columns]),
        )
        for golden in card.golden[:requests]
    )
    headers = (*names, *(f"→ {name}" for name in answers[:columns]))
    return Table(headers=headers, rows=rows, numeric=frozenset(range(len(headers))))


def _asked(value: float | str | None) -> str:
    if value is None:
        return Own("missing")
    return Name(value) if isinstance(value, str) else Own(number(value))


def _own(rows: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(Own, row)) for row in rows)
