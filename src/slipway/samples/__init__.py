"""The data that slipway brings along, one module each: two classics, and a generator of any size."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from slipway.errors import InputError

NAMES = ("diabetes", "fraud", "iris")


class Sample(Protocol):
    """What each module of this package offers."""

    FILE: str
    """The name of the file in the model's folder."""
    ROWS: int
    """Rows of the committed file."""
    SEED: int
    """Seed of the committed file; without effect where nothing is drawn."""

    def write(self, file: Path, rows: int, seed: int) -> None:
        """Write so many rows to a file whose folder is there."""


def sample(name: str) -> Sample:
    """The sample of that name; the libraries that it needs are imported now and not earlier."""
    if name not in NAMES:
        raise InputError(f"there is no sample {name!r}", hint=f"Samples are: {', '.join(NAMES)}.")
    return cast("Sample", importlib.import_module(f"{__name__}.{name}"))


def write(name: str, file: Path, rows: int | None = None, seed: int | None = None) -> None:
    """Write a sample; without `rows` and `seed`, exactly what is committed.

    Raises `InputError` for a name that is not known and a number of rows that cannot be had.
    """
    chosen = sample(name)
    chosen.write(file, chosen.ROWS if rows is None else rows, chosen.SEED if seed is None else seed)
