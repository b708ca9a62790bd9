"""Which models a change affects, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.git import Git, WorkTree
from slipway.plan.change import Affected, Effect, of_change


def planned(repository: Git, base: str | None = "HEAD") -> Affected:
    (affected,) = of_change(WorkTree(root=repository.root), repository.commit(base) if base else None)
    return affected


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_nothing_changed(repository: Git) -> None:
    assert planned(repository).effect is Effect.NONE


@pytest.mark.parametrize(
    ("file", "old", "new", "effect", "reason"),
    [
        ("train.csv", "blue", "pink", Effect.RETRAIN, "train.csv changed"),
        ("model.toml", "trials = 4", "trials = 5", Effect.RETRAIN, "model.toml [search] changed"),
        ("model.toml", "[search]", "[gate]\nconfidence = 0.9\n[search]", Effect.JUDGE, "model.toml [gate] changed"),
        ("model.toml", "[search]", "[serving]\nreplicas = 3\n[search]", Effect.CONFIGURE, "[serving] changed"),
        ("expectations.json", "critical", "warning", Effect.JUDGE, "expectations.json changed"),
    ],
)
def test_each_change_has_its_effect(
    repository: Git, file: str, old: str, new: str, effect: Effect, reason: str
) -> None:
    replace(repository.root / "data/toy" / file, old, new)
    affected = planned(repository)
    assert affected.effect is effect
    assert reason in " ".join(affected.reasons)


def test_a_new_package_version_retrains(repository: Git) -> None:
    lock = repository.root / "uv.lock"
    text = lock.read_text()
    begin = text.index('name = "xgboost"\nversion = "') + len('name = "xgboost"\nversion = "')
    lock.write_text(text[:begin] + "99." + text[begin:])
    affected = planned(repository)
    assert affected.effect is Effect.RETRAIN
    assert "package xgboost" in affected.reasons[0]


def test_a_new_model_and_a_deleted_one(repository: Git) -> None:
    (repository.root / "data/toy").rename(repository.root / "data/other")
    found = of_change(WorkTree(root=repository.root), repository.commit("HEAD"))
    assert [(a.model, a.effect) for a in found] == [("other", Effect.RETRAIN), ("toy", Effect.RETIRE)]


def test_without_a_base_every_model_is_new(repository: Git) -> None:
    assert planned(repository, base=None).reasons == ("the model is new",)
