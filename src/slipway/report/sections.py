"""The folded parts of the comment."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.report import ReportInput, checks, tables
from slipway.report.markdown import table
from slipway.report.numbers import count
from slipway.report.tables import Table
from slipway.report.text import code, prose, slug
from slipway.results import Comparison, DataChange, ShiftWord

_ROWS, _FEW = 20, 10
_ELSEWHERE = "see report.html"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part that is shown whole or not at all. Of two, the one with the higher `rank` is dropped first."""

    title: str
    body: str
    rank: int
    is_open: bool = False

    def __str__(self) -> str:
        """As Markdown, folded unless something in it failed."""
        state = " open" if self.is_open else ""
        return f"<details{state}>\n<summary>{self.title}</summary>\n\n{self.body}\n\n</details>"


def sections(report: ReportInput) -> list[Section]:
    """All that there is something to say in, in the order of reading."""
    found = [*_data(report)]
    if report.validation.passed:
        found += [*_comparison(report), *_search(report)]
    return [*found, *_run(report)]


def _data(report: ReportInput) -> list[Section]:
    validation = report.validation
    found = []
    failed = checks.failed(validation)
    examples = tables.failing_rows(validation)
    if failed or examples:
        bodies = [table(tables.of_failed_checks(validation).first(_ROWS, _ELSEWHERE))] if failed else []
        if examples:
            bodies += [f"Lines of {code(validation.data_file)}:"]
            bodies += [table(tables.of_failing_rows(examples).first(_ROWS, _ELSEWHERE))]
        title = f"Failing rows ({count(len(failed), 'expectation')})" if failed else "Rows on both sides of the split"
        found.append(Section(title=title, body="\n\n".join(bodies), rank=1, is_open=not validation.passed))
    if validation.ignored:
        body = "\n".join(f"- {code(name)}: {prose(why, 120)}" for name, why in list(validation.ignored.items())[:_ROWS])
        rest = len(validation.ignored) - _ROWS
        more = f"\n- {count(rest)} more: {_ELSEWHERE}." if rest > 0 else ""
        found.append(Section(title=f"Columns that are not read ({len(validation.ignored)})", body=body + more, rank=7))
    return [*found, *([_change(validation.change)] if validation.change else [])]


def _change(change: DataChange) -> Section:
    moved = [s for s in change.shifts if s.size is not ShiftWord.NONE]
    rows = f"{count(change.rows_added, 'row')} added, {count(change.rows_removed, 'row')} removed"
    parts = [f"Since {code(change.base[:12])}, which had {count(change.rows_before, 'row')}: {rows}."]
    if change.columns:
        parts.append(table(tables.of_columns(change).first(_ROWS, _ELSEWHERE)))
    if moved:
        parts.append(
            table(tables.of_shifts(change.model_copy(update={"shifts": tuple(moved)})).first(_ROWS, _ELSEWHERE))
        )
    else:
        parts.append("No column's distribution has shifted.")
    largest = f", largest shift {moved[0].size}" if moved else ""
    return Section(title=f"Data changes ({rows}{largest})", body="\n\n".join(parts), rank=4)


def _comparison(report: ReportInput) -> list[Section]:
    if report.comparison is None:
        return []
    comparison = report.comparison
    found = [_slices(report, comparison)] if comparison.slices else []
    if comparison.importances:
        body = table(tables.of_importances(comparison).first(_FEW, _ELSEWHERE))
        found.append(Section(title="What the challenger looks at", body=body, rank=6))
    body = table(tables.of_serving(comparison))
    return [*found, Section(title="Latency and size", body=body, rank=5)]


def _slices(report: ReportInput, comparison: Comparison) -> Section:
    regressed = sum(s.regressed for s in comparison.slices)
    limit = report.spec.gate.max_slice_regression
    rule = "Slices are shown only: model.toml names no max_slice_regression."
    if limit is not None:
        rule = f"No slice may get worse than {limit:g} with the gate's confidence."
    title = f"Slices ({count(len(comparison.slices))}, {regressed} regressed)"
    body = f"{prose(rule)}\n\n{table(tables.of_slices(comparison).first(_ROWS, _ELSEWHERE))}"
    return Section(title=title, body=body, rank=3, is_open=regressed > 0)


def _search(report: ReportInput) -> list[Section]:
    if not report.trials:
        return []
    trials = tables.of_trials(report).first(_FEW, _ELSEWHERE)
    failed_all = report.card is None
    said = "No trial was completed." if failed_all else "From best to worst; the one in bold is the challenger."
    body = f"{count(len(report.trials), 'trial')}. {said}\n\n{table(trials)}"
    space = f"{table(tables.of_space(report))}"
    return [
        Section(title="Failed trials" if failed_all else "Best trials", body=body, rank=10, is_open=failed_all),
        Section(title="Search space", body=space, rank=9),
    ]


def _run(report: ReportInput) -> list[Section]:
    command = f"```sh\nslipway run {slug(report.model)}\n```"
    body = f"{command}\n\nThe same key gives the same trials and the same bytes, on any number of cores."
    if report.commit:
        body = f"At commit {code(report.commit)}:\n\n{body}"
    found = [
        Section(title="What each stage took", body=table(_times(report)), rank=8),
        Section(title="Reproduce", body=body, rank=2),
    ]
    if report.card:
        found.append(
            Section(title="Versions", body=table(tables.of_packages(report.card).first(_ROWS, _ELSEWHERE)), rank=8)
        )
    return found


def _times(report: ReportInput) -> Table:
    return tables.of_times(report.times).first(_ROWS, _ELSEWHERE)
