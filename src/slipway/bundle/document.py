"""The documents of a bundle: what was planned, and what was found of each model.

They hold a report as what it is made of, never as text that somebody formatted: whoever shows it renders it anew.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, FailFast, Field, ValidationError, field_serializer, model_validator

from slipway.errors import InputError
from slipway.report import ReportInput, verdict
from slipway.report.review import Act, Beside, ModelReview
from slipway.results import Comparison, Document, ModelCard, StageTime, Validation, VerdictName
from slipway.spec import MODEL_NAME, ModelSpec

if TYPE_CHECKING:
    from slipway.training.trial import Outcome

LONGEST_ERROR = 20_000
"""Characters of why there is no report; the rest of a longer text is left out."""
MOST_MODELS = 256
"""Of one change: what a matrix of jobs can have, on GitHub as in Tekton."""

Name = Annotated[str, Field(pattern=f"^{MODEL_NAME.pattern}$")]
Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^((sha256|md5):[0-9a-f.]{1,128})?$")]
Engine = Annotated[str, Field(pattern="^[A-Za-z0-9 ._-]{1,40}$")]
Number = Annotated[int, Field(ge=1, le=2**31)]


def _told(error: object) -> object:
    """An error as it is handed on: no longer than can be read, and text that UTF-8 can write."""
    if not isinstance(error, str):
        return error
    text = _utf8(error)
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 2] + "\n…"


def _utf8(text: str) -> str:
    """Text without what UTF-8 cannot write: half a surrogate pair, from a file's name perhaps."""
    return text.encode(errors="replace").decode()


Error = Annotated[str, BeforeValidator(_told)]


class Also(Document):
    """A model that a merge changes without anything to judge."""

    model: Name
    act: Act


class Plan(Document):
    """What is to be reviewed of a pull request."""

    version: Literal[1] = 1
    pull_request: Number
    head: Commit
    """The pull request's own newest commit."""
    models: Annotated[tuple[Name, ...], Field(max_length=MOST_MODELS)]
    also: Annotated[tuple[Also, ...], Field(max_length=MOST_MODELS)] = ()
    """What else a merge does."""
    refused: Error = ""
    """Why nothing of the change is looked at, where it is refused."""

    @property
    def beside(self) -> tuple[Beside, ...]:
        """What else a merge does, as reports tell it."""
        return tuple(Beside(model=one.model, act=one.act) for one in self.also)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.models)) < len(self.models):
            msg = "a model is named twice"
            raise ValueError(msg)
        return self


class Trial(Document):
    """A trial's outcome."""

    number: int
    family: str
    params: dict[str, str | int | float | bool | None]
    state: Literal["complete", "failed"]
    score: float | None
    fold_scores: tuple[float, ...]
    rounds: int | None
    seconds: float
    error: str

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """The outcome, as JSON can hold it."""
        return cls.model_validate({**asdict(outcome), "error": _utf8(outcome.error)})

    def to_outcome(self) -> Outcome:
        """The outcome."""
        from slipway.training.trial import Outcome, TrialState

        return Outcome(
            number=self.number,
            family=self.family,
            params=self.params,
            state=TrialState(self.state),
            score=self.score,
            fold_scores=self.fold_scores,
            rounds=self.rounds,
            seconds=self.seconds,
            error=self.error,
        )


class ReportDocument(Document):
    """All that a report is made of, but for the commit: whoever reads it knows which one he asked about."""

    model: Name
    key: Key
    base: Commit | None
    validation: Validation
    card: ModelCard | None
    trials: Annotated[tuple[Trial, ...], FailFast()]
    comparison: Comparison | None
    times: tuple[StageTime, ...]
    spec: ModelSpec
    engine: Engine
    manifest_diff: str
    data_digest: Digest

    @field_serializer("spec")
    def _as_it_was_written(self, spec: ModelSpec) -> dict[str, Any]:
        """What was left out of a `model.toml` stays out: that a family names nothing has a meaning."""
        return spec.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @classmethod
    def of(cls, report: ReportInput) -> Self:
        """What a report is made of; `InputError` if JSON cannot hold it, a number that is none for example."""
        try:
            return cls(
                model=report.model,
                key=report.key,
                base=report.base,
                validation=report.validation,
                card=report.card,
                trials=tuple(map(Trial.of, report.trials)),
                comparison=report.comparison,
                times=report.times,
                spec=report.spec,
                engine=report.engine,
                manifest_diff=report.manifest_diff,
                data_digest=report.data_digest,
            )
        except ValidationError as error:
            raise _cannot(f"the report of {report.model}", error) from None

    def to_input(self, commit: str) -> ReportInput:
        """The report, as one of that commit."""
        return ReportInput(
            model=self.model,
            key=self.key,
            commit=commit,
            base=self.base,
            validation=self.validation,
            card=self.card,
            trials=tuple(trial.to_outcome() for trial in self.trials),
            comparison=self.comparison,
            times=self.times,
            spec=self.spec,
            engine=self.engine,
            manifest_diff=self.manifest_diff,
            data_digest=self.data_digest,
        )


class Bundle(Document):
    """What a pull request's run found of one model: a report, or why there is none."""

    version: Literal[1] = 1
    model: Name
    pull_request: Number
    head: Commit
    """The pull request's own newest commit; what was reviewed is what its merge would give."""
    report: ReportDocument | None
    error: Error = ""
    is_outside: bool = False
    """The error is not the change's: something that slipway depends on failed."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.report is None) != bool(self.error) or (self.is_outside and not self.error):
            msg = "there must be a report, or an error that says why there is none"
            raise ValueError(msg)
        if self.report is not None and self.report.model != self.model:
            msg = "the report is another model's"
            raise ValueError(msg)
        return self

    @classmethod
    def of(cls, review: ModelReview, *, pull_request: int, head: str) -> Self:
        """What a review found; `InputError` as of `ReportDocument.of`."""
        report = ReportDocument.of(review.report) if review.report else None
        try:
            return cls(
                model=review.model,
                pull_request=pull_request,
                head=head,
                report=report,
                error=review.error,
                is_outside=review.is_outside,
            )
        except ValidationError as error:
            raise _cannot(f"the review of {review.model}", error) from None

    @property
    def verdict(self) -> VerdictName | None:
        """The report's verdict, told without the libraries that trained; None where there is no report."""
        return verdict(self.report.validation, self.report.comparison) if self.report else None

    def review(self, commit: str) -> ModelReview:
        """The review, as one of that commit."""
        return ModelReview(
            model=self.model,
            report=self.report.to_input(commit) if self.report else None,
            error=self.error,
            is_outside=self.is_outside,
        )


def _cannot(what: str, error: ValidationError) -> InputError:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return InputError(f"{what} cannot be handed on: {place}: {first['msg']}")
