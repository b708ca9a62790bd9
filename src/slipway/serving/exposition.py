"""Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/).

The official client builds an object for each sample; of 300 features that takes longer than a scrape may. Here
what stands before each number is made once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from slipway.serving.shared import Floats

MEDIA_TYPE = "text/plain; version=0.0.4"
CONTENT_TYPE = f"{MEDIA_TYPE}; charset=utf-8"
LONGEST = 100
"""Characters of a label's value; of a longer one the end is replaced by its digest."""
_DIGEST = 8
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """One number for each set of labels: a counter, or a gauge."""

    name: str
    kind: str
    help: str
    labels: Sequence[Labels]
    common: Labels
    quiet: frozenset[int] = frozenset()
    """Places that are left out while they are nought: most codes are never answered with."""

    @property
    def width(self) -> int:
        """How many numbers it is made of."""
        return len(self.labels)

    def text(self, cells: Floats) -> Iterator[str]:
        """The lines for these numbers."""
        yield self._head
        for number, (line, cell) in enumerate(zip(self._lines, cells.tolist(), strict=True)):
            if cell or number not in self.quiet:
                yield f"{line} {spoken(cell)}\n"

    @cached_property
    def _head(self) -> str:
        return _head(self.name, self.kind, self.help)

    @cached_property
    def _lines(self) -> list[str]:
        return [self.name + _in_braces({**labels, **self.common}) for labels in self.labels]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How many values lie in each bucket, and their sum; a bucket includes its upper bound."""

    name: str
    help: str
    bounds: tuple[float, ...]
    common: Labels

    @property
    def width(self) -> int:
        """How many numbers it is made of: the buckets, one for what lies above them all, the sum."""
        return len(self.bounds) + 2

    def count(self, values: Floats) -> Floats:
        """The numbers that these values add. One that is not finite is counted, and not summed."""
        buckets = np.bincount(np.searchsorted(self._upper, values, side="left"), minlength=len(self.bounds) + 1)
        return np.append(buckets, values[np.isfinite(values)].sum())

    def text(self, cells: Floats) -> Iterator[str]:
        """The lines for these numbers. The count is the buckets' sum, so the two never disagree."""
        yield self._head
        counts = np.cumsum(cells[:-1]).tolist()
        for line, count in zip(self._lines, [*counts, counts[-1], cells[-1].item()], strict=True):
            yield f"{line} {spoken(count)}\n"

    @cached_property
    def _upper(self) -> Floats:
        return np.array(self.bounds, dtype=np.float64)

    @cached_property
    def _head(self) -> str:
        return _head(self.name, "histogram", self.help)

    @cached_property
    def _lines(self) -> list[str]:
        bounds = [*map(spoken, self.bounds), "+Inf"]
        buckets = [f"{self.name}_bucket" + _in_braces({"le": bound, **self.common}) for bound in bounds]
        return [*buckets, *(f"{self.name}_{end}" + _in_braces(self.common) for end in ("count", "sum"))]


def spoken(number: float) -> str:
    """A number without loss, whole ones without a point."""
    return str(int(number)) if number.is_integer() else repr(number)


def distinct(values: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Label values for names of any kind: short, storable as UTF-8, and as distinct as the names are.

    `taken` are values with a meaning of their own, which no name may pass for.
    """
    used = set(taken)
    found = []
    for value in values:
        label = _shortened(value)
        digest = value
        while label in used:
            digest = _digest(digest)
            label = f"{label[: LONGEST - _DIGEST - 1]}~{digest}"
        used.add(label)
        found.append(label)
    return tuple(found)


def _shortened(value: str) -> str:
    """The value itself, if it can be a label as it is."""
    plain = value.encode("utf-8", "replace").decode()
    if plain == value and len(value) <= LONGEST:
        return value
    return f"{plain[: LONGEST - _DIGEST - 1]}~{_digest(value)}"


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def _in_braces(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _head(name: str, kind: str, what: str) -> str:
    return f"# HELP {name} {what}\n# TYPE {name} {kind}\n"
