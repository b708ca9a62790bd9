"""What watches the served models: rules, monitors and the dashboard, held to what the models really tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from seldon_core import metrics as seldon
from seldon_core.utils import json_to_feedback
from tests.conftest import SOURCE
from tests.manifests.commands import Command
from tests.manifests.promql import DASHBOARD, MONITORING, all_rules, metrics_of, panels, queries, rules
from tests.unit.serving.test_metrics import TOY, answer, by_bin, card, needs_promtool, number, promtool

from slipway.serving.metrics import Metrics
from slipway.validation.change import stability_index


def psi_cases(seed: int) -> Iterator[tuple[float, str]]:
    rng = np.random.default_rng(seed)
    for width, kind in zip(rng.normal(2, 1, 500), rng.integers(0, 4, 500), strict=True):
        yield (np.nan if width < 0 else float(width), "abc "[kind].strip())


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


# ---- what the manifests say


def built(folder: str, *components: str, namespace: str = "") -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send of a folder, with components, in a namespace that a folder around it sets."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    with tempfile.TemporaryDirectory(dir=MONITORING) as around:
        own = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../{folder}"],
            "components": [f"../components/{name}" for name in components],
            **({"namespace": namespace} if namespace else {}),
        }
        (Path(around) / "kustomization.yaml").write_text(yaml.safe_dump(own))
        done = subprocess.run([program, "kustomize", around], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def test_a_namespace_of_models_gets_its_own_monitors_and_rules() -> None:
    found = built("models", namespace="models-staging")
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        ("PodMonitor", "models-staging"), ("PodMonitor", "models-staging"), ("PrometheusRule", "models-staging")
    ]  # fmt: skip
    assert found[2]["spec"] == rules()


def test_monitors_stay_in_their_namespace_and_say_which_model_a_pod_is_of() -> None:
    """As OpenShift's user workload monitoring has it: no other namespaces, and labels that no model tells itself."""
    told = Metrics(TOY).text()[0]
    for monitor in built("models", namespace="models-staging")[:2]:
        assert "namespaceSelector" not in monitor["spec"]
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert endpoint["path"] == "/metrics"
            assert "honorLabels" not in endpoint
            (label,) = [relabeling["targetLabel"] for relabeling in endpoint["relabelings"]]
            assert label == "served_model"
            assert f"{label}=" not in told


def test_the_dashboard_is_handed_over_as_it_is() -> None:
    (found,) = built("dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["data"] == {DASHBOARD.name: DASHBOARD.read_text()}
    named, asked = built("dashboard", "grafana-operator", namespace="grafana")
    reference = {"name": named["metadata"]["name"], "key": DASHBOARD.name}
    assert asked["spec"]["configMapRef"] == reference
    assert named["metadata"]["namespace"] == asked["metadata"]["namespace"] == "grafana"


def test_user_workload_monitoring_is_turned_on_where_openshift_reads_it() -> None:
    found = built("dashboard", "user-workload-monitoring")
    (switch,) = [one for one in found if one["metadata"]["name"] == "cluster-monitoring-config"]
    assert switch["metadata"]["namespace"] == "openshift-monitoring"
    assert yaml.safe_load(switch["data"]["config.yaml"]) == {"enableUserWorkload": True}


def test_each_alert_says_how_bad_it_is_and_what_to_do_next() -> None:
    lines = (MONITORING / "README.md").read_text().splitlines()
    headings = {line.removeprefix("### ").lower() for line in lines if line.startswith("### ")}
    for alert in (rule for rule in all_rules() if "alert" in rule):
        notes = alert["annotations"]
        assert notes.keys() == {"summary", "description", "runbook"}
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert "`slipway " in notes["description"]
        file, _, anchor = notes["runbook"].partition("#")
        assert (SOURCE / file).is_file()
        assert anchor == alert["alert"].lower()
        assert anchor in headings


def test_the_commands_that_alerts_name_are_slipways() -> None:
    texts = [text for rule in all_rules() for text in rule.get("annotations", {}).values()]
    texts.append((MONITORING / "README.md").read_text())
    named = {tuple(command.split()) for text in texts for command in re.findall(r"`slipway ([^`]+)`", text)}
    assert named
    for line in named:
        plain = " ".join(line).replace("{{ $labels.deployment_name }}", "toy").replace("MODEL", "toy")
        Command(where=plain, words=("slipway", *plain.replace("URL", "http://toy").split())).parse()


def test_the_feedback_that_the_readme_shows_is_seldons() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (MONITORING / "README.md").read_text(), re.DOTALL)
    told = json_to_feedback(json.loads(shown))
    assert told.request.data.ndarray
    assert told.truth.data.ndarray[0] == "versicolor"


# ---- what the dashboard asks


def test_panels_have_a_place_and_a_number_of_their_own() -> None:
    assert [panel["id"] for panel in panels()] == list(range(1, len(panels()) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert {target["refId"] for panel in panels() for target in panel.get("targets", ())} <= set("ABCDEF")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (a, b) (rate(x_total{c=~"d|e", f="g and h"}[5m])) > 0 or vector(0)', {"x_total"}),
        ("a:b - ignoring (c) d:e offset 1d and on (f) group_left () max_over_time(g[6h])", {"a:b", "d:e", "g"}),
        ('label_replace(up{x!=""}, "y", "$1", "z", "(.+)") == 0 unless time() - m > 90 * 86400', {"up", "m"}),
        ("histogram_quantile(0.99, sum by (le) (rate(s_bucket[5m]))) * 1e3", {"s_bucket"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert metrics_of(expression) == names


def test_the_dashboard_asks_for_what_rules_record_or_models_tell() -> None:
    recorded = {rule["record"] for rule in all_rules() if "record" in rule}
    for query in queries().values():
        for name in metrics_of(query):
            assert name in recorded or name.startswith(("slipway_", "seldon_api_"))
