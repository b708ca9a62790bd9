"""What the stages hand on: JSON documents, checked whenever one is read.

They travel between jobs and may come from a pull request's own code, so unknown or wrongly typed
fields are refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from slipway.errors import StoreError
from slipway.key import SHORT


class Document(BaseModel):
    """A JSON document or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def to_json(self) -> bytes:
        """Readable JSON; equal documents give equal bytes."""
        return (self.model_dump_json(indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, where: str) -> Self:
        """Read a document; `StoreError` names the first thing that is wrong with it."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise StoreError(
                f"{where} is not a {cls.__name__} that this version reads: {place}: {first['msg']}",
                hint="Run the stage again with this version of slipway.",
            ) from None


# ---- validate


class Severity(StrEnum):
    """How much a failed expectation counts: `critical` blocks, the others are shown."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class FailingRow(Document):
    """A row that an expectation rejects. `line` is the file's line for a CSV, else the row, from 1."""

    line: int
    value: str


class Check(Document):
    """One expectation, and what came of it."""

    type: str
    column: str | None
    severity: Severity
    passed: bool
    expected: str
    """What was asked for, in plain words."""
    observed: str
    """What was found, in plain words."""
    failing_rows: int = 0
    examples: tuple[FailingRow, ...] = ()


class ColumnChange(Document):
    """A column that came, went or changed its type."""

    name: str
    before: str | None
    """The type on the base; None if the column is new."""
    now: str | None
    """The type now; None if the column is gone."""


class ShiftWord(StrEnum):
    """How large a shift is, after the usual reading of the population stability index."""

    NONE = "none"
    SMALL = "small"
    MODERATE = "moderate"
    LARGE = "large"


class Shift(Document):
    """How far a column's distribution has moved from the base's."""

    column: str
    psi: float
    """Population stability index over `labels`."""
    size: ShiftWord
    labels: tuple[str, ...]
    """Deciles of the base, or categories; with the missing values as the last, where there are any."""
    before: tuple[float, ...]
    """Shares of the base's rows; they sum to 1."""
    now: tuple[float, ...]
    """Shares of the rows now."""


class DataChange(Document):
    """What changed in the data since the base."""

    base: str
    """The commit that the data are compared with."""
    rows_before: int
    rows_added: int
    rows_removed: int
    columns: tuple[ColumnChange, ...]
    shifts: tuple[Shift, ...]
    """Largest first."""


class Leakage(Document):
    """Holdout rows whose features stand on the training side as well."""

    duplicates: int
    share: float
    """Of the holdout's rows."""
    severity: Severity
    examples: tuple[FailingRow, ...] = ()


class Validation(Document):
    """What `validate` found."""

    model: str
    key: str
    data_file: str
    rows: int
    training_rows: int
    holdout_rows: int
    columns: int
    ignored: dict[str, str]
    """Columns that the model does not read, each with the reason."""
    checks: tuple[Check, ...]
    leakage: Leakage
    change: DataChange | None
    """None when the base has no data of this model, or the same bytes."""
    seconds: float

    @property
    def blocking(self) -> tuple[Check, ...]:
        """The failed checks that keep the model from being trained."""
        return tuple(c for c in self.checks if not c.passed and c.severity is Severity.CRITICAL)

    @property
    def passed(self) -> bool:
        """Whether nothing critical was found."""
        return not self.blocking and self.leakage.severity is not Severity.CRITICAL


# ---- tune


class FeatureReference(Document):
    """How a feature is distributed on the training side: what live traffic is compared with."""

    name: str
    kind: Literal["numeric", "categorical"]
    edges: tuple[float, ...] = ()
    """Inner edges of the numeric bins (deciles); one fewer than the counts."""
    categories: tuple[str, ...] = ()
    """The categories that are counted; those left out share the last count."""
    counts: tuple[int, ...]
    missing: int


class PredictionReference(Document):
    """What the model answers on the holdout, and how right it is: what its live answers are compared with."""

    rows: int
    probabilities: tuple[float, ...] = ()
    """Mean probability of each class, in the classes' order; none in a regression."""
    edges: tuple[float, ...] = ()
    """Deciles of the predicted numbers; none where there are classes."""
    counts: tuple[int, ...] = ()
    """Rows in the bins between them; one more than the edges."""
    accuracy: float | None = None
    """Share of the rows whose likeliest class is the true one."""
    mae: float | None = None
    """Mean absolute error of the predicted numbers."""


class Golden(Document):
    """A request with the answer that the reviewed model gave: what `verify` asks the deployed one."""

    numeric: tuple[float | None, ...]
    categorical: tuple[str | None, ...]
    answer: tuple[float, ...]


class Parity(Document):
    """How far ONNX and the native model are apart, over the holdout and rows full of unknowns."""

    rows: int
    largest: float
    """Largest absolute difference of a probability or number."""
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the two are the same model."""
        return self.largest <= self.tolerance


class SplitRule(Document):
    """What decided which rows the model was not trained on."""

    columns: tuple[str, ...]
    share: float
    newest_from: int | None = None
    """Microseconds since 1970, where a date decided."""


class ModelCard(Document):
    """`model.json`: the same for equal keys, so nothing of it depends on when or where it was made."""

    model: str
    key: str
    task: Literal["classification", "regression"]
    target: str
    classes: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    family: str
    params: dict[str, str | int | float | bool | None]
    trial: int
    trials: int
    failed_trials: int
    metric: str
    cv_score: float
    cv_fold_scores: tuple[float, ...]
    training_rows: int
    holdout_rows: int
    split: SplitRule
    onnx_sha256: str
    onnx_bytes: int
    parity: Parity
    packages: dict[str, str]
    golden: tuple[Golden, ...]
    reference: tuple[FeatureReference, ...]
    predictions: PredictionReference | None = None
    """None in a card that was made before there was one."""

    @model_serializer(mode="wrap")
    def _as_it_was_read(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A card without predictions gives the bytes that it was read from: images are built of them."""
        written: dict[str, Any] = write(self)
        if self.predictions is None:
            written.pop("predictions", None)
        return written


# ---- compare


class VerdictName(StrEnum):
    """The answer to «merge or not»."""

    PROMOTE = "promote"
    BLOCK = "block"
    INCONCLUSIVE = "inconclusive"


class Champion(Document):
    """What the challenger was compared with."""

    kind: Literal["baseline", "live"]
    key: str | None = None
    commit: str | None = None
    """The commit of `gitops/` that says it is live."""
    missing_columns: tuple[str, ...] = ()
    """Columns that it reads and the data no longer have; they were left empty for it."""

    @property
    def name(self) -> str:
        """As people are told."""
        return f"champion {self.key[:SHORT]}" if self.key else "baseline"


class Interval(Document):
    """An improvement (positive is better) in a metric's own unit, with its confidence interval."""

    estimate: float
    low: float
    high: float
    confidence: float
    detectable: float
    """The smallest improvement that a holdout of this size would have shown four times in five."""


class MetricRow(Document):
    """One metric of both models on the same holdout."""

    name: str
    primary: bool
    higher_is_better: bool
    champion: float
    challenger: float
    improvement: Interval


class SliceRow(Document):
    """The primary metric in one group of the holdout. No interval where the rows are too few to judge."""

    column: str
    group: str
    rows: int
    champion: float | None
    """None for a metric of an order where the group's rows are all of one class."""
    challenger: float | None
    improvement: Interval | None
    regressed: bool
    """Worse than the gate allows, with the gate's confidence."""


class Timing(Document):
    """How long one row takes, asked one at a time, in milliseconds."""

    p50_ms: float
    p99_ms: float
    asked: int


class ReasonState(StrEnum):
    """What a check of the gate says."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


class Reason(Document):
    """One check of the gate, and why it says what it says."""

    check: Literal["improvement", "slices", "latency", "size", "parity", "data"]
    state: ReasonState
    text: str


class Importance(Document):
    """How much worse the primary metric gets when a feature's values are shuffled."""

    feature: str
    mean: float
    spread: float
    """Standard deviation over the shuffles."""


class CalibrationBin(Document):
    """Rows whose predicted probability lies in one bin."""

    predicted: float
    """Mean predicted probability of the positive (or true) class."""
    observed: float
    """Share of the rows that are of that class."""
    rows: int


class Diagnostics(Document):
    """What the report draws of one model on the holdout."""

    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows: true classes; columns: predicted ones."""
    calibration: tuple[CalibrationBin, ...] = ()
    predicted: tuple[float, ...] = ()
    """Regression: predictions of at most 1,000 rows ..."""
    actual: tuple[float, ...] = ()
    """... and what was true of them."""


class Comparison(Document):
    """What `compare` found, and the verdict."""

    model: str
    key: str
    champion: Champion
    task: Literal["classification", "regression"]
    classes: tuple[str, ...]
    metric: str
    holdout_rows: int
    units: int
    """What was resampled: rows, or groups of rows that share a split key."""
    metrics: tuple[MetricRow, ...]
    slices: tuple[SliceRow, ...]
    champion_timing: Timing | None
    challenger_timing: Timing
    champion_bytes: int | None
    challenger_bytes: int
    parity: Parity
    importances: tuple[Importance, ...]
    """Largest first."""
    champion_diagnostics: Diagnostics
    challenger_diagnostics: Diagnostics
    verdict: VerdictName
    reasons: tuple[Reason, ...]
    min_improvement: float
    seconds: float

    @property
    def primary(self) -> MetricRow:
        """The metric that decides."""
        return next(row for row in self.metrics if row.primary)


class StageTime(Document):
    """How long a stage took, and whether it was done now or before."""

    stage: str
    seconds: Annotated[float, Field(ge=0)]
    reused: bool = False
