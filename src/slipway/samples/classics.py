"""Small data sets from scikit-learn's own files, written as people keep them: CSV with readable names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from slipway.errors import InputError

Cell = str | int | float


def write_csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV whose bytes are the same everywhere."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([plain(cell) for cell in row] for row in rows)


def plain(cell: Cell) -> Cell:
    """Whole numbers without a decimal point; all else as it is."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def check_rows(name: str, rows: int, all_rows: int) -> None:
    """`InputError` unless all the rows are asked for: nobody draws more flowers or patients."""
    if rows != all_rows:
        raise InputError(
            f"{name} has {all_rows} rows, not {rows:,}",
            hint="Leave --rows out. The sample that comes in any size is fraud.",
        )
