"""The bins of the training reference, and requests counted in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway.serving.exposition import Labels, distinct
from slipway.serving.shared import Floats

OTHER = "other"
MISSING = "missing"
_AT_ONCE = 4_096
"""Rows that are binned at once, so that a large batch needs little memory beside itself."""

Texts = Sequence[Sequence[str]] | NDArray[np.object_]


class Bins:
    """All features' bins in one row, feature after feature; those of a feature end with the missing values.

    Training puts a number into the bin whose upper edge is the first that is not below it, in 64 bits.
    Requests are read in 32, as models calculate. So the edges are rounded to 32 bits here, which keeps a value
    that equals an edge on the edge's side; edges that become equal close one bin, not two.
    """

    def __init__(self, card: Mapping[str, Any], *, most: int | None = None) -> None:
        """Take at most so many features of a model's card, in its order."""
        reference = [entry for entry in card["reference"] if entry["name"] in {*card["numeric"], *card["categorical"]}]
        reference = sorted(reference, key=lambda entry: entry["kind"] != "numeric")[:most]
        numeric = [_Number(entry) for entry in reference if entry["kind"] == "numeric"]
        texts = [_Text(entry) for entry in reference if entry["kind"] != "numeric"]
        parts: list[_Number | _Text] = [*numeric, *texts]
        shown = zip(distinct(entry["name"] for entry in reference), parts, strict=True)
        self.labels: list[Labels] = [{"feature": name, "bin": label} for name, part in shown for label in part.labels]
        self.ratios = np.array([ratio for part in parts for ratio in _shares(part.counts)])
        self.rows = max((sum(part.counts) for part in parts), default=0)
        *starts, self.width = accumulate((len(part.counts) for part in parts), initial=0)
        self._numbers = _Numbers(numeric, starts, [card["numeric"].index(part.name) for part in numeric])
        places = [card["categorical"].index(part.name) for part in texts]
        self._texts = list(zip(texts, starts[len(numeric) :], places, strict=True))

    def count(self, numeric: Sequence[NDArray[np.float32]], categorical: Sequence[Texts]) -> Floats:
        """How many of these rows lie in each bin."""
        cells = np.zeros(self.width)
        if self._numbers.wanted and numeric:
            rows = numeric[0] if len(numeric) == 1 else np.concatenate(numeric)
            for first in range(0, len(rows), _AT_ONCE):
                cells += self._numbers.count(rows[first : first + _AT_ONCE], self.width)
        if self._texts:
            texts = _rows(categorical)
            for first in range(0, len(texts), _AT_ONCE):
                columns = list(zip(*texts[first : first + _AT_ONCE], strict=True))
                for text, start, place in self._texts:
                    text.count(columns[place], cells[start : start + len(text.counts)])
        return cells


class _Number:
    """A numeric feature's bins."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        exact = np.array(entry["edges"], dtype=np.float64)
        with np.errstate(over="ignore"):  # what is too large for 32 bits is infinite in requests too
            rounded = exact.astype(np.float32)
        self.name: str = entry["name"]
        self.edges, firsts = np.unique(rounded, return_index=True)
        places = np.searchsorted(self.edges, [*rounded, np.inf], side="left")
        counts = np.bincount(places, weights=entry["counts"], minlength=len(self.edges) + 1)
        self.counts = [*counts.astype(int).tolist(), entry["missing"]]
        # As people wrote them: 0.1, not the 0.10000000149 that 32 bits make of it.
        self.labels = (*ranges(exact[firsts].tolist()), MISSING)


class _Numbers:
    """All numeric features, binned together: one comparison for the first edges of all, one for the second, ..."""

    def __init__(self, parts: Sequence[_Number], starts: Sequence[int], places: Sequence[int]) -> None:
        most = max((len(part.edges) for part in parts), default=0)
        self.wanted = bool(parts)
        self._edges = np.full((most, len(parts)), np.inf, dtype=np.float32)
        for column, part in enumerate(parts):
            self._edges[: len(part.edges), column] = part.edges
        self._places = np.array(places, dtype=np.intp)
        self._starts = np.array(starts[: len(parts)], dtype=np.intp)
        self._missing = self._starts + [len(part.counts) - 1 for part in parts]
        self._kind = np.min_scalar_type(most)

    def count(self, rows: NDArray[np.float32], width: int) -> NDArray[np.intp]:
        values = rows if len(self._places) == rows.shape[1] else rows[:, self._places]
        bins = np.zeros(values.shape, dtype=self._kind)
        for edges in self._edges:
            bins += values > edges
        cells = self._starts + bins
        np.copyto(cells, self._missing, where=np.isnan(values))
        return np.bincount(cells.ravel(), minlength=width)


class _Text:
    """A categorical feature's bins."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        categories: list[str] = list(entry["categories"])
        *counts, others = entry["counts"]
        # An empty text is a missing value to a model, though a Parquet file may hold both.
        empty = sum(count for category, count in zip(categories, counts, strict=True) if not category)
        counts = [count for category, count in zip(categories, counts, strict=True) if category]
        named = [category for category in categories if category]
        self.counts = [*counts, others, entry["missing"] + empty]
        self.labels = (*distinct(named, (OTHER, MISSING)), OTHER, MISSING)
        self._bins = {category: number for number, category in enumerate(named)} | {"": len(named) + 1}
        self._other = len(named)

    def count(self, values: Iterable[str], cells: Floats) -> None:
        for value, times in Counter(values).items():
            cells[self._bins.get(value, self._other)] += times


def _rows(categorical: Sequence[Texts]) -> Sequence[Sequence[str]]:
    batches = [batch.tolist() if isinstance(batch, np.ndarray) else batch for batch in categorical]
    return batches[0] if len(batches) == 1 else list(chain.from_iterable(batches))


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def ranges(edges: Sequence[float]) -> Sequence[str]:
    """Words for the bins between edges, with as many digits as tell them apart."""
    if not edges:
        return ("any",)
    digits = next(n for n in range(4, 18) if len({f"{edge:.{n}g}" for edge in edges}) == len(edges))
    spoken = [f"{edge:.{digits}g}" for edge in edges]
    return (f"up to {spoken[0]}", *(f"{low} to {high}" for low, high in pairwise(spoken)), f"above {spoken[-1]}")
