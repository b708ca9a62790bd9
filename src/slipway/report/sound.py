"""Whether a report holds together. One that a pull request's own code wrote may not, and must not end who shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from slipway.report import ReportInput
from slipway.results import Comparison, DataChange, Diagnostics, Document

_LARGEST_COUNT, _LARGEST = 2**63, 1e200
"""Of whole numbers (a time in microseconds is one) and of others."""


def unsound(report: ReportInput) -> str:
    """What about the report does not hold together, without a word of it; empty if it does."""
    documents = (report.validation, report.card, report.comparison, *report.times)
    numbers = (*(_content(d) for d in documents if d), [(t.score, t.fold_scores, t.seconds) for t in report.trials])
    if any(_is_too_large(number) for number in _numbers(numbers)):
        return "its report holds a number that is too large to be true"
    if report.comparison is not None and (said := _of_comparison(report.comparison)):
        return said
    if report.validation.change is not None and not _has_whole_shifts(report.validation.change):
        return "its report shows a shift of a column with shares that fit no labels"
    return ""


def _content(document: Document) -> Mapping[str, object]:
    return document.model_dump()


def _numbers(value: object) -> Iterator[float]:
    match value:
        case int() | float():
            yield value
        case Mapping():
            yield from _numbers(list(value.values()))
        case str():
            return
        case Sequence():
            for part in value:
                yield from _numbers(part)


def _is_too_large(number: float) -> bool:
    return abs(number) > (_LARGEST_COUNT if isinstance(number, int) else _LARGEST)


def _of_comparison(comparison: Comparison) -> str:
    if sum(row.primary for row in comparison.metrics) != 1:
        return "its report does not have one metric that decides"
    if not all(map(_has_pairs, (comparison.champion_diagnostics, comparison.challenger_diagnostics))):
        return "its report has predictions without the truth about them"
    return ""


def _has_pairs(diagnostics: Diagnostics) -> bool:
    return len(diagnostics.predicted) == len(diagnostics.actual)


def _has_whole_shifts(change: DataChange) -> bool:
    return all(len(s.labels) == len(s.before) == len(s.now) for s in change.shifts)
