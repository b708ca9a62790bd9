"""Whether a pull request may be merged, by what was found of each model that was planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.errors import ExitCode
from slipway.results import VerdictName

_SAID = {
    VerdictName.PROMOTE: (ExitCode.DONE, "✅ promote: a merge ships it"),
    VerdictName.INCONCLUSIVE: (ExitCode.DONE, "⚠️ inconclusive: it may be merged, and ships nothing"),
    VerdictName.BLOCK: (ExitCode.VERDICT_NO, "❌ block: the comment and the job's summary say why"),
}


class Review(Protocol):
    """What was found of a model, as far as it passes or not."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def verdict(self) -> VerdictName | None:
        """The verdict; None where there is none."""

    @property
    def error(self) -> str:
        """Why there is none."""

    @property
    def is_outside(self) -> bool:
        """Whether the error is not the change's."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What a model's review comes to, and the exit code that says so."""

    model: str
    exit_code: ExitCode
    text: str


def decide(planned: Sequence[str], reviews: Iterable[Review]) -> list[Passed]:
    """One answer for each model that was planned; one that left nothing behind is no pass."""
    found = {review.model: review for review in reviews}
    return [_one(model, found.get(model)) for model in planned]


def _one(model: str, review: Review | None) -> Passed:
    if review is None:
        text = "❌ no review: its job ended before it left one. Run it again"
        return Passed(model=model, exit_code=ExitCode.OUTSIDE_FAILED, text=text)
    if review.verdict is not None:
        code, text = _SAID[review.verdict]
        return Passed(model=model, exit_code=code, text=text)
    code = ExitCode.OUTSIDE_FAILED if review.is_outside else ExitCode.BAD_INPUT
    return Passed(model=model, exit_code=code, text=f"❌ {_first(review.error)}")


def _first(error: str) -> str:
    """The first line of what is wrong, and that there is more of it."""
    lines = error.splitlines() or ["failed"]
    return lines[0] + (f" (and {len(lines) - 1} lines more, in the report)" if len(lines) > 1 else "")
