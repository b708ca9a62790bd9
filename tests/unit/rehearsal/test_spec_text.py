"""Other versions of a `model.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from slipway import spec
from slipway.rehearsal import spec_text

DATA = Path(__file__).parents[3] / "data"
MODELS = [(DATA / name / "model.toml").read_text(encoding="utf-8") for name in ("iris", "diabetes", "fraud")]
ODD = MODELS[0].replace("[search.random_forest]", '["search".random_forest]').replace("[gate]", "  [ gate ]  # mine")


@pytest.mark.parametrize("text", [*MODELS, ODD])
def test_the_first_day_has_a_smaller_search_and_nothing_else_changed(text: str) -> None:
    now = spec.parse(text.encode(), "model.toml")
    then = spec.parse(spec_text.before(text, now).encode(), "model.toml")
    assert then.search.trials < now.search.trials
    assert then.search.metric is now.search.metric
    assert then.model_copy(update={"search": now.search}) == now


@pytest.mark.parametrize("text", [*MODELS, ODD])
def test_a_lenient_gate_retrains_nothing(text: str) -> None:
    lenient = spec_text.lenient(text)
    spec.parse(lenient.encode(), "model.toml")
    before, after = tomllib.loads(text), tomllib.loads(lenient)
    assert after["gate"]["min_improvement"] < -1e8
    assert {**before, "gate": None} == {**after, "gate": None}


@pytest.mark.parametrize("text", [*MODELS, ODD])
def test_a_third_search_is_small_and_passes_any_gate(text: str) -> None:
    now = spec.parse(text.encode(), "model.toml")
    then = spec.parse(spec_text.another(text, now).encode(), "model.toml")
    assert then.search not in (now.search, spec.parse(spec_text.before(text, now).encode(), "model.toml").search)
    assert then.gate.min_improvement < -1e8
    assert then.model_copy(update={"search": now.search, "gate": now.gate}) == now


@pytest.mark.parametrize("text", [*MODELS, ODD, MODELS[0].replace("max_p99_ms = 25", "max_p99_ms = 2.5e1")])
def test_who_is_in_a_hurry_changes_no_key(text: str) -> None:
    now, then = (spec.parse(one.encode(), "model.toml") for one in (text, spec_text.hurried(text)))
    assert then.serving.canary_minutes < 1
    assert then.serving.canary_percent
    assert then.gate == now.gate.model_copy(update={"max_p99_ms": 1000})
    assert then.model_copy(update={"serving": now.serving, "gate": now.gate}) == now
