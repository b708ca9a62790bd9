"""report.md: the comment on a pull request, in GitHub's Markdown."""

from __future__ import annotations

from slipway.report import ReportInput, plots, tables, words
from slipway.report.markdown import table
from slipway.report.numbers import count, size
from slipway.report.plots import Plot
from slipway.report.sections import Section, sections
from slipway.report.text import attribute, code, slug
from slipway.results import VerdictName

LIMIT = 60_000
"""Characters; GitHub refuses a comment above 65,536."""
_METRICS = 10


def render(report: ReportInput) -> str:
    """The comment; always below `LIMIT` characters. Whole sections are dropped, and it says which."""
    head, shown = _head(report), sections(report)
    dropped: list[Section] = []
    while shown and len(_assemble(report, head, shown, dropped)) >= LIMIT:
        least = max(shown, key=lambda section: section.rank)
        shown.remove(least)
        dropped.append(least)
    return _assemble(report, head, shown, dropped)


def marker(model: str) -> str:
    """The hidden line by which a model's comment is found again."""
    return f"<!-- slipway:pull-request:{slug(model)} -->"


def _assemble(report: ReportInput, head: list[str], shown: list[Section], dropped: list[Section]) -> str:
    page = f"`.slipway/report/{slug(report.model)}/report.html`"
    last = f"<sub>All of this and more is in {page}.</sub>"
    if dropped:
        titles = "; ".join(section.title for section in dropped)
        last = f"**Left out, for a comment has a limit:** {titles}. All of it is in {page}."
    parts = [*head, *_merge(report), *map(str, shown)]
    if not report.validation.passed:
        parts = [*head, *map(str, shown), *_merge(report)]
    return "\n\n".join([*parts, last]) + "\n"


def _head(report: ReportInput) -> list[str]:
    parts = [
        marker(report.model),
        f"## {words.mark(report.verdict)} {report.verdict}: {slug(report.model)}",
        _facts(report),
        " ".join(words.sentences(report)),
        table(tables.of_checks(report)),
    ]
    if report.comparison is not None and report.validation.passed:
        metrics = tables.of_metrics(report.comparison).first(_METRICS, "see report.html")
        parts += [table(metrics), *map(_picture, plots.for_comment(report))]
    return parts


def _facts(report: ReportInput) -> str:
    """Commit, champion, data and duration, on one line."""
    commit = f"commit {code(words.short(report.commit))}" if report.commit else "working tree"
    base = f" against {code(words.short(report.base))}" if report.base and report.base != report.commit else ""
    facts = [f"{commit}{base}", f"key {code(words.short(report.key))}"]
    if report.comparison:
        champion = report.comparison.champion
        facts.append(f"champion {code(words.short(champion.key))}" if champion.key else "champion: the baseline")
    data = report.validation
    sides = f"{data.training_rows:,} to train on, {data.holdout_rows:,} held out"
    facts += [f"data {code(data.data_file)}, {count(data.rows, 'row')} ({sides})", words.took(report)]
    return " · ".join(facts)


def _merge(report: ReportInput) -> list[str]:
    text = words.merge(report)
    if report.verdict is not VerdictName.PROMOTE or report.card is None:
        return [f"**If you merge:** {' '.join(text)}"]
    model = f"`model.onnx`, {size(report.card.onnx_bytes)}, sha256 {code(report.card.onnx_sha256, 64)}."
    after = "What ran before runs again within seconds; nothing is trained."
    also = f"`slipway history {slug(report.model)}` prints the command too."
    return [
        f"**If you merge:** {' '.join([*text, model])}",
        f"**To roll back:** on main, after `git pull`, revert the release commit. {after} {also}",
        f"```sh\n{words.rollback(slug(report.model), slug(report.key))}\n```",
    ]


def _picture(plot: Plot) -> str:
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="plots/{plot.name}-dark.png">\n'
        f'  <img src="plots/{plot.name}-light.png" width="800" alt="{attribute(plot.alt)}">\n</picture>'
    )
