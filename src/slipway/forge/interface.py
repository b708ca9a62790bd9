"""What slipway asks of a forge, in its own words; `adapters/github` answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Protocol

from slipway.errors import OutsideError


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull request. What its author wrote (branch, title) may hold anything."""

    number: int
    head: str
    """The newest commit, 40 hexadecimal digits."""
    head_repository: str
    """`owner/name`; empty if it was deleted."""
    head_branch: str
    base_branch: str
    is_open: bool
    is_merged: bool = False
    merges_itself: bool = False
    """Whether the forge merges it as soon as it may."""
    url: str = ""
    title: str = ""
    body: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Issue:
    """An issue. Whoever may write to the repository may have changed its texts."""

    number: int
    is_open: bool
    url: str
    title: str
    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a workflow."""

    id: int
    attempt: int
    head: str
    """The pull request's own commit, not the merge that was tried."""
    head_repository: str
    head_branch: str
    event: str
    path: str
    """Of the workflow's file."""
    is_done: bool
    waits: bool
    """For a maintainer, who has to let a stranger's code run: it has not begun."""
    was_cancelled: bool
    has_failed: bool
    """One of its jobs did; what the others left behind may be an earlier attempt's."""
    url: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a run left behind."""

    id: int
    name: str
    size: int
    """Bytes of the archive, as the forge counted them."""
    expired: bool = False


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment on a pull request; `author` is a login."""

    id: int
    author: str
    body: str = field(repr=False)


class TooLargeError(OutsideError):
    """What was to be downloaded is larger than what anybody reads of it."""


class Conclusion(StrEnum):
    """What a check run ended with."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


class Level(StrEnum):
    """How loud an annotation is."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A remark on a line of a file of the change."""

    path: str
    line: int
    level: Level
    message: str
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check run; without a conclusion it is under way."""

    name: str
    head: str
    title: str
    summary: str
    url: str
    external_id: str
    """Which run said so: the same one is told twice without a second check."""
    conclusion: Conclusion | None = None
    annotations: Sequence[Annotation] = ()


class Forge(Protocol):
    """A repository at a forge. All of it raises `OutsideError`, with what to do, where the forge does not answer."""

    @property
    def repository(self) -> str:
        """`owner/name`."""

    @property
    def login(self) -> str:
        """Who slipway is there: comments by anybody else are never edited."""

    def pull(self, number: int) -> Pull | None:
        """A pull request; None if there is none with this number."""

    def pulls_from(self, repository: str, branch: str) -> Iterator[Pull]:
        """The open pull requests whose branch it is."""

    def run(self, run: int) -> Run:
        """A run of a workflow."""

    def artifacts(self, run: int) -> Iterator[Artifact]:
        """What a run left behind, all of its attempts."""

    def download(self, artifact: Artifact, to: BinaryIO, limit: int) -> None:
        """Write an artefact's archive; `TooLargeError` after more than `limit` bytes, whatever was said of it."""

    def comments(self, pull: int) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""

    def comment(self, pull: int, body: str) -> Comment:
        """Write a new comment."""

    def edit(self, comment: int, body: str) -> None:
        """Put another text in a comment's place."""

    def delete(self, comment: int) -> None:
        """Remove a comment; one that is gone is no error."""

    def check(self, check: Check) -> None:
        """Make a check run, or bring the one of the same name, commit and `external_id` up to date."""


class Proposer(Protocol):
    """A forge at which slipway opens pull requests of its own. Raises as `Forge` does."""

    def pull_of_branch(self, branch: str) -> Pull | None:
        """The open pull request of a branch of the repository; None if there is none."""

    def pulls_of_branch(self, branch: str) -> Iterator[Pull]:
        """The pull requests of a branch of the repository, open or closed; the newest first."""

    def open_pull(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request."""

    def edit_pull(self, pull: Pull, *, title: str, body: str) -> None:
        """Put other texts in a pull request's place; one that is the same is not sent."""

    def close_pull(self, pull: Pull, *, body: str) -> None:
        """Close a pull request, and say why in its text."""

    def merge_when_ready(self, pull: Pull) -> None:
        """Have it merged as soon as main's rules allow it; at once where there are none."""


class Tracker(Protocol):
    """A forge at which slipway has issues of its own. Raises as `Forge` does."""

    def issues(self, label: str) -> Iterator[Issue]:
        """The issues that slipway opened with a label, open or closed; the newest first."""

    def open_issue(self, label: str, title: str, body: str) -> Issue:
        """Open an issue."""

    def edit_issue(self, issue: Issue, *, title: str, body: str) -> None:
        """Put other texts in an issue's place; one that is the same is not sent."""

    def close_issue(self, issue: Issue, *, body: str) -> None:
        """Close an issue as done, and say why in its text."""
