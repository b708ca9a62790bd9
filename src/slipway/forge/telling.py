"""Telling a pull request what its run found: one comment, and one check run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slipway.errors import OutsideError
from slipway.forge import conversation
from slipway.forge.conversation import Drop
from slipway.forge.found import Found
from slipway.forge.interface import Check, Comment, Forge
from slipway.report import pull_request
from slipway.report.pull_request import Marker, State, Told
from slipway.report.pull_request.verdict import NAME

if TYPE_CHECKING:
    from slipway.report.review import ModelReview

type _Text = Callable[[Comment | None], str]
"""What the comment says, given what it said before."""
_LEFT_NOTHING = "the run ended before it said which models the change affects"


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Says things on a pull request. `warn` takes what could not be said, which is no verdict."""

    forge: Forge
    told: Told
    warn: Callable[[str], None] = field(repr=False)
    engine: str

    def running(self) -> None:
        """The run has begun. What was found before stays to be read, folded."""
        check = Check(
            name=NAME,
            head=self.told.head,
            title="running",
            summary="The comment will say what was found.",
            url=self.told.url,
            external_id=self.told.check or self.told.run,
        )
        self._tell(State.RUNNING, check, self._running)

    def report(self, found: Found) -> None:
        """The run has ended, and left this. Where nothing is left to say, the comment goes."""
        refused = _refused(found)
        reviews = [self._by_this_engine(review) for review in found.reviews]
        also = found.plan.beside if found.plan else ()
        check = pull_request.check(reviews, self.told, refused=refused, rejected=found.rejected, also=also)
        if reviews or refused or found.rejected or also:
            text = pull_request.comment(reviews, self.told, refused=refused, rejected=found.rejected, also=also)
            self._tell(State.DONE, check, lambda _before: text)
        else:
            self._tell(State.DONE, check, None)

    def _tell(self, state: State, check: Check, text: _Text | None) -> None:
        """Write the comment, and the check run after it: neither where a newer run has spoken.

        That the comment could not be written is a warning. Raises `OutsideError` where the check run, which is the
        verdict, could not be made.
        """
        try:
            late = self._say(Marker(head=self.told.head, run=self.told.run, state=state), text)
        except OutsideError as error:
            self.warn(f"the comment could not be written: {error}")
        else:
            if late is not None:
                self.warn(f"nothing is said: {late.because}")
                return
        self.forge.check(check)

    def _say(self, new: Marker, text: _Text | None) -> Drop | None:
        comments = list(self.forge.comments(self.told.pull_request))
        match conversation.decide(comments, self.forge.login, new):
            case Drop() as late:
                return late
            case say:
                before = next((comment for comment in comments if comment.id == say.edit), None)
        if text is None:
            self._delete(conversation.own(comments, self.forge.login))
        elif before is not None:
            self.forge.edit(before.id, text(before))
        else:
            self.forge.comment(self.told.pull_request, text(None))
        # Two runs that began at once have each found no comment, and written one.
        self._delete(conversation.surplus(self.forge.comments(self.told.pull_request), self.forge.login))
        return None

    def _delete(self, comments: Iterable[int]) -> None:
        for comment in comments:
            self.forge.delete(comment)

    def _running(self, before: Comment | None) -> str:
        text = pull_request.running(self.told, before.body if before else "")
        return text if len(text) < pull_request.LIMIT else pull_request.running(self.told)

    def _by_this_engine(self, review: ModelReview) -> ModelReview:
        if review.report is None:
            return review
        return replace(review, report=replace(review.report, engine=self.engine))


def _refused(found: Found) -> str:
    """Why nothing was looked at; empty if something was."""
    if found.plan is None:
        return found.plan_rejected or _LEFT_NOTHING
    return found.plan.refused
