"""What there is to tell of one model: how it stands, why in a line, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from slipway.report import ReportInput, body, checks, words
from slipway.report.review import ModelReview
from slipway.report.sections import Fold, Section
from slipway.report.sound import unsound
from slipway.report.style import Style
from slipway.report.text import fence, literal, slug
from slipway.results import ReasonState, VerdictName

_LINES, _LINE = 30, 240
"""Of an error that is shown: half of a check's summary, even in letters of four bytes."""


class Standing(Enum):
    """How a model stands; the worst first. Each with its sign, its word, and whether a merge would be wrong."""

    ERROR = ("❌", "error")
    REJECTED = ("❌", "rejected")
    BLOCK = ("❌", "block")
    OUTSIDE = ("⚠️", "not judged")
    INCONCLUSIVE = ("⚠️", "inconclusive")
    PROMOTE = ("✅", "promote")

    def __str__(self) -> str:
        """The sign and the word."""
        return " ".join(self.value)

    @property
    def word(self) -> str:
        """Readable without the sign."""
        return self.value[1]

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Standing).index(self)


FAILING = frozenset({Standing.ERROR, Standing.REJECTED, Standing.BLOCK, Standing.OUTSIDE})
"""What must not look like a success."""
_OF_VERDICT = {
    VerdictName.PROMOTE: Standing.PROMOTE,
    VerdictName.INCONCLUSIVE: Standing.INCONCLUSIVE,
    VerdictName.BLOCK: Standing.BLOCK,
}
_NEXT = {
    Standing.ERROR: "Correct what is named, and push again.",
    Standing.OUTSIDE: "This is not the change's fault, and nothing was decided: something that slipway depends on "
    "failed. Run the failed jobs again.",
    Standing.REJECTED: "What its run handed on was not taken, and nothing of it is shown or kept. Run it again; "
    "if that does not help, look at what the change does to slipway's own code and to its workflow.",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model. What `error` says may quote data."""

    model: str
    standing: Standing
    report: ReportInput | None = None
    error: str = ""

    @property
    def slug(self) -> str:
        """The model's name, which nothing can be hidden in."""
        return slug(self.model) or "a model"

    @property
    def reason(self) -> str:
        """Why it stands so, in one line that may quote data."""
        if self.report is None:
            return self.error.strip().split("\n", 1)[0]
        return _reason(self.report, self.standing)

    def parts(self, style: Style) -> list[Section]:
        """All there is to tell."""
        if self.report is not None:
            return body.parts(self.report, style)
        text = f"{said(self.error)}\n\n{_NEXT[self.standing]}"
        return [Section(title="What is wrong", body=text, rank=0, fold=Fold.NONE)]


def said(error: str) -> str:
    """An error as it was written, line by line."""
    return fence(literal(error, _LINES, _LINE), "text")


def entries(reviews: Sequence[ModelReview], rejected: Mapping[str, str]) -> list[Entry]:
    """One a model, the worst first. What was rejected is rejected, whatever else came of it."""
    found = [_entry(review) for review in reviews if review.model not in rejected]
    found += [Entry(model=name, standing=Standing.REJECTED, error=why) for name, why in rejected.items()]
    return sorted(found, key=lambda entry: (entry.standing.rank, entry.model))


def _entry(review: ModelReview) -> Entry:
    report, model = review.report, review.model
    if report is None:
        standing = Standing.OUTSIDE if review.is_outside else Standing.ERROR
        return Entry(model=model, standing=standing, error=review.error)
    if fault := unsound(report):
        return Entry(model=model, standing=Standing.REJECTED, error=fault)
    return Entry(model=model, standing=_OF_VERDICT[report.verdict], report=report)


def _reason(report: ReportInput, standing: Standing) -> str:
    if not report.validation.passed or report.comparison is None:
        return next(row.text for row in checks.rows(report) if row.state is ReasonState.FAIL)
    broken = words.failing(report.comparison)
    if broken:
        return broken[0].text
    if standing is Standing.INCONCLUSIVE:
        return "this holdout cannot tell the two apart"
    if standing is Standing.BLOCK:
        return "the gate does not let it pass"
    warned = [row.name.lower() for row in checks.rows(report) if row.state is ReasonState.WARN]
    return f"no guardrail is broken; warnings: {', '.join(warned)}" if warned else "no guardrail is broken"
