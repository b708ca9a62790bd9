"""What is known of the pull request itself, and the hidden line by which its comment is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from slipway.errors import InputError
from slipway.report.style import Origin
from slipway.report.text import link

_HEAD = r"[0-9a-f]{40}"
_RUN = r"[A-Za-z0-9-]{1,64}\.[0-9]{1,9}"
_MARKER = re.compile(rf"<!-- slipway:pull-request head=({_HEAD}) run=({_RUN}) state=(running|done) -->")


@dataclass(frozen=True, kw_only=True)
class Told:
    """Of which run of which commit something is told."""

    pull_request: int
    head: str
    """The pull request's newest commit, 40 hexadecimal digits."""
    url: str
    """Of the run: there are its summary and its files."""
    run: str
    """`<id>.<attempt>`."""
    server: str = "https://github.com"
    repository: str = ""
    """`owner/name`; without it the commit stands there whole, which GitHub makes a link of by itself."""
    check: str = ""
    """What the check run is found again by; the run, where nothing is said."""
    keeps_files: bool = True
    """Whether the engine keeps a summary of the run, and its files."""
    origin: Origin = Origin.OWN
    """Who trained what is told."""

    def __post_init__(self) -> None:
        """Raise `InputError` for what would spoil the marker."""
        if not re.fullmatch(_HEAD, self.head):
            hint = "Give the pull request's newest commit, all 40 digits of it: git rev-parse HEAD"
            raise InputError(f"{self.head!r} is no commit", hint=hint)
        if not re.fullmatch(_RUN, self.run):
            raise InputError(f"{self.run!r} names no run", hint="Name it ID.ATTEMPT, as in 1234567890.1")

    @property
    def commit(self) -> str:
        """The commit with its link, as Markdown."""
        if not self.repository:
            return f"commit {self.head}"
        return f"commit {link(f'`{self.head[:8]}`', f'{self.server}/{self.repository}/commit/{self.head}')}"

    @property
    def facts(self) -> str:
        """Commit and run with their links, as Markdown."""
        return f"{self.commit} · {self.run_link}"

    @property
    def run_link(self) -> str:
        """The run with its link, as Markdown."""
        return link("the run", self.url)

    @property
    def where(self) -> str:
        """Where everything is, as Markdown."""
        if self.keeps_files:
            return link("the summary of the run and the report.html that it keeps", self.url)
        return "the report.html that `slipway run` writes in a clone of this branch"


class State(StrEnum):
    """How far what a comment tells is."""

    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Marker:
    """The first line of a comment: what it is about."""

    head: str
    run: str
    """`<id>.<attempt>`."""
    state: State

    def __str__(self) -> str:
        """As an HTML comment, which nobody sees."""
        return f"<!-- slipway:pull-request head={self.head} run={self.run} state={self.state} -->"


def marker(text: str) -> Marker | None:
    """What a comment is about; None if its first line is not exactly a marker. Forges may end lines with CR LF."""
    found = _MARKER.fullmatch(text.split("\n", 1)[0].removesuffix("\r"))
    return Marker(head=found[1], run=found[2], state=State(found[3])) if found else None
