"""report.md: a model's report for whoever ran the stages, with its pictures beside it."""

from __future__ import annotations

from slipway.report import ReportInput, words
from slipway.report.body import facts, parts
from slipway.report.fit import Block, fit
from slipway.report.style import LOCAL
from slipway.report.text import code, slug

LIMIT = 60_000
"""Characters; GitHub refuses a comment above 65,536."""
_BREAKS = 8
"""Line breaks between what is never left out."""


def render(report: ReportInput) -> str:
    """The report; always below `LIMIT` characters. Whole sections are dropped, and it says which."""
    commit = f"commit {code(words.short(report.commit))}" if report.commit else "working tree"
    head = f"## {words.mark(report.verdict)} {report.verdict}: {slug(report.model)}\n\n{facts(report, commit)}"
    page = f"`.slipway/report/{slug(report.model)}/report.html`"
    last = f"<sub>All of this and more is in {page}.</sub>"
    fitted = fit([Block(parts=tuple(parts(report, LOCAL)))], LIMIT - len(head) - len(last) - _BREAKS, page)
    return "\n\n".join(filter(None, [head, *map(str, fitted.blocks), fitted.note or last])) + "\n"
