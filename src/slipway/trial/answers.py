"""What the answers to the golden requests say of a release: `verify` checks them, and here it is told what follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.adapters.line import Kind
from slipway.key import SHORT
from slipway.results import ReasonState
from slipway.verification.document import Verification

_OWN = {"400", "405", "411", "413", "415", "422", "500", Kind.FORM.value, Kind.SIZE.value}
"""What a model's server itself says. Any other trouble is of what stands before it, or of one that starts or ends."""
_NAMED = {Kind.FORM.value, Kind.SIZE.value}
"""Of these, what is a model's by its key alone: a gateway's page for people has the status 200 too."""
_COUNTED = ("answers", "labels", "errors")
"""Checks whose failure counts here. The time that answers take on the way from here says nothing of a release."""


class Answers(StrEnum):
    """What the answers come to."""

    RIGHT = "right"
    WRONG = "wrong"
    """It is the release that answers, and not as in its review."""
    REFUSED = "refused"
    """Whoever answers there refuses what a review answered, and does not say which release it is."""
    ANOTHER = "another"
    """Another release answers there, perhaps among others."""
    UNSTEADY = "unsteady"
    """It is the release, and some requests get no answer."""
    SILENT = "silent"
    """Nobody answers."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What was heard, and what to tell of it."""

    answers: Answers
    said: str
    hint: str = ""
    is_beside_up: bool = False
    """Where nobody answers: whether the release beside it does."""


def hear(found: Verification) -> Heard:
    """What follows from all that was asked of an endpoint."""
    others = [key for key in found.keys if key != found.key]
    if others:
        said = f"{', '.join(key[:SHORT] for key in others)} answers there still"
        return Heard(answers=Answers.ANOTHER, said=f"it is not rolled out yet: {said}")
    own = bool(_OWN & set(found.errors))
    failed = [one for one in found.reasons if one.check in _COUNTED and one.state is ReasonState.FAIL]
    said, hint = (failed[0].text, failed[0].hint) if failed else ("", "")
    if not found.keys:
        answers = Answers.REFUSED if _OWN & set(found.errors) - _NAMED else Answers.SILENT
    elif found.differing or own or any(one.check == "labels" for one in failed):
        answers = Answers.WRONG
    elif failed:
        answers = Answers.UNSTEADY
    else:
        said = f"{found.golden} golden requests were answered as in the review"
        answers = Answers.RIGHT
    return Heard(answers=answers, said=said, hint=hint)
