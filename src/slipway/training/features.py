"""From a checked table to the arrays that models learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from slipway.training.dataset import is_temporal
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import MetricName, Recipe, Task
from slipway.training.split import Bools, Rule, holdout_rows, rule

Matrix = npt.NDArray[np.float32]
Texts = npt.NDArray[np.object_]
Target = npt.NDArray[np.float64] | npt.NDArray[np.int64]

MAX_CATEGORIES = 64
"""The most frequent values of a categorical column that are told apart; the rest are one."""
MAX_CLASSES = 100


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that a model reads, by kind, in the order of its inputs."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, numeric ones first: the order of the encoded matrix."""
        return self.numeric + self.categorical


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A table, split, with the target apart and the columns that a model may read."""

    recipe: Recipe
    table: pa.Table
    columns: Columns
    ignored: dict[str, str]
    """Columns that the model does not read, each with the reason."""
    classes: tuple[str, ...]
    """The classes in the order of their probabilities; the last is the positive one of two. Empty in a regression."""
    target: Target
    """Numbers, or positions in `classes`; one a row."""
    split: Rule
    holdout: Bools

    @cached_property
    def training(self) -> Bools:
        """True for each row that models may learn from."""
        return ~self.holdout


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How categories become numbers: by their frequency on the training side, the most frequent first.

    A missing value becomes NaN, as it is in a numeric column, and the trees of both families decide
    where it goes. A value that was rare or never seen shares the one code after the known ones.
    """

    columns: Columns
    categories: tuple[tuple[str, ...], ...]

    def encode(self, numeric: Matrix, categorical: Texts) -> Matrix:
        """The matrix (rows x columns, float32) that trees are grown on.

        `numeric` is rows x numeric columns; `categorical` is rows x categorical columns of text, in
        which an empty text is a missing value.
        """
        codes = np.empty(categorical.shape, dtype=np.float32)
        for index, known in enumerate(self.categories):
            code = {name: float(position) for position, name in enumerate(known)} | {"": np.nan}
            other = float(len(known))
            codes[:, index] = [code.get(value, other) for value in categorical[:, index]]
        return np.hstack([numeric, codes])


def dataset(table: pa.Table, recipe: Recipe) -> Dataset:
    """Split a checked table and sort out its columns.

    Raises `DataError` for a column that the recipe names and the table lacks, for a target that
    cannot be learned, and for a split with an empty side.
    """
    _check_columns(table, recipe)
    classes, target = _target(table.column(recipe.model.target), recipe)
    split = rule(table, recipe.data, recipe.model.target)
    holdout = holdout_rows(table, split)
    columns, ignored = _columns(table.filter(~holdout), recipe)
    return Dataset(
        recipe=recipe, table=table, columns=columns, ignored=ignored,
        classes=classes, target=target, split=split, holdout=holdout,
    )  # fmt: skip


def raw(table: pa.Table, columns: Columns) -> tuple[Matrix, Texts]:
    """What a model is asked with: numbers (float32, NaN where missing) and texts (empty where missing).

    A column that the table lacks counts as missing in every row, as it would be in a request.
    """
    rows = table.num_rows
    numeric = np.full((rows, len(columns.numeric)), np.nan, dtype=np.float32)
    for index, name in enumerate(columns.numeric):
        if name in table.column_names and not pa.types.is_string(table.column(name).type):
            numeric[:, index] = table.column(name).cast(pa.float32(), safe=False).fill_null(np.nan).to_numpy()
    categorical = np.full((rows, len(columns.categorical)), "", dtype=object)
    for index, name in enumerate(columns.categorical):
        if name in table.column_names:
            categorical[:, index] = texts(table.column(name))
    return numeric, categorical


def texts(column: pa.ChunkedArray) -> Texts:
    """A column as text, empty where missing. The values are shared, so that memory stays small."""
    encoded = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    words = np.array(encoded.dictionary.to_pylist() or [""], dtype=object)
    result: Texts = words[encoded.indices.to_numpy()]
    return result


def fit_encoding(columns: Columns, categorical: Texts) -> Encoding:
    """Order the categories of the training side by frequency, then by name."""
    return Encoding(
        columns=columns,
        categories=tuple(_frequent(categorical[:, index]) for index in range(len(columns.categorical))),
    )


def _frequent(values: Sequence[str] | Texts) -> tuple[str, ...]:
    counts = Counter(values)
    counts.pop("", None)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(name for name, _ in ordered[:MAX_CATEGORIES])


def _check_columns(table: pa.Table, recipe: Recipe) -> None:
    data = recipe.data
    named = {
        "[model] target": (recipe.model.target,),
        "[data] split_key": data.split_key,
        "[data] split_time": (data.split_time,) if data.split_time else (),
        "[data] slices": data.slices,
        "[data] drop": data.drop,
        "[data] categorical": data.categorical,
    }
    known = table.column_names
    faults = [
        Fault(what=f"{key}: there is no column {name!r}", hint=_columns_hint(known))
        for key, names in named.items()
        for name in names
        if name not in known
    ]
    if faults:
        raise DataError(faults)


def _columns_hint(known: Sequence[str]) -> str:
    if len(known) == 1 and (mark := next((m for m in ";\t|" if m in known[0]), None)):
        return f"The file has one column: are its values separated by {mark!r}? Only commas are read."
    shown = ", ".join(known[:12])
    return f"The columns are: {shown}{', …' if len(known) > 12 else ''}."  # noqa: PLR2004


def _columns(table: pa.Table, recipe: Recipe) -> tuple[Columns, dict[str, str]]:
    data = recipe.data
    apart = dict.fromkeys(data.drop, "dropped by [data] drop")
    apart |= dict.fromkeys(data.split_key, "the split's key")
    apart |= {data.split_time: "the split's date"} if data.split_time else {}
    apart |= {recipe.model.target: "the target"}
    numeric, categorical, ignored = [], [], {}
    for name in table.column_names:
        kind = table.column(name).type
        if name in apart:
            ignored[name] = apart[name]
        elif is_temporal(kind):
            ignored[name] = "a date; make a number of it if the model should see it"
        elif table.column(name).null_count == table.num_rows:
            ignored[name] = "no value in any training row"
        elif pa.types.is_string(kind):
            categorical.append(name)
        else:
            numeric.append(name)
    if not numeric and not categorical:
        raise DataError(Fault(what="no column is left to learn from", hint="Add features, or shorten [data] drop."))
    return Columns(numeric=tuple(numeric), categorical=tuple(categorical)), ignored


def _target(column: pa.ChunkedArray, recipe: Recipe) -> tuple[tuple[str, ...], Target]:
    name, rows = recipe.model.target, len(column)
    if column.null_count == rows:
        raise DataError(Fault(what=f"the target {name!r} has no value in any row", hint="Fill it in."))
    if column.null_count:
        first = pc.index(column.is_null(), value=True).as_py() + 1
        what = (
            f"the target {name!r} is missing in {column.null_count:,} of {rows:,} rows, the first being row {first:,}"
        )
        raise DataError(Fault(what=what, hint="Fill it in, or take these rows out."))
    if recipe.model.task is Task.REGRESSION:
        return (), _numbers(column, name)
    return _classes(column, recipe)


def _numbers(column: pa.ChunkedArray, name: str) -> Target:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        what = f"the target {name!r} holds {column.type}, not numbers"
        raise DataError(Fault(what=what, hint='For classes, set [model] task = "classification".'))
    numbers: Target = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _classes(column: pa.ChunkedArray, recipe: Recipe) -> tuple[tuple[str, ...], Target]:
    name = recipe.model.target
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        column = column.cast(pa.int64()) if whole else column
    labels = sorted(column.unique().to_pylist())
    if not 2 <= len(labels) <= MAX_CLASSES:  # noqa: PLR2004
        what = f"the target {name!r} has {len(labels):,} different value{'s' if len(labels) != 1 else ''}"
        hint = f'Classes are 2 to {MAX_CLASSES}; for numbers, set [model] task = "regression".'
        raise DataError(Fault(what=what, hint=hint))
    ranking = recipe.search.metric in (MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION)
    if ranking and len(labels) > 2:  # noqa: PLR2004
        what = f"[search] metric {recipe.search.metric} judges two classes; the target {name!r} has {len(labels)}"
        raise DataError(Fault(what=what, hint="Use log_loss, brier or accuracy."))
    codes: Target = pc.index_in(column, pa.array(labels, type=column.type)).to_numpy().astype(np.int64)
    spelled = tuple(str(label).lower() if isinstance(label, bool) else str(label) for label in labels)
    return spelled, codes


def check_folds(data: Dataset) -> None:
    """See to it that each class can be in each fold; `DataError` names those that are too rare."""
    folds, target = data.recipe.search.folds, data.target[data.training]
    counts = np.bincount(target, minlength=len(data.classes)) if data.classes else np.array([len(target)])
    names = data.classes or ("",)
    faults = [
        Fault(
            what=f"{f'class {name!r}' if name else 'the data'} has {count} training rows; {folds} folds need {folds}",
            hint="Add rows, take the class out, or lower [search] folds.",
        )
        for name, count in zip(names, counts, strict=True)
        if count < folds
    ]
    if faults:
        raise DataError(faults)
