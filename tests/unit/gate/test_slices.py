"""Groups of the holdout."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from slipway.gate.intervals import Holdout
from slipway.gate.slices import LEAST_UNITS, MOST_GROUPS, groups, judge
from slipway.spec import GateTable
from slipway.training.recipe import MetricName


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["b", "a", "b", None], ["b", "(missing)", "a"]),
        ([True, False, True, True], ["true", "false"]),
        ([1, 2, 1, 1], ["1", "2"]),
        (list(range(100)), ["x ≤ 24.75", "24.75 < x ≤ 49.5", "49.5 < x ≤ 74.25", "74.25 < x"]),
    ],
)
def test_each_kind_of_column_has_its_groups(values: list[object], names: list[str]) -> None:
    found = list(groups(pa.table({"x": values}), ("x",)))
    assert [group.name for group in found] == names
    assert np.sum([group.rows for group in found], axis=0).tolist() == [1] * len(values)


def test_rare_values_share_a_group() -> None:
    values = [f"v{n}" for n in range(40)] * 2 + ["v0"]
    found = list(groups(pa.table({"x": values}), ("x",)))
    assert len(found) == MOST_GROUPS
    assert (found[0].name, found[-1].name) == ("v0", "(other)")
    assert sum(int(group.rows.sum()) for group in found) == len(values)


def losing(rows: int) -> Holdout:
    """A challenger that is worse in the first half of the rows and better in the second."""
    target = np.zeros(rows)
    step = np.where(np.arange(rows) < rows // 2, 1.0, -1.0)
    noise = np.random.default_rng(1).normal(size=rows) * 0.1
    return Holdout(target=target, champion=target + 3, challenger=target + 3 + step + noise, units=np.arange(rows))


def test_a_group_that_got_worse_is_found() -> None:
    half = ["old"] * 100 + ["new"] * 100
    rows = [
        judge(group, MetricName.MAE, losing(200), GateTable(max_slice_regression=0.5), among=2, seed=1)
        for group in groups(pa.table({"half": half}), ("half",))
    ]
    assert {row.group: row.regressed for row in rows} == {"old": True, "new": False}


def test_few_rows_are_shown_and_not_judged() -> None:
    holdout = losing(2 * LEAST_UNITS - 2)
    half = ["old"] * (LEAST_UNITS - 1) + ["new"] * (LEAST_UNITS - 1)
    for group in groups(pa.table({"half": half}), ("half",)):
        row = judge(group, MetricName.MAE, holdout, GateTable(max_slice_regression=0.0), among=2, seed=1)
        assert row.improvement is None
        assert not row.regressed


def test_many_groups_are_judged_more_carefully() -> None:
    group = next(iter(groups(pa.table({"x": ["a"] * 200}), ("x",))))
    wide, narrow = (
        judge(group, MetricName.MAE, losing(200), GateTable(), among=among, seed=1).improvement for among in (40, 1)
    )
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > narrow.high - narrow.low
