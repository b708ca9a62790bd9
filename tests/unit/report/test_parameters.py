from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.report import parameters

from . import samples


def test_shares_are_of_each_family_apart_largest_first() -> None:
    found = parameters.importances(samples.promote(trials=samples.trials(120)))
    assert set(found) == {"random_forest", "xgboost"}
    assert set(found["xgboost"]) == {"learning_rate", "max_depth", "subsample"}
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert next(iter(found["xgboost"])) == "learning_rate"


def test_equal_trials_give_equal_shares() -> None:
    assert parameters.importances(samples.promote()) == parameters.importances(samples.promote())


def test_a_family_that_cannot_be_judged_is_left_out() -> None:
    trials = samples.trials()
    flat = tuple(replace(t, score=0.1) if t.score is not None else t for t in trials)
    outside = tuple(replace(t, params=dict.fromkeys(t.params, 10000)) for t in trials)
    for case in ((), trials[:10], flat, outside):
        assert parameters.importances(samples.promote(trials=case)) == {}
