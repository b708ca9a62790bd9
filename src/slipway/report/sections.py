"""The parts of a report, in the order of reading."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from slipway.report import ReportInput, checks, tables
from slipway.report.markdown import table
from slipway.report.numbers import count
from slipway.report.style import Detail, Style
from slipway.report.text import code, prose, slug
from slipway.results import Comparison, DataChange, ShiftWord


class Fold(Enum):
    """Whether a part can be folded, and how it starts."""

    NONE = "none"
    SHUT = ""
    OPEN = " open"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part that is shown whole or not at all. Of two, the one with the higher `rank` is dropped first."""

    title: str
    """Our own words."""
    body: str
    rank: int
    fold: Fold = Fold.SHUT

    @property
    def name(self) -> str:
        """The title without the figures in it."""
        return self.title.split(" (")[0]

    def __str__(self) -> str:
        """As Markdown."""
        if self.fold is Fold.NONE:
            return self.body
        return details(self.title, self.body, self.fold)


def details(title: str, body: str, fold: Fold) -> str:
    """A part that can be folded."""
    return f"<details{fold.value}>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def sections(report: ReportInput, style: Style) -> list[Section]:
    """All that there is something to say in and that is folded."""
    found = [*_data(report, style)]
    if report.validation.passed:
        found += [*_comparison(report, style), *_search(report, style)]
    return [*found, *_run(report, style)]


def _opened(failed: object) -> Fold:
    return Fold.OPEN if failed else Fold.SHUT


def _data(report: ReportInput, style: Style) -> list[Section]:
    validation = report.validation
    found = []
    failed = checks.failed(validation)
    examples = tables.failing_rows(validation)
    if failed or examples:
        bodies = [table(tables.of_failed_checks(validation).first(style.rows, style.elsewhere))] if failed else []
        if examples:
            bodies += [f"Lines of {code(validation.data_file)}:"]
            bodies += [table(tables.of_failing_rows(examples).first(style.rows, style.elsewhere))]
        title = f"Failing rows ({count(len(failed), 'expectation')})" if failed else "Rows on both sides of the split"
        fold = _opened(not validation.passed)
        found.append(Section(title=title, body="\n\n".join(bodies), rank=1, fold=fold))
    if style.detail is Detail.ALL and validation.checks:
        body = table(tables.of_all_checks(validation))
        found.append(Section(title=f"All expectations ({len(validation.checks):,})", body=body, rank=9))
    if validation.ignored:
        ignored = list(validation.ignored.items())[: style.rows]
        body = "\n".join(f"- {code(name)}: {prose(why, 120)}" for name, why in ignored)
        rest = len(validation.ignored) - style.rows
        more = f"\n- {count(rest)} more: {style.elsewhere}." if rest > 0 else ""
        found.append(Section(title=f"Columns that are not read ({len(validation.ignored)})", body=body + more, rank=7))
    return [*found, *([_change(validation.change, style)] if validation.change else [])]


def _change(change: DataChange, style: Style) -> Section:
    moved = [s for s in change.shifts if s.size is not ShiftWord.NONE]
    rows = f"{count(change.rows_added, 'row')} added, {count(change.rows_removed, 'row')} removed"
    parts = [f"Since {code(change.base[:12])}, which had {count(change.rows_before, 'row')}: {rows}."]
    if change.columns:
        parts.append(table(tables.of_columns(change).first(style.rows, style.elsewhere)))
    if moved:
        shown = tables.of_shifts(change.model_copy(update={"shifts": tuple(moved)}))
        parts.append(table(shown.first(style.rows, style.elsewhere)))
    else:
        parts.append("No column's distribution has shifted.")
    largest = f", largest shift {moved[0].size}" if moved else ""
    return Section(title=f"Data changes ({rows}{largest})", body="\n\n".join(parts), rank=4)


def _comparison(report: ReportInput, style: Style) -> list[Section]:
    if report.comparison is None:
        return []
    comparison = report.comparison
    found = [_slices(report, comparison, style)] if comparison.slices else []
    if comparison.importances:
        body = table(tables.of_importances(comparison).first(style.few, style.elsewhere))
        found.append(Section(title="What the challenger looks at", body=body, rank=6))
    body = table(tables.of_serving(comparison))
    return [*found, Section(title="Latency and size", body=body, rank=5)]


def _slices(report: ReportInput, comparison: Comparison, style: Style) -> Section:
    regressed = sum(s.regressed for s in comparison.slices)
    limit = report.spec.gate.max_slice_regression
    rule = "Slices are shown only: model.toml names no max_slice_regression."
    if limit is not None:
        rule = f"No slice may get worse than {limit:g} with the gate's confidence."
    title = f"Slices ({count(len(comparison.slices))}, {regressed} regressed)"
    body = f"{prose(rule)}\n\n{table(tables.of_slices(comparison).first(style.rows, style.elsewhere))}"
    return Section(title=title, body=body, rank=3, fold=_opened(regressed))


def _search(report: ReportInput, style: Style) -> list[Section]:
    if not report.trials:
        return []
    trials = tables.of_trials(report).first(style.few, style.elsewhere)
    failed_all = report.card is None
    said = "No trial was completed." if failed_all else "From best to worst; the one in bold is the challenger."
    body = f"{count(len(report.trials), 'trial')}. {said}\n\n{table(trials)}"
    title = "Failed trials" if failed_all else "Best trials"
    return [
        Section(title=title, body=body, rank=10, fold=_opened(failed_all)),
        Section(title="Search space", body=table(tables.of_space(report)), rank=9),
    ]


def _run(report: ReportInput, style: Style) -> list[Section]:
    times = table(tables.of_times(report.times).first(style.rows, style.elsewhere))
    found = [
        Section(title="What each stage took", body=f"Engine: {code(report.engine)}.\n\n{times}", rank=8),
        Section(title="Reproduce", body=_reproduce(report), rank=7),
    ]
    if report.card:
        packages = tables.of_packages(report.card).first(style.rows, style.elsewhere)
        found.append(Section(title="Versions", body=table(packages), rank=8))
    return found


def _reproduce(report: ReportInput) -> str:
    parts = [f"At commit {code(report.commit)}:"] if report.commit else []
    parts += [f"```sh\nslipway run {slug(report.model)}\n```"]
    parts += ["The same key gives the same trials and the same bytes, on any number of cores."]
    if report.data_digest:
        parts.append(f"The data: {code(report.data_digest, 80)}.")
    return "\n\n".join(parts)
