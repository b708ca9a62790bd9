"""What watches the served models: rules, monitors and the dashboard, held to what the models really tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from seldon_core import metrics as seldon
from tests.conftest import SOURCE
from tests.unit.serving.test_metrics import TOY, answer, by_bin, card, needs_promtool, number, promtool

from slipway.serving.metrics import Metrics
from slipway.validation.change import stability_index

MONITORING = SOURCE / "gitops" / "platform" / "monitoring"
RULES = MONITORING / "models" / "prometheus-rule.yaml"


def psi_cases(seed: int) -> Iterator[tuple[float, str]]:
    rng = np.random.default_rng(seed)
    for width, kind in zip(rng.normal(2, 1, 500), rng.integers(0, 4, 500), strict=True):
        yield (np.nan if width < 0 else float(width), "abc "[kind].strip())


def rules() -> dict[str, Any]:
    """The rules as Prometheus itself reads them."""
    found: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    return found


@needs_promtool
def test_the_rules_give_the_index_that_validation_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two pods that are live and one on trial, on the day on which a model with other bins was retired."""
    monkeypatch.setitem(seldon.DEFAULT_LABELS, "deployment_name", "toy")
    retired = card(number("width", [7], [9, 1]))
    pods = [("default", TOY), ("default", TOY), ("canary", TOY), ("default", retired)]
    now: dict[tuple[str, str], Any] = {}
    series = []
    for pod, (predictor, model) in enumerate(pods):
        monkeypatch.setitem(seldon.DEFAULT_LABELS, "predictor_name", predictor)
        toy = Metrics(model)
        answer(toy, *psi_cases(pod))
        for feature in ("width", "kind") if model is TOY else ():
            counts = np.array(list(by_bin(toy, feature).values()))
            now[predictor, feature] = counts + now.get((predictor, feature), 0)
        lines = [line.rpartition(" ") for line in toy.text()[0].splitlines() if not line.startswith("#")]
        for line, _, value in lines:
            later = "stale" if model is retired and ("reference" in line or "info" in line) else value
            series.append({"series": line.replace("{", f'{{pod="{pod}",', 1), "values": f"{value} {later}"})
    before = {"width": [3, 4, 2, 1], "kind": [5, 3, 0, 2]}
    expressions = []
    for (predictor, feature), counts in now.items():
        labels = f'{{deployment_name="toy", predictor_name="{predictor}", feature="{feature}"}}'
        rows = np.array(before[feature])
        index = stability_index(*(side[rows + counts > 0] for side in (rows, counts)))
        expected = {"labels": labels, "value": 1}
        expression = f"abs(slipway:feature_psi{labels} - {index}) < bool 1e-9"
        expressions.append({"expr": expression, "eval_time": "1m", "exp_samples": [expected]})
    case = {
        "rule_files": ["rules.yml"],
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": expressions}],
    }
    now_all = yaml.safe_dump(rules()).replace("increase(slipway_feature_total[1d])", "slipway_feature_total")
    (tmp_path / "rules.yml").write_text(now_all)
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    ran = promtool("test", "rules", "test.yml", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_the_rules_are_valid_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules()))
    checked = promtool("check", "rules", "rules.yml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
