"""What changed in the data since the base: columns, rows and distributions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from slipway.results import ColumnChange, DataChange, Shift, ShiftWord
from slipway.training.dataset import is_temporal
from slipway.validation.hashes import hashes

BINS = 10
_SAMPLE = 1_000_000
"""Of more rows than this, every n-th says where the bins' edges are; all are counted in them."""
CATEGORIES = 12
"""The base's most frequent values that are told apart; the rest are one."""
MISSING = "missing"
OTHER = "other"
THRESHOLDS = {ShiftWord.LARGE: 0.25, ShiftWord.MODERATE: 0.1, ShiftWord.SMALL: 0.02}
"""The usual reading of the index (Siddiqi, Credit Risk Scorecards, 2006): below 0.1 stable, above 0.25
shifted. Within «stable», what is hardly measurable is told apart at 0.02."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def compare(before: pa.Table, now: pa.Table, *, base: str) -> DataChange:
    """The difference of two tables; `base` is the commit that `before` comes from.

    A row counts as added or removed by its values in the columns that both tables have with the same kind
    of content; a row that stands there three times instead of once was added twice.
    """
    shared = [name for name in now.column_names if name in before.column_names]
    alike = [name for name in shared if _kind(before.column(name).type) == _kind(now.column(name).type)]
    added, removed = _row_difference(before, now, alike)
    shifts = [shift(name, before.column(name), now.column(name)) for name in alike]
    return DataChange(
        base=base,
        rows_before=before.num_rows,
        rows_added=added,
        rows_removed=removed,
        columns=tuple(_column_changes(before, now)),
        shifts=tuple(sorted(shifts, key=lambda found: -found.psi)),
    )


def shift(name: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> Shift:
    """How far a column has moved, as population stability index (PSI).

    Numbers and dates are counted in the deciles of the base, a value that fills a decile by itself in a
    bin of its own; texts and truth values by category. Missing values are a bin of their own.
    """
    binned = _categories(before, now) if _kind(now.type) in ("text", "truth") else _deciles(before, now)
    if before.null_count or now.null_count:
        binned = binned.with_bin(MISSING, before.null_count, now.null_count)
    binned = binned.without_empty()
    psi = stability_index(binned.before, binned.now)
    return Shift(
        column=name,
        psi=psi,
        size=next((word for word, least in THRESHOLDS.items() if psi >= least), ShiftWord.NONE),
        labels=binned.labels,
        before=tuple(binned.before / binned.before.sum()),
        now=tuple(binned.now / binned.now.sum()),
    )


def stability_index(before: Counts | Floats, now: Counts | Floats) -> float:
    """PSI: the sum over the bins of (q - p) ln(q / p), for the shares p before and q now.

    Half a row is added to each bin (Krichevsky and Trofimov, The performance of universal encoding, 1981),
    so that an empty bin gives a finite index that grows with the evidence.
    """
    p = (before + 0.5) / (before + 0.5).sum()
    q = (now + 0.5) / (now + 0.5).sum()
    return float(np.sum((q - p) * np.log(q / p)))


@dataclass(frozen=True, kw_only=True)
class _Binned:
    """Rows counted in the same bins, before and now."""

    labels: tuple[str, ...]
    before: Counts
    now: Counts

    def with_bin(self, label: str, before: int, now: int) -> _Binned:
        return _Binned(
            labels=(*self.labels, label),
            before=np.append(self.before, before),
            now=np.append(self.now, now),
        )

    def without_empty(self) -> _Binned:
        kept = np.flatnonzero(self.before + self.now)
        return _Binned(labels=tuple(self.labels[i] for i in kept), before=self.before[kept], now=self.now[kept])


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_string(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "truth"
    return "date" if is_temporal(kind) else "number"


def _column_changes(before: pa.Table, now: pa.Table) -> Iterator[ColumnChange]:
    old = {field.name: str(field.type) for field in before.schema}
    new = {field.name: str(field.type) for field in now.schema}
    for name in dict.fromkeys([*new, *old]):
        if old.get(name) != new.get(name):
            yield ColumnChange(name=name, before=old.get(name), now=new.get(name))


def _row_difference(before: pa.Table, now: pa.Table, columns: list[str]) -> tuple[int, int]:
    """Rows added and removed: the difference of two multisets, of which hashes stand for the rows."""
    if not columns:
        return now.num_rows, before.num_rows
    old, old_counts = np.unique(hashes(before, columns), return_counts=True)
    new, new_counts = np.unique(hashes(now, columns), return_counts=True)
    places = np.minimum(np.searchsorted(old, new), len(old) - 1)
    common = int(np.minimum(old_counts[places], new_counts)[old[places] == new].sum())
    return now.num_rows - common, before.num_rows - common


def _categories(before: pa.ChunkedArray, now: pa.ChunkedArray) -> _Binned:
    old, new = _frequencies(before), _frequencies(now)
    order = [("count", "descending"), ("word", "ascending")]
    shown = old.take(pc.select_k_unstable(old, CATEGORIES, order)).to_pydict()
    words = shown["word"]
    found = new.filter(pc.is_in(new.column("word"), value_set=pa.array(words, pa.string()))).to_pydict()
    counts = dict(zip(found["word"], found["count"], strict=True))
    binned = _Binned(
        labels=tuple(words),
        before=np.array(shown["count"], dtype=np.int64),
        now=np.array([counts.get(word, 0) for word in words], dtype=np.int64),
    )
    totals = [len(column) - column.null_count for column in (before, now)]
    return binned.with_bin(OTHER, totals[0] - int(binned.before.sum()), totals[1] - int(binned.now.sum()))


def _frequencies(column: pa.ChunkedArray) -> pa.Table:
    """How often each text is there; a table, because there may be as many as rows."""
    counted = column.drop_null().cast(pa.string()).value_counts()
    return pa.table({"word": counted.field("values"), "count": counted.field("counts")})


def _deciles(before: pa.ChunkedArray, now: pa.ChunkedArray) -> _Binned:
    old, new = _numbers(before), _numbers(now)
    if not len(old):
        return _Binned(labels=(OTHER,), before=np.array([0]), now=np.array([len(new)]))
    inner = np.quantile(old[:: 1 + len(old) // _SAMPLE], np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf")
    values, times = np.unique(inner, return_counts=True)
    alone = np.nextafter(values[times > 1], -np.inf)
    edges = np.union1d(values, alone)
    return _Binned(
        labels=tuple(_bin_labels(edges, temporal=is_temporal(now.type))),
        before=_count(old, edges),
        now=_count(new, edges),
    )


def _numbers(column: pa.ChunkedArray) -> Floats:
    present = column.drop_null()
    if is_temporal(present.type):
        present = present.cast(pa.timestamp("us")).cast(pa.int64())
    numbers: Floats = pc.cast(present, pa.float64(), safe=False).to_numpy()
    return numbers


def _count(numbers: Floats, edges: Floats) -> Counts:
    """How many numbers lie in each bin; a bin includes its upper edge."""
    up_to = [np.count_nonzero(numbers <= edge) for edge in edges]
    return np.diff([0, *up_to, len(numbers)])


def _bin_labels(edges: Floats, *, temporal: bool) -> Iterator[str]:
    """Words for the bins; an edge just below the next one closes a bin before a value that has its own."""
    closing = np.append(np.nextafter(edges[1:], -np.inf) == edges[:-1], [False])
    spoken = [_moment(edge) if temporal else f"{edge:,.4g}" for edge in np.where(closing, np.roll(edges, -1), edges)]
    yield f"{'below' if closing[0] else 'up to'} {spoken[0]}"
    for alone, below, above in zip(closing, spoken, spoken[1:], strict=False):
        yield above if alone else f"{below} to {above}"
    yield f"above {spoken[-1]}"


def _moment(microseconds: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=float(microseconds))
    return f"{moment:%Y-%m-%d}"
