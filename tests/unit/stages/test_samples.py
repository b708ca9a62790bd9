"""`slipway data make`."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from slipway.errors import InputError, OutsideError
from slipway.stages.samples import make

DATA = Path(__file__).parents[3] / "data"


def test_without_a_size_it_is_what_is_committed(tmp_path: Path) -> None:
    made = make("iris", tmp_path / "new" / "flowers.csv")
    assert made.read_bytes() == (DATA / "iris" / "train.csv").read_bytes()


def test_transactions_come_in_any_number(tmp_path: Path) -> None:
    made = make("fraud", tmp_path / "t.parquet", rows=2_500, seed=1)
    assert pq.read_metadata(made).num_rows == 2_500
    assert make("fraud", tmp_path / "u.parquet", rows=2_500, seed=1).read_bytes() == made.read_bytes()


@pytest.mark.parametrize(
    ("name", "file", "rows", "seed", "told"),
    [
        ("fraud", "t.csv", None, None, "does not end in .parquet"),
        ("fraud", "t.parquet", 1, None, "comes in"),
        ("fraud", "t.parquet", None, -1, "a seed is 0 or more"),
        ("roses", "t.csv", None, None, "there is no sample"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    name: str, file: str, rows: int | None, seed: int | None, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        make(name, tmp_path / file, rows, seed)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_a_fault_outside(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(OutsideError, match="cannot be written"):
        make("iris", tmp_path / "x" / "flowers.csv")
