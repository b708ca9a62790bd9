"""Telling the pull request that caused a release why it was taken back: one comment, edited in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from slipway.errors import OutsideError
from slipway.forge.interface import Comment, Pull
from slipway.key import SHORT
from slipway.report.text import code, prose

_NUMBER = re.compile(r"Merge pull request #(\d{1,9}) from |\(#(\d{1,9})\)$")
"""As GitHub's own messages of a merge and of a squash have it."""


class Talks(Protocol):
    """As much of a forge as is needed here. Raises `OutsideError` where the forge does not answer."""

    @property
    def login(self) -> str:
        """Who slipway is there."""

    def pull(self, number: int) -> Pull | None:
        """A pull request."""

    def pulls_of_commit(self, commit: str) -> Iterator[Pull]:
        """The pull requests that bring a commit."""

    def comments(self, pull: int) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""

    def comment(self, pull: int, body: str) -> Comment:
        """Write a new comment."""

    def edit(self, comment: int, body: str) -> None:
        """Put another text in a comment's place."""


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """A release that was taken back by a commit, and why."""

    model: str
    environment: str
    key: str
    commit: str
    """That took it back."""
    back: str
    """The command that puts it back."""
    origin: str
    """The commit of the inputs that asked for the release."""
    subject: str
    """The first line of that commit's message."""
    branch: str
    """Main's name."""
    reasons: Sequence[str]
    is_waiting: bool = False
    """Whether the commit waits on a branch still, until main's rules let it in."""

    @property
    def marker(self) -> str:
        """The first line of the comment: by it a second run finds the first one's."""
        return f"<!-- slipway:taken-back {self.model} {self.environment} {self.key} -->"

    @property
    def done(self) -> str:
        """What the commit does, or has done."""
        return f"{self.commit} takes it back" if self.is_waiting else f"{self.commit} took it back"


class Told(NamedTuple):
    """Who was told."""

    address: str = ""
    """The pull request's; empty where there is none."""
    is_news: bool = False
    """Whether it was not told before."""
    has_failed: bool = False
    """Whether the forge did not answer."""


def tell(forge: Talks, taken: TakenBack, warn: Callable[[str], None]) -> Told:
    """Write or edit the comment, unless it tells of this very commit already.

    That it cannot be written is a warning: the commit says the same.
    """
    try:
        pull = _pull(forge, taken)
        if pull is None:
            return Told()
        mine = (one for one in forge.comments(pull.number) if one.author == forge.login)
        before = next((one for one in mine if one.body.startswith(taken.marker)), None)
        is_news = before is None or taken.done not in before.body
        if before is None:
            forge.comment(pull.number, text(taken))
        elif is_news:
            forge.edit(before.id, text(taken))
    except OutsideError as error:
        warn(f"{taken.model}: its pull request could not be told: {error}")
        return Told(has_failed=True)
    return Told(address=pull.url or f"pull request {pull.number}", is_news=is_news)


def text(taken: TakenBack) -> str:
    """The comment, in Markdown. What the cluster answered is quoted in it, so it is made harmless."""
    reasons = "\n".join(f"- {prose(reason)}" for reason in taken.reasons)
    name, key = code(taken.model), code(taken.key[:SHORT])
    was, done = "was", f"{taken.done}: the cluster serves what it served before. The key is held,"
    if taken.is_waiting:
        was, done = "is", f"{taken.done} once main's rules let it in. From then on the key is held,"
    return f"""{taken.marker}
## ⏪ {name} {key} {was} taken back in {code(taken.environment)}

{reasons}

{done} so nothing puts this release back by itself.

- To go on: mend it, and open another pull request. With other inputs it has another key, and is tried anew.
- To put this one back all the same: {code(taken.back)}
"""


def _pull(forge: Talks, taken: TakenBack) -> Pull | None:
    """The pull request that brought the inputs: the forge knows it, or else the message names it."""
    merged = [pull for pull in forge.pulls_of_commit(taken.origin) if _is_it(pull, taken)]
    if merged:
        return merged[0]
    found = _NUMBER.search(taken.subject)
    pull = forge.pull(int(found[1] or found[2])) if found else None
    return pull if pull and _is_it(pull, taken) else None


def _is_it(pull: Pull, taken: TakenBack) -> bool:
    return not pull.is_open and pull.base_branch == taken.branch
