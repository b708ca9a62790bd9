"""Holdout rows whose features stand on the training side too.

A model may know such a row by heart, so that its holdout score is better than it will be in use. The
target and the columns that the model does not read (the split's date and key) are left out of the
comparison: the same customer on another day is the same row to the model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slipway.results import FailingRow, Leakage, Severity
from slipway.training.features import Dataset
from slipway.training.split import Hashes
from slipway.validation.expectations import EXAMPLES, Lines
from slipway.validation.hashes import hashes

Rows = npt.NDArray[np.int64]

MOST = 0.5
"""From this share of the holdout on, leakage is critical, if `DISTINCT` holds as well."""
DISTINCT = 0.9
"""The share of different rows on the training side from which on a repetition is no coincidence."""


def find(data: Dataset, lines: Lines) -> Leakage:
    """Compare the two sides by a 64-bit hash of the features: time n log n in the rows.

    Severity: `info` without a duplicate; `warning` with any; `critical` when half of the holdout or more
    is on the training side although that side hardly repeats itself, as when the holdout was copied into
    it. Where a few categories make all rows alike, duplicates are in the nature of the data: a warning.
    """
    rows = hashes(data.table, data.columns.names)
    known = np.sort(rows[data.training])
    holdout = np.flatnonzero(data.holdout)
    duplicates = np.sort(_among(rows, holdout, known))
    share = len(duplicates) / len(holdout)
    return Leakage(
        duplicates=len(duplicates),
        share=share,
        severity=_severity(share, known),
        examples=_examples(duplicates[:EXAMPLES], rows, data, lines),
    )


def _among(rows: Hashes, holdout: Rows, known: Hashes) -> Rows:
    """The holdout's rows whose hash is among the sorted known ones; looked up in order, which is kind to caches."""
    ordered = holdout[np.argsort(rows[holdout])]
    asked = rows[ordered]
    places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    found: Rows = ordered[known[places] == asked]
    return found


def _severity(share: float, known: Hashes) -> Severity:
    if share == 0:
        return Severity.INFO
    different = (1 + np.count_nonzero(np.diff(known))) / len(known)
    return Severity.CRITICAL if share >= MOST and different >= DISTINCT else Severity.WARNING


def _examples(duplicates: Rows, rows: Hashes, data: Dataset, lines: Lines) -> tuple[FailingRow, ...]:
    if not len(duplicates):
        return ()
    twins = [int(np.flatnonzero((rows == rows[row]) & data.training)[0]) for row in duplicates]
    located = lines([*map(int, duplicates), *twins])
    pairs = zip(located[: len(twins)], located[len(twins) :], strict=True)
    return tuple(FailingRow(line=line, value=f"the features of line {twin}") for line, twin in pairs)
