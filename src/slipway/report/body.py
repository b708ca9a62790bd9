"""A report in GitHub's Markdown: the facts about it, and its parts in the order of reading."""

from __future__ import annotations

from slipway.report import ReportInput, tables, words
from slipway.report.markdown import table
from slipway.report.numbers import count, size
from slipway.report.pictures import pictures
from slipway.report.sections import Fold, Section, sections
from slipway.report.style import Style
from slipway.report.text import code, fence, literal, slug
from slipway.results import VerdictName

_METRICS = 10
_UNFOLDED = 24
"""Lines of a diff that is not folded."""


def facts(report: ReportInput, commit: str = "") -> str:
    """Commit (as Markdown), key, champion, data and duration, on one line."""
    about = [f"key {code(words.short(report.key))}"]
    if commit:
        base = f" against {code(words.short(report.base))}" if report.base and report.base != report.commit else ""
        about.insert(0, f"{commit}{base}")
    if report.comparison:
        champion = report.comparison.champion
        about.append(f"champion {code(words.short(champion.key))}" if champion.key else "champion: the baseline")
    data = report.validation
    sides = f"{data.training_rows:,} to train on, {data.holdout_rows:,} held out"
    about += [f"data {code(data.data_file)}, {count(data.rows, 'row')} ({sides})", words.took(report)]
    return " · ".join(about)


def parts(report: ReportInput, style: Style) -> list[Section]:
    """All of it but the heading. What fails comes first: rows of data, or what was checked."""
    judged = [
        _plain("What it means", " ".join(words.sentences(report)), rank=0),
        _plain("Checks", table(tables.of_checks(report)), rank=1),
    ]
    if report.comparison is not None and report.validation.passed:
        metrics = tables.of_metrics(report.comparison).first(max(style.few, _METRICS), style.elsewhere)
        judged += [_plain("Metrics", table(metrics), rank=2), *pictures(report, style)]
    found, merged = sections(report, style), _merge(report, style)
    return [*judged, *merged, *found] if report.validation.passed else [*judged, *found, *merged]


def _plain(title: str, body: str, rank: int) -> Section:
    return Section(title=title, body=body, rank=rank, fold=Fold.NONE)


def _merge(report: ReportInput, style: Style) -> list[Section]:
    text = words.merge(report, style.origin)
    if report.verdict is not VerdictName.PROMOTE or report.card is None:
        return [_plain("If you merge", f"**If you merge:** {' '.join(text)}", rank=1)]
    model = f"`model.onnx`, {size(report.card.onnx_bytes)}, sha256 {code(report.card.onnx_sha256, 64)}."
    found = [_plain("If you merge", f"**If you merge:** {' '.join([*text, model])}", rank=1)]
    if report.manifest_diff.strip():
        found.append(_diff(report, style))
    return [*found, _plain("To roll back", _rollback(report), rank=2)]


def _diff(report: ReportInput, style: Style) -> Section:
    lines = literal(report.manifest_diff, style.lines)
    block = fence(lines, "diff")
    if len(lines) <= _UNFOLDED:
        return _plain("The manifest's diff", f"What changes in `gitops/`:\n\n{block}", rank=3)
    title = f"The manifest's diff ({count(report.manifest_diff.rstrip().count(chr(10)) + 1, 'line')})"
    return Section(title=title, body=block, rank=3)


def _rollback(report: ReportInput) -> str:
    after = "What ran before runs again within seconds; nothing is trained."
    also = f"`slipway history {slug(report.model)}` prints the command too."
    return (
        f"**To roll back:** on main, after `git pull`, revert the release commit. {after} {also}\n\n"
        f"```sh\n{words.rollback(slug(report.model), slug(report.key))}\n```"
    )
