"""The text about all models of a pull request, as long as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slipway.report import words
from slipway.report.body import facts
from slipway.report.fit import Block, fit
from slipway.report.numbers import duration
from slipway.report.pull_request import overview
from slipway.report.pull_request.entry import FAILING, Entry, Standing, said
from slipway.report.pull_request.told import Told
from slipway.report.review import Beside
from slipway.report.sections import Fold
from slipway.report.style import Origin, Style
from slipway.report.text import code

_BREAKS = 8
"""Line breaks between what is never left out."""
_FORK = (
    "This change comes from a fork. What the fork trained is shown, not shipped: a merge trains it again from the same "
    "inputs, and says whether the same bytes came out."
)
_CLOSED = "</details>"


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a text is to stand: how it is written, and how much of it there is room for."""

    style: Style
    room: int
    measure: Callable[[str], int]


def write(entries: Sequence[Entry], told: Told | None, refused: str, paper: Paper, also: Sequence[Beside] = ()) -> str:
    """The whole, in which the headline and what was refused are never left out."""
    style = replace(paper.style, origin=told.origin) if told else paper.style
    if told and not told.keeps_files:
        style = replace(style, elsewhere="see report.html")
    where = told.where if told else "the report.html that the run keeps"
    head = _head(entries, told, refused, also)
    is_reported = told and any(entry.report for entry in entries)
    tail = f"<sub>All trials, slices and checks are in {where}.</sub>" if is_reported else ""
    if len(entries) > 1:
        left = (paper.room - paper.measure(head)) // 2
        head += f"\n\n{overview.merged(entries)}\n\n"
        head += overview.all_models(entries, left, paper.measure, "what else there is did not fit")
        blocks = [_folded(entry, style) for entry in entries]
    else:
        blocks = [Block(parts=tuple(entry.parts(style))) for entry in entries]
    fitted = fit(blocks, paper.room - paper.measure(head) - paper.measure(tail) - _BREAKS, where, paper.measure)
    return "\n\n".join(filter(None, [head, *map(str, fitted.blocks), fitted.note or tail])) + "\n"


def _head(entries: Sequence[Entry], told: Told | None, refused: str, also: Sequence[Beside]) -> str:
    parts = [f"## {overview.headline(entries, refused, also)}", _facts(entries, told)]
    if refused:
        parts.append(said(refused))
        parts.append(
            "Nothing of it was trained or judged. Mend what is named and push again, or run it again if it is nothing "
            "of the change's."
        )
    elif not entries:
        parts.append("No model's inputs change, so nothing is trained or judged.")
    if also and not refused:
        parts.append(f"**Besides what was judged:**\n\n{overview.beside(also)}" if entries else overview.beside(also))
    if told and told.origin is Origin.FORK and any(entry.report for entry in entries):
        parts.append(_FORK)
    return "\n\n".join(filter(None, parts))


def _facts(entries: Sequence[Entry], told: Told | None) -> str:
    match entries:
        case [Entry(report=report)] if report is not None:
            commit = f"commit {code(words.short(report.commit))}" if report.commit else ""
            return f"{facts(report, told.commit)} · {told.run_link}" if told else facts(report, commit)
        case [_, _, *_]:
            seconds = sum(entry.report.seconds for entry in entries if entry.report)
            about = [overview.counted(entries), f"{duration(seconds)} in all"]
            return " · ".join([*([told.facts] if told else []), *about])
    return told.facts if told else ""


def _folded(entry: Entry, style: Style) -> Block:
    fold = Fold.OPEN if entry.standing in FAILING or _warns(entry) else Fold.SHUT
    head = f"<details{fold.value}>\n<summary><b>{entry.standing}: {entry.slug}</b></summary>"
    about = f"\n\n{facts(entry.report)}" if entry.report else ""
    return Block(head=head + about, parts=tuple(entry.parts(style)), foot=_CLOSED)


def _warns(entry: Entry) -> bool:
    return entry.standing is Standing.INCONCLUSIVE
