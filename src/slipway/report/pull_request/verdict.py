"""The check run: what decides whether the change may be merged, in one line and one word."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.forge.interface import Check, Conclusion
from slipway.report import words
from slipway.report.pull_request import overview
from slipway.report.pull_request.document import Paper, write
from slipway.report.pull_request.entry import FAILING, Entry, Standing
from slipway.report.pull_request.remarks import remarks
from slipway.report.pull_request.told import Told
from slipway.report.review import Beside
from slipway.report.style import CHECK
from slipway.report.text import clean

NAME = "slipway"
LIMIT = 65_000
"""Bytes; GitHub refuses a summary above 65,535."""
_TITLE = 200
_NOTHING = "no model is affected"


def check(entries: Sequence[Entry], told: Told, refused: str, also: Sequence[Beside] = ()) -> Check:
    """Of all models at once; done, whatever the verdict."""
    paper = Paper(style=CHECK, room=LIMIT, measure=lambda text: len(text.encode()))
    return Check(
        name=NAME,
        head=told.head,
        title=clean(_title(entries, refused, also), _TITLE),
        summary=write(entries, told, refused, paper, also),
        url=told.url,
        external_id=told.check or told.run,
        conclusion=_conclusion(entries, refused),
        annotations=() if refused else remarks(entries),
    )


def _conclusion(entries: Sequence[Entry], refused: str) -> Conclusion:
    standings = {entry.standing for entry in entries}
    if refused or standings & FAILING:
        return Conclusion.FAILURE
    return Conclusion.NEUTRAL if Standing.INCONCLUSIVE in standings else Conclusion.SUCCESS


def _title(entries: Sequence[Entry], refused: str, also: Sequence[Beside]) -> str:
    if refused:
        return f"refused: {refused.strip().split(chr(10), 1)[0]}"
    match entries:
        case []:
            return f"nothing to judge; a merge changes {', '.join(one.model for one in also)}" if also else _NOTHING
        case [entry]:
            return f"{entry.slug}: {_said(entry)}"
    return f"{entries[0].standing.word}: {overview.worst(entries)}"


def _said(entry: Entry) -> str:
    if entry.standing is Standing.OUTSIDE:
        return "nothing was decided, for something outside failed: run it again"
    report = entry.report
    if report is None or report.comparison is None or not report.validation.passed:
        return f"{entry.standing.word}, {entry.reason}"
    row = report.comparison.primary
    measured = f"{words.metric(row.name)} {words.judged(row.improvement)}"
    broken = [reason for reason in words.failing(report.comparison) if reason.check != "improvement"]
    because = f", {' and '.join(words.check(r.check).lower() for r in broken[:2])} failed" if broken else ""
    return f"{entry.standing.word}, {measured}{because}"
