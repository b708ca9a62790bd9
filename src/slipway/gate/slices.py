"""Groups of the holdout that are judged apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.gate.intervals import Holdout, improvement
from slipway.results import SliceRow
from slipway.spec import GateTable
from slipway.training.evaluation import score
from slipway.training.features import texts
from slipway.training.recipe import MetricName

Bools = npt.NDArray[np.bool_]

MOST_GROUPS = 12
FEW_NUMBERS = 8
LEAST_UNITS = 30
"""A group with fewer independent rows, or fewer customers, is shown and not judged."""
MISSING = "(missing)"
OTHER = "(other)"
RANKED_LEAST = 10
"""An order is judged from this many rows of each class on."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows of the holdout that share a value, or a range of values, of a column."""

    column: str
    name: str
    rows: Bools


def groups(table: pa.Table, columns: tuple[str, ...]) -> Iterator[Group]:
    """The groups of each column: its values, largest group first, or the quarters of a number."""
    for column in columns:
        yield from _of_column(table.column(column), column)


def _of_column(values: pa.ChunkedArray, column: str) -> Iterator[Group]:
    number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    if number and len(values.drop_null().unique()) > FEW_NUMBERS:
        yield from _quarters(values, column)
    else:
        yield from _values(values, column)


def _values(values: pa.ChunkedArray, column: str) -> Iterator[Group]:
    spelled = texts(values)
    counts = Counter(spelled)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    shown = ordered if len(ordered) <= MOST_GROUPS else ordered[: MOST_GROUPS - 1]
    for name in shown:
        yield Group(column=column, name=name or MISSING, rows=spelled == name)
    if rest := set(ordered) - set(shown):
        yield Group(column=column, name=OTHER, rows=np.array([name in rest for name in spelled]))


def _quarters(values: pa.ChunkedArray, column: str) -> Iterator[Group]:
    numbers = values.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
    edges = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75]))
    place = np.searchsorted(edges, numbers, side="left")
    known = ~np.isnan(numbers)
    for index in range(len(edges) + 1):
        low = f"{edges[index - 1]:.4g} < " if index else ""
        high = f" ≤ {edges[index]:.4g}" if index < len(edges) else ""
        rows = known & (place == index)
        if rows.any():
            yield Group(column=column, name=f"{low}{column}{high}", rows=rows)
    if not known.all():
        yield Group(column=column, name=MISSING, rows=~known)


def judge(group: Group, metric: MetricName, holdout: Holdout, gate: GateTable, *, among: int, seed: int) -> SliceRow:
    """Champion and challenger in one group of the holdout.

    Each of `among` groups is judged with a confidence that makes all of them together as sure as the gate
    asks for (Bonferroni). So far out, percentiles of some thousand resamples say nothing: the interval is
    Student's, with the bootstrap's standard error.
    """
    part = holdout.only(group.rows)
    confidence = 1 - (1 - gate.confidence) / among
    interval = (
        improvement(metric, part, confidence=confidence, seed=seed, normal=True) if _enough(metric, part) else None
    )
    limit = gate.max_slice_regression
    return SliceRow(
        column=group.column,
        group=group.name,
        rows=len(part.target),
        champion=_known(score(metric, part.target, part.champion)),
        challenger=_known(score(metric, part.target, part.challenger)),
        improvement=interval,
        regressed=interval is not None and limit is not None and interval.high < -limit,
    )


def _enough(metric: MetricName, part: Holdout) -> bool:
    if metric in (MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION):
        return bool(np.bincount(part.target.astype(np.int64), minlength=2).min() >= RANKED_LEAST)
    return part.unit_count >= LEAST_UNITS


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
