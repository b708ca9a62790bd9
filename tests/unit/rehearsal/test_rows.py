"""The rows of live traffic, and the data of yesterday."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from slipway import spec
from slipway.rehearsal import rows
from slipway.spec import ModelSpec
from slipway.training.dataset import read

DATA = Path(__file__).parents[3] / "data"
FILES = {"iris": "train.csv", "diabetes": "train.csv"}


def of(model: str) -> tuple[Path, ModelSpec]:
    path = DATA / model / "model.toml"
    return DATA / model / FILES[model], spec.parse(path.read_bytes(), str(path))


@pytest.mark.parametrize("model", FILES)
def test_drifted_rows_are_rows_of_the_upper_third(model: str) -> None:
    file, parsed = of(model)
    found = rows.rows(file, parsed)
    values = [row[0] for row in found.usual if isinstance(row[0], float)]
    drifted = [row[0] for row in found.drifted if isinstance(row[0], float)]
    assert len(values) == len(found.usual) == read(file, parsed.data).num_rows
    assert set(found.drifted) <= set(found.usual)
    assert len(drifted) == len(values) // 3
    assert sum(value > max(drifted) for value in values) == 0
    assert sum(value < min(drifted) for value in values) >= len(values) // 2


@pytest.mark.parametrize("model", FILES)
def test_yesterday_lacks_a_ninth_of_the_rows_and_changes_none(model: str, tmp_path: Path) -> None:
    file, parsed = of(model)
    now, before = file.read_text().splitlines(), rows.yesterdays(file, parsed).decode().splitlines()
    assert set(before) <= set(now)
    assert before[0] == now[0]
    assert len(now) - len(before) == math.ceil((len(now) - 1) // 3 / 3)
    again = tmp_path / file.name
    again.write_text("\n".join(before) + "\n")
    read(again, parsed.data)


def test_a_parquet_file_stays_one(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    file = tmp_path / "train.parquet"
    text = ["a", "b", None] * 30
    table = pa.table({"kind": text, "size": [*range(90)], "label": ["no", "yes"] * 45})
    parquet.write_table(table, file)
    parsed = spec.parse(
        b'[model]\ntask = "classification"\ntarget = "label"\n[data]\npath = "train.parquet"\n'
        b'[search]\ntrials = 1\nmetric = "log_loss"\n[search.random_forest]\n',
        "model.toml",
    )
    (tmp_path / "before.parquet").write_bytes(rows.yesterdays(file, parsed))
    before = parquet.read_table(tmp_path / "before.parquet")
    assert before.schema == table.schema
    assert before.num_rows == 80
    assert (2.0, None) in rows.rows(file, parsed).usual


def test_of_many_rows_there_are_a_thousand(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("x,label\n" + "".join(f"{n}.5,{n % 7}\n" for n in range(5000)))
    parsed = spec.parse(
        b'[model]\ntask = "regression"\ntarget = "label"\n[data]\npath = "train.csv"\n'
        b'[search]\ntrials = 1\nmetric = "rmse"\n[search.random_forest]\n',
        "model.toml",
    )
    found = rows.rows(file, parsed)
    assert len(found.usual) == 1000
    assert len(found.drifted) <= 1000
    assert min(row[0] or 0 for row in found.drifted if isinstance(row[0], float)) == 3334.5
    assert [row[0] for row in found.usual[:3]] != [0.5, 5.5, 10.5], "they are shuffled"
