"""What a pull request is told: one comment for all models, a check run, and a summary of the run.

All of it is made anew from checked documents. None of the texts in them is trusted: whatever quotes one goes
through `report/text.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from slipway.forge.interface import Check
from slipway.report.pull_request import verdict
from slipway.report.pull_request.document import Paper, write
from slipway.report.pull_request.entry import entries
from slipway.report.pull_request.told import Marker, State, Told, marker
from slipway.report.review import Beside, ModelReview
from slipway.report.sections import Fold, details
from slipway.report.style import COMMENT, EVERYTHING

__all__ = ["Marker", "State", "Told", "check", "comment", "marker", "running", "summary"]

LIMIT = 60_000
"""Characters of a comment; GitHub refuses one above 65,536."""
_WHILE_RUNNING = 1_000
"""Characters that are said above the last result while the next one is under way."""
SUMMARY_LIMIT = 1_000_000
"""Bytes of a step's summary; GitHub refuses one above 1 MiB."""
_NONE: Mapping[str, str] = MappingProxyType({})
_BEFORE = "<!-- slipway:before -->"


def comment(
    reviews: Sequence[ModelReview],
    told: Told,
    *,
    refused: str = "",
    rejected: Mapping[str, str] = _NONE,
    also: Sequence[Beside] = (),
) -> str:
    """The one comment, below 60,000 characters; its first line is its marker.

    `refused` says why nothing of the change was looked at, `rejected` why a model's bundle was not taken, `also` what a
    merge does besides what was judged.
    """
    first = str(Marker(head=told.head, run=told.run, state=State.DONE))
    paper = Paper(style=COMMENT, room=LIMIT - len(first) - _WHILE_RUNNING, measure=len)
    return f"{first}\n\n{write(entries(reviews, rejected), told, refused, paper, also)}"


def running(told: Told, before: str = "") -> str:
    """The comment while the stages run. `before` is what the comment said until then: its last result stays."""
    parts = [
        str(Marker(head=told.head, run=told.run, state=State.RUNNING)),
        "## ⏳ slipway is at work",
        told.facts,
        (
            "Of each model that this change affects the data are validated, a challenger is searched for, and it is "
            "compared on the holdout with what is live. The result will stand here."
        ),
    ]
    if result := _result(before):
        parts.append(f"{_BEFORE}\n\n{details('The last result, of an earlier run', result, Fold.SHUT)}")
    return "\n\n".join(parts) + "\n"


def _result(before: str) -> str:
    """The last result within a comment of ours, itself or what it kept of one."""
    known = marker(before)
    if known is None:
        return ""
    if known.state is State.DONE:
        return before.partition("\n")[2].strip()
    kept = before.partition(_BEFORE)[2].strip()
    return kept.partition("</summary>")[2].removesuffix("</details>").strip()


def check(
    reviews: Sequence[ModelReview],
    told: Told,
    *,
    refused: str = "",
    rejected: Mapping[str, str] = _NONE,
    also: Sequence[Beside] = (),
) -> Check:
    """The check run `slipway`, with what it concludes; remarks stand on the lines that are wrong."""
    return verdict.check(entries(reviews, rejected), told, refused, also)


def summary(reviews: Sequence[ModelReview]) -> str:
    """All of the reports, every trial, slice and check of them, for a step's summary; below 1 MiB."""
    paper = Paper(style=EVERYTHING, room=SUMMARY_LIMIT, measure=lambda text: len(text.encode()))
    return write(entries(reviews, _NONE), None, "", paper)
