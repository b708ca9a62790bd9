"""What was checked and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slipway.report import ReportInput, checks, words
from slipway.report.numbers import NOTHING, count, decimals, milliseconds, number, percent, signed, size
from slipway.report.tables.cells import Name, Own, Table
from slipway.results import Comparison, SliceRow


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
    return Table(
        headers=("", "Champion", "Challenger"),
        rows=tuple(tuple(map(Own, row)) for row in rows),
        numeric=frozenset({1, 2}),
    )


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


def of_classes(comparison: Comparison) -> Table:
    """How many rows of each class both models predict right; the classes of which the challenger knows least first."""
    champion, challenger = comparison.champion_diagnostics.confusion, comparison.challenger_diagnostics.confusion
    found = [
        (name, sum(now), _right(champion[place : place + 1], place), _right((now,), place))
        for place, (name, now) in enumerate(zip(comparison.classes, challenger, strict=False))
        if sum(now)
    ]
    rows = tuple(
        (Name(name), Own(count(rows)), Own(NOTHING if before is None else percent(before)), Own(percent(now or 0.0)))
        for name, rows, before, now in sorted(found, key=lambda row: row[3] or 0.0)
    )
    headers = ("True class", "Rows", "Champion predicts right", "Challenger predicts right")
    return Table(headers=headers, rows=rows, numeric=frozenset({1, 2, 3}))


def _right(lines: Sequence[Sequence[int]], place: int) -> float | None:
    """The share of a class's rows that are predicted to be of it."""
    for line in lines:
        if sum(line) and place < len(line):
            return line[place] / sum(line)
    return None


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
