"""The tables of `model.toml` that shape a model: `[model]`, `[data]` and `[search]`.

Their canonical form is part of the content key; `[gate]` and `[serving]` are not here because they
change a verdict or a manifest, never a model.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

DEFAULT_NULLS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")


class Table(BaseModel):
    """A table of `model.toml`: unknown keys are faults, and nothing is converted silently."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Task(StrEnum):
    """What is learned: a class or a number."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class MetricName(StrEnum):
    """The metric that the search optimises and the gate compares."""

    LOG_LOSS = "log_loss"
    BRIER = "brier"
    ACCURACY = "accuracy"
    ROC_AUC = "roc_auc"
    AVERAGE_PRECISION = "average_precision"
    RMSE = "rmse"
    MAE = "mae"

    @property
    def task(self) -> Task:
        """The task that the metric judges."""
        regression = (MetricName.RMSE, MetricName.MAE)
        return Task.REGRESSION if self in regression else Task.CLASSIFICATION

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        return self in (MetricName.ACCURACY, MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION)


# JSON and TOML carry enums and tuples as strings and lists, so these fields are read leniently.
Lenient = Field(strict=False)
Columns = Annotated[tuple[str, ...], Lenient]


class ModelTable(Table):
    """What is learned."""

    task: Annotated[Task, Lenient]
    """`classification` or `regression`."""
    target: Annotated[str, Field(min_length=1)]
    """The column to predict."""


class DataTable(Table):
    """What it is learned from, and which rows are kept aside."""

    path: Annotated[str, Field(min_length=1)]
    """The data file in the model's folder: CSV or Parquet."""
    holdout: Annotated[float, Field(gt=0, lt=0.9)] = 0.25
    """The share of rows that no model ever trains on."""
    split_key: Columns = ()
    """Columns whose values stay on one side of the split (a customer's rows, say)."""
    split_time: str | None = None
    """A date column: the newest rows are the holdout. Excludes `split_key`."""
    slices: Columns = ()
    """Columns whose groups are judged apart."""
    drop: Columns = ()
    """Columns that the model does not see."""
    categorical: Columns = ()
    """Columns of codes that look like numbers but name things."""
    nulls: Columns = DEFAULT_NULLS
    """The spellings of a missing value in a CSV."""

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        if self.split_key and self.split_time:
            msg = "split_key and split_time exclude each other: keep one"
            raise ValueError(msg)
        return self


Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]


class IntRange(Table):
    """Whole numbers from the first to the last, both included: `{ int = [2, 16] }`."""

    bounds: Annotated[tuple[Whole, Whole], Lenient, Field(alias="int")]
    """The lowest and the highest value."""
    log: bool = False
    """Sample on a logarithmic scale; the lowest value must then be positive."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_bounds(self.bounds, log=self.log)
        return self


class FloatRange(Table):
    """Real numbers between the two: `{ float = [0.01, 0.3], log = true }`."""

    bounds: Annotated[tuple[float, float], Lenient, Field(alias="float")]
    """The lowest and the highest value."""
    log: bool = False
    """Sample on a logarithmic scale; the lowest value must then be positive."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_bounds(self.bounds, log=self.log)
        return self


def _check_bounds(bounds: tuple[float, float], *, log: bool) -> None:
    low, high = bounds
    if not low < high:
        msg = f"the first bound must be below the second, not {low} and {high}"
        raise ValueError(msg)
    if log and low <= 0:
        msg = f"a logarithmic scale starts above 0, not at {low}"
        raise ValueError(msg)


class Choice(Table):
    """One of several values: `{ choice = ["sqrt", 0.5] }`."""

    choice: Annotated[tuple[str | int | float | bool, ...], Lenient, Field(min_length=1)]
    """The values to choose from."""


Constant = str | int | float | bool


def _kind(value: object) -> str | None:
    """Which form a hyper-parameter is written in; None for none of them."""
    if isinstance(value, IntRange | FloatRange | Choice):
        return {IntRange: "int", FloatRange: "float", Choice: "choice"}[type(value)]
    if isinstance(value, dict):
        return next((kind for kind in ("int", "float", "choice") if kind in value), None)
    return "constant" if isinstance(value, Constant) else None


Dimension = Annotated[
    Annotated[IntRange, Tag("int")]
    | Annotated[FloatRange, Tag("float")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Constant, Tag("constant")],
    Discriminator(_kind),
]


class RandomForestSpace(Table):
    """The hyper-parameters of scikit-learn's random forest that may be searched or fixed."""

    n_estimators: Dimension | None = None
    """Number of trees."""
    max_depth: Dimension | None = None
    """Greatest depth of a tree."""
    min_samples_split: Dimension | None = None
    """Fewest rows (or share of rows) that a node needs to be split."""
    min_samples_leaf: Dimension | None = None
    """Fewest rows (or share of rows) in a leaf."""
    max_features: Dimension | None = None
    """Features looked at for a split: `sqrt`, `log2`, a number or a share."""
    max_samples: Dimension | None = None
    """Rows (or share of rows) drawn for each tree."""
    max_leaf_nodes: Dimension | None = None
    """Most leaves of a tree."""
    min_impurity_decrease: Dimension | None = None
    """Least gain that justifies a split."""
    ccp_alpha: Dimension | None = None
    """Cost-complexity pruning."""
    criterion: Dimension | None = None
    """How the quality of a split is measured."""
    class_weight: Dimension | None = None
    """`balanced` or `balanced_subsample`, for rare classes."""


class XGBoostSpace(Table):
    """The hyper-parameters of XGBoost that may be searched or fixed."""

    n_estimators: Dimension | None = None
    """Most boosting rounds; early stopping usually ends sooner."""
    early_stopping_rounds: Annotated[int, Field(ge=1)] = 25
    """Rounds without progress on a fold's validation rows after which boosting ends."""
    learning_rate: Dimension | None = None
    """Shrinkage of each round."""
    max_depth: Dimension | None = None
    """Greatest depth of a tree."""
    max_leaves: Dimension | None = None
    """Most leaves of a tree."""
    min_child_weight: Dimension | None = None
    """Least sum of hessians in a leaf."""
    gamma: Dimension | None = None
    """Least gain that justifies a split."""
    subsample: Dimension | None = None
    """Share of rows for each round."""
    colsample_bytree: Dimension | None = None
    """Share of features for each tree."""
    colsample_bylevel: Dimension | None = None
    """Share of features for each level."""
    colsample_bynode: Dimension | None = None
    """Share of features for each split."""
    reg_alpha: Dimension | None = None
    """L1 penalty on leaf weights."""
    reg_lambda: Dimension | None = None
    """L2 penalty on leaf weights."""
    max_bin: Dimension | None = None
    """Histogram bins for a numeric feature."""
    max_delta_step: Dimension | None = None
    """Greatest step of a leaf weight; helps with rare classes."""
    scale_pos_weight: Dimension | None = None
    """Weight of the positive class of a binary target."""
    grow_policy: Dimension | None = None
    """`depthwise` or `lossguide`."""


class SearchTable(Table):
    """How models are searched: the budget, the judge and each family's space."""

    trials: Annotated[int, Field(ge=1, le=100_000)] = 48
    """Configurations to try."""
    batch: Annotated[int, Field(ge=1, le=1_000)] = 8
    """Trials under way at most: trial n is suggested from the results of trials up to n - batch."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of the cross-validation on the training side."""
    metric: Annotated[MetricName, Lenient]
    """The primary metric: what the search optimises and the gate compares."""
    random_forest: RandomForestSpace | None = None
    """Search random forests (scikit-learn)."""
    xgboost: XGBoostSpace | None = None
    """Search gradient boosting (XGBoost)."""

    @model_validator(mode="after")
    def _some_family(self) -> Self:
        if not self.families:
            msg = "name at least one family: [search.random_forest] or [search.xgboost]"
            raise ValueError(msg)
        return self

    @property
    def families(self) -> dict[str, Table]:
        """The families to search, by name, in a fixed order."""
        named = {"random_forest": self.random_forest, "xgboost": self.xgboost}
        return {name: space for name, space in named.items() if space is not None}


class Recipe(Table):
    """The part of `model.toml` that shapes the model."""

    model: ModelTable
    data: DataTable
    search: SearchTable

    @model_validator(mode="after")
    def _metric_fits_task(self) -> Self:
        metric, task = self.search.metric, self.model.task
        if metric.task is not task:
            fitting = ", ".join(name for name in MetricName if name.task is task)
            msg = f"[search] metric {metric} does not judge a {task}: use {fitting}"
            raise ValueError(msg)
        return self


def dimensions(space: Table) -> dict[str, Dimension]:
    """The hyper-parameters that a family's table names, in alphabetical order."""
    named: dict[str, Any] = {
        name: getattr(space, name) for name in type(space).model_fields if name in space.model_fields_set
    }
    return dict(sorted(named.items()))
