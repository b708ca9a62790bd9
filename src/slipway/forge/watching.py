"""What `slipway watch` has to say of a model: a pull request where there are newer data, an issue where there are none.

Each is edited in place by later runs. One that a person closed was an answer, and is not opened again for the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from slipway.forge.interface import Issue, Proposer, Pull, Tracker
from slipway.watch import evidence
from slipway.watch.marker import Marker, read, written

LABEL = "slipway-watch"


class Watched(Proposer, Tracker, Protocol):
    """A forge with pull requests and issues of slipway's own."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What is to be said."""

    marker: Marker
    title: str
    text: str = field(repr=False)


class How(StrEnum):
    """How a person has answered, after the address of what it was an answer to."""

    CLOSED = "was closed by a person"
    MERGED = "was merged, and taken back since"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A person has decided about the same."""

    url: str
    how: How = How.CLOSED

    def __str__(self) -> str:
        """A sentence, without its full stop."""
        return f"{self.url} {self.how}"


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A pull request was closed: there is nothing to it any more."""

    url: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """A pull request without a marker is a person's by now: what they wrote stays, and it is theirs to close."""

    url: str


def answered(pulls: Iterable[Pull], marker: Marker, head: str = "") -> Answered | None:
    """By which of a branch's pull requests, the newest first, a person has decided about the same; None: by none.

    It was closed, or it was the last that was merged, and main does not have it: it was taken back. What was merged
    before others says nothing: those took its place. `head`: the commit that is to be proposed, if it is known.
    """
    is_last = True
    for pull in pulls:
        said = read(pull.body)
        is_same = pull.head == head or (said is not None and bool(marker.about & said.about))
        if pull.is_merged:
            if is_same and is_last:
                return Answered(url=pull.url, how=How.MERGED)
            is_last = False
        elif is_same and not pull.is_open and not (said is not None and said.is_over):
            return Answered(url=pull.url)
    return None


def propose(forge: Proposer, branch: str, base: str, words: Words, *, is_whole: bool = True) -> Pull:
    """Open the pull request of a branch, or bring the one that is open up to date.

    One without a marker is a person's by now. Where not all is known that could be, a text about the same stays.
    """
    pull = forge.pull_of_branch(branch)
    if pull is None:
        return forge.open_pull(branch, base, words.title, written(words.marker, words.text))
    said = read(pull.body)
    if said is not None and (is_whole or said.about != words.marker.about):
        forge.edit_pull(pull, title=words.title, body=written(words.marker, words.text, pull.body))
    return pull


def withdraw(forge: Proposer, branch: str, model: str) -> Closed | Left | None:
    """Close the pull request of a branch, whose data are proposed no more; None where there is none."""
    pull = forge.pull_of_branch(branch)
    if pull is None:
        return None
    if read(pull.body) is None:
        return Left(url=pull.url)
    forge.close_pull(pull, body=_over(model, pull.body))
    return Closed(url=pull.url)


def tell(forge: Tracker, words: Words) -> Issue | Answered:
    """Open the issue of a model, or bring the one that is open up to date.

    Two runs that began at once have each found none, and opened one: all but the oldest are closed again.
    """
    issues = list(_of_model(forge, words.marker.model))
    known = [issue for issue in issues if issue.is_open]
    if not known:
        if (closed := _closed(issues, words.marker)) is not None:
            return Answered(url=closed.url)
        opened = forge.open_issue(LABEL, words.title, written(words.marker, words.text))
        known = [issue for issue in _of_model(forge, words.marker.model) if issue.is_open] or [opened]
    oldest = min(known, key=lambda issue: issue.number)
    for issue in known:
        if issue is not oldest:
            forge.close_issue(issue, body=_over(words.marker.model, issue.body))
    forge.edit_issue(oldest, title=words.title, body=written(words.marker, words.text, oldest.body))
    return oldest


def settle(forge: Tracker, model: str) -> list[str]:
    """Close the issue of a model that is well again; the addresses of what was closed."""
    opened = [issue for issue in _of_model(forge, model) if issue.is_open]
    for issue in opened:
        forge.close_issue(issue, body=_over(model, issue.body))
    return [issue.url for issue in opened]


def _of_model(forge: Tracker, model: str) -> Iterator[Issue]:
    return (issue for issue in forge.issues(LABEL) if (said := read(issue.body)) and said.model == model)


def _closed(issues: Iterable[Issue], marker: Marker) -> Issue | None:
    """The one by whose closing a person has answered to all of this."""
    told = ((issue, said) for issue in issues if not issue.is_open and (said := read(issue.body)))
    return next((issue for issue, said in told if not said.is_over and marker.about <= said.about), None)


def _over(model: str, before: str) -> str:
    said = read(before)
    marker = Marker(model=model, about=said.about if said else frozenset(), is_over=True)
    return written(marker, evidence.over(model), before)
