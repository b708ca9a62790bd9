"""What the generators write, and that the committed files are it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from slipway import samples
from slipway.errors import InputError
from slipway.samples import fraud

DATA = Path(__file__).parents[3] / "data"


@pytest.mark.parametrize("name", ["diabetes", "iris"])
def test_the_committed_csv_is_what_is_made(name: str, tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    samples.write(name, file)
    assert file.read_bytes() == (DATA / name / "train.csv").read_bytes()


def test_the_committed_transactions_are_what_is_made(tmp_path: Path) -> None:
    file = tmp_path / "made.parquet"
    samples.write("fraud", file)
    assert pq.read_table(file).equals(pq.read_table(DATA / "fraud" / "transactions.parquet"))


def test_the_committed_transactions_are_small() -> None:
    assert (DATA / "fraud" / "transactions.parquet").stat().st_size < 4e6


def test_how_rows_are_grouped_changes_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = 2 * fraud.BLOCK + 1_234
    whole = fraud.table(rows, seed=3)
    monkeypatch.setattr(fraud, "BLOCKS_A_GROUP", 1)
    file = tmp_path / "grouped.parquet"
    fraud.write(file, rows, seed=3)
    assert pq.ParquetFile(file).num_row_groups == 3
    assert pa.concat_tables([pq.read_table(file)]).equals(whole.combine_chunks().cast(pq.read_schema(file)))


def test_another_seed_gives_other_rows() -> None:
    assert not fraud.table(1_000, seed=1).equals(fraud.table(1_000, seed=2))


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("iris", 149, "iris has 150 rows"),
        ("diabetes", 1_000, "diabetes has 442 rows"),
        ("fraud", 10, "fraud comes in"),
        ("tulips", None, "there is no sample 'tulips'"),
    ],
)
def test_what_cannot_be_made_is_said(name: str, rows: int | None, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        samples.write(name, tmp_path / "x", rows)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def transactions() -> pa.Table:
    return pq.read_table(DATA / "fraud" / "transactions.parquet")


def _share(table: pa.Table, where: pc.Expression) -> float:
    return float(pc.mean(table.filter(where).column("is_fraud").cast(pa.int8())).as_py())


def test_fraud_is_rare(transactions: pa.Table) -> None:
    assert 0.006 < _share(transactions, pc.scalar(value=True)) < 0.01


def test_transactions_stand_in_the_order_of_their_time(transactions: pa.Table) -> None:
    moments = transactions.column("occurred_at").to_numpy()
    assert (moments[1:] >= moments[:-1]).all()
    assert 178 < (moments[-1] - moments[0]).astype("timedelta64[D]").astype(int) <= 180


def test_the_hour_is_that_of_the_time(transactions: pa.Table) -> None:
    assert transactions.column("hour").cast(pa.int64()).equals(pc.hour(transactions.column("occurred_at")))


def test_a_distance_is_missing_more_often_in_fraud(transactions: pa.Table) -> None:
    online = pc.field("channel") == "online"
    missing = {
        guilty: transactions.filter(online & (pc.field("is_fraud") == guilty)).column("distance_from_home_km")
        for guilty in (False, True)
    }
    shares = {guilty: column.null_count / len(column) for guilty, column in missing.items()}
    assert shares[True] > 2 * shares[False] > 0


def test_gift_cards_become_a_pattern_late(transactions: pa.Table) -> None:
    bought = (pc.field("merchant_category") == "gift_cards") & (pc.field("account_age_days") < 120)
    late = transactions.slice(75_000)
    assert _share(late, bought) > 5 * _share(transactions.slice(0, 50_000), bought)
