"""Which of a pull request's comments is written, edited or left alone. Pure.

There is one comment by slipway on a pull request. It is found again by its first line, and by who wrote it: what
others write, with the same first line too, is theirs. Whoever comes late, or tells of an older commit, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slipway.forge.interface import Comment
from slipway.report.pull_request import Marker, State, marker


@dataclass(frozen=True, kw_only=True)
class Say:
    """What is to be done so that there is one comment, and it says the newest."""

    edit: int | None
    """The comment whose text is replaced; None: a new one is written."""
    delete: tuple[int, ...] = ()
    """Comments that two runs wrote at the same time, but for the oldest."""


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Nothing is said, and why."""

    because: str


def decide(comments: Iterable[Comment], login: str, new: Marker) -> Say | Drop:
    """What to do with a text that has this marker."""
    mine = [(comment, said) for comment in comments if (said := _own(comment, login))]
    if not mine:
        return Say(edit=None)
    newest = max((said for _, said in mine), key=_order)
    if _order(newest) > _order(new):
        return Drop(because=f"run {newest.run} has spoken already")
    return Say(edit=mine[0][0].id, delete=_others(mine))


def own(comments: Iterable[Comment], login: str) -> tuple[int, ...]:
    """All the comments by slipway."""
    return tuple(comment.id for comment in comments if _own(comment, login))


def surplus(comments: Iterable[Comment], login: str) -> tuple[int, ...]:
    """The comments that two runs wrote at once: all but the oldest, which everybody edits from then on."""
    return _others([(comment, said) for comment in comments if (said := _own(comment, login))])


def _others(mine: Sequence[tuple[Comment, Marker]]) -> tuple[int, ...]:
    return tuple(comment.id for comment, _ in mine[1:])


def _own(comment: Comment, login: str) -> Marker | None:
    return marker(comment.body) if comment.author == login else None


def _order(said: Marker) -> tuple[int, int, bool]:
    """Later runs speak last, and of one run its end."""
    run, attempt = (int(part) if part.isdecimal() else 0 for part in said.run.split("."))
    return run, attempt, said.state is State.DONE
