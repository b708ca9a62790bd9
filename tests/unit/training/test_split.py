from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slipway.training.faults import DataError
from slipway.training.recipe import DataTable
from slipway.training.split import Bools, Rule, holdout_rows, row_hashes, rule

Row = tuple[int | None, str | None, float | None]

ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**40), 2**40)),
        st.one_of(st.none(), st.text(max_size=4)),
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    ),
    min_size=1,
    max_size=12,
)
HALF = DataTable(path="a.csv", holdout=0.5)


def table(rows: list[Row]) -> pa.Table:
    number, text, real = zip(*rows, strict=True)
    types = (pa.int64(), pa.string(), pa.float64())
    arrays = [pa.array(values, kind) for values, kind in zip((number, text, real), types, strict=True)]
    return pa.table(dict(zip(("number", "text", "real"), arrays, strict=True)))


def big(rows: int = 20_000) -> pa.Table:
    draw = np.random.default_rng(5)
    return pa.table({
        "id": draw.integers(0, rows // 10, rows),
        "x": draw.normal(size=rows),
        "colour": pa.array(draw.choice(["red", "green", ""], rows)),
    })  # fmt: skip


def held_out(data: pa.Table, options: DataTable) -> Bools:
    return holdout_rows(data, rule(data, options, "target"))


def sides(data: pa.Table, options: DataTable) -> list[bool] | None:
    try:
        return [bool(side) for side in held_out(data, options)]
    except DataError:
        return None


@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_no_row_moves_when_others_come_or_go(rows: list[Row], more: list[Row], draw: random.Random) -> None:
    grown = [*rows, *more]
    draw.shuffle(grown)
    before, after = sides(table(rows), HALF), sides(table(grown), HALF)
    assume(before is not None)
    assume(after is not None)
    side_of = dict(zip(map(repr, grown), after or (), strict=True))
    assert [side_of[repr(row)] for row in rows] == before


@given(ROWS)
def test_columns_order_and_whole_numbers_as_floats_do_not_matter(rows: list[Row]) -> None:
    data = table(rows)
    columns = data.column_names
    wide = data.set_column(0, "number", data.column("number").cast(pa.float64()))
    pieces = pa.concat_tables([data.slice(start, 3) for start in range(0, len(rows), 3)])
    dictionary = data.set_column(1, "text", data.column("text").combine_chunks().dictionary_encode().cast(pa.string()))
    for same in (data.select(columns[::-1]), wide, pieces, dictionary):
        assert row_hashes(same, same.column_names).tolist() == row_hashes(data, columns).tolist()


def test_zero_has_one_sign_and_a_moment_one_unit() -> None:
    zeros = pa.table({"x": [0.0, -0.0]})
    assert len(set(row_hashes(zeros, ["x"]).tolist())) == 1
    day = dt.date(2026, 1, 31)
    as_day = row_hashes(pa.table({"d": [day]}), ["d"])
    as_moment = row_hashes(pa.table({"d": pa.array([day]).cast(pa.timestamp("ms"))}), ["d"])
    assert as_day.tolist() == as_moment.tolist()


def test_the_same_value_in_another_column_is_another_row() -> None:
    data = pa.table({"a": [1, 2], "b": [2, 1]})
    first, second = row_hashes(data, ["a", "b"]).tolist()
    assert first != second


def test_hashes_never_change() -> None:
    """A changed hash would put rows that champions have trained on into the holdout."""
    data = table([(1, "a", 0.5), (None, None, None), (-7, "é", 1e300)])
    assert row_hashes(data, data.column_names).tolist() == FROZEN


FROZEN = [11_706_854_100_053_500_686, 17_040_399_510_223_765_156, 1_809_206_583_033_131_864]


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.8])
def test_the_holdout_has_about_its_share(share: float) -> None:
    data = big()
    mask = held_out(data, DataTable(path="a.csv", holdout=share))
    spread = (share * (1 - share) / data.num_rows) ** 0.5
    assert abs(mask.mean() - share) < 5 * spread


def test_a_larger_holdout_keeps_the_rows_of_the_smaller() -> None:
    data = big(2000)
    masks = [held_out(data, DataTable(path="a.csv", holdout=share)) for share in (0.1, 0.2, 0.5)]
    assert all(np.all(larger[smaller]) for smaller, larger in pairwise(masks))


def test_rows_of_a_split_key_stay_together() -> None:
    data = big()
    mask = held_out(data, DataTable(path="a.csv", holdout=0.3, split_key=("id",)))
    ids = data.column("id").to_numpy()
    assert not set(ids[mask]) & set(ids[~mask])
    assert 0.25 < mask.mean() < 0.35


def test_a_date_splits_by_the_newest_and_ties_stay_together() -> None:
    days = [dt.date(2026, 1, day) for day in (5, 1, 4, 4, 2, 3, 4, 1)]
    mask = held_out(pa.table({"d": days}), DataTable(path="a.csv", holdout=0.25, split_time="d"))
    assert [day.day for day, held in zip(days, mask, strict=True) if held] == [5]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"d": ["x", "y"]}, {"split_time": "d"}, "holds string, not dates"),
        ({"d": [dt.date(2026, 1, 1), None]}, {"split_time": "d"}, "has 1 missing dates"),
        ({"d": [dt.date(2026, 1, 1)] * 3}, {"split_time": "d"}, "100% of the rows would be held out"),
        ({"k": [1, 1, 1]}, {"split_key": ("k",)}, "of 3 rows"),
        ({"k": [1, None, None]}, {"split_key": ("k",)}, "has 2 missing values"),
    ],
)
def test_a_split_that_cannot_be_is_told(
    data: dict[str, list[object]], options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        held_out(pa.table(data), DataTable.model_validate({"path": "a.csv", **options}))


def test_a_corrected_label_moves_no_row() -> None:
    data = big(2000)
    first = held_out(data.append_column("target", pa.array(["a"] * 2000)), DataTable(path="a.csv"))
    second = held_out(data.append_column("target", pa.array(["b"] * 2000)), DataTable(path="a.csv"))
    assert np.array_equal(first, second)


def test_later_data_can_be_split_as_earlier_ones_were() -> None:
    """What a model's card keeps tells which rows of any later table it was not trained on."""
    data = big(2000)
    earlier = rule(data, DataTable(path="a.csv", holdout=0.3), "target")
    grown = data.append_column("new", pa.array(range(2000)))
    before, after = earlier.rows(data), earlier.rows(grown)
    assert before is not None
    assert after is not None
    assert np.array_equal(before, after)
    assert earlier.rows(data.drop_columns(["x"])) is None
    day = Rule(columns=("d",), share=0.25, newest_from=0)
    assert day.rows(pa.table({"d": ["not", "dates"]})) is None
