"""Each alert fires when it should and at no other time: on what several models in two namespaces tell at once."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.manifests.promql import all_rules, rules
from tests.unit.serving.test_metrics import needs_promtool, promtool

MINUTES = 80
"""How long pods live, in most cases."""
TRAFFIC_AT, DRIFT_AT = 40, 76
"""When it is looked which alerts fire."""
ALERTS = 'ALERTS{alertstate="firing"}'
Series = dict[str, str]
"""The values of each, in promtool's own notation, a minute each: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod of a model: how many requests a minute it answers, and how."""

    namespace: str = "models-production"
    name: str = "iris"
    predictor: str = "default"
    key: str = "3fa9"
    ok: float = 60
    failed: float = 0
    refused: float = 0
    slow: float = 0
    """Answers a minute that take a second; the others take ten milliseconds."""
    minutes: int = MINUTES
    """After which it is gone."""

    @property
    def labels(self) -> Mapping[str, str]:
        pod = f"{self.name}-{self.predictor}-{self.key}"
        own = {"deployment_name": self.name, "predictor_name": self.predictor}
        return {"namespace": self.namespace, **own, "pod": pod, "instance": "10.0.0.1:9000"}

    def tells(self, name: str, value: float, **labels: str) -> Series:
        """A counter that grows by so much a minute."""
        return self._told(name, f"0+{value}x{self.minutes}", labels)

    def holds(self, name: str, value: float, **labels: str) -> Series:
        """A gauge."""
        return self._told(name, f"{value}x{self.minutes}", labels)

    def _told(self, name: str, values: str, labels: Mapping[str, str]) -> Series:
        pairs = ",".join(f'{key}="{text}"' for key, text in {**self.labels, **labels}.items())
        return {f"{name}{{{pairs}}}": f"{values} stale"}

    @property
    def series(self) -> Series:
        codes = {"200": self.ok, "400": self.refused, "500": self.failed}
        found: dict[str, str] = {}
        for code, value in codes.items():
            found |= self.tells("slipway_requests_total", value, transport="rest", code=code)
        found |= self.tells("slipway_requests_total", 1000, transport="other", code="500")
        every = sum(codes.values())
        for bound, value in (("0.01", every - self.slow), ("0.5", every - self.slow), ("1", every), ("+Inf", every)):
            found |= self.tells("slipway_request_seconds_bucket", value, le=bound)
        return found | self.holds("slipway_model_info", 1, model=self.name, key=self.key)


def up(value: int, *, name: str = "iris", namespace: str = "models-production") -> Series:
    return {f'up{{namespace="{namespace}",served_model="{name}",pod="p"}}': f"{value}x{MINUTES}"}


def told(*pods: Pod) -> Series:
    return {name: values for pod in pods for name, values in pod.series.items()}


def counts(pod: Pod, now: Sequence[float], *, rows: int, before: Sequence[float] = (0.25,) * 4) -> Series:
    """A feature's bins: shares of so many training rows, and live rows a minute."""
    found = pod.holds("slipway_reference_rows", rows)
    for place, (share, value) in enumerate(zip(before, now, strict=True)):
        labels = {"feature": "width", "bin": f"b{place}"}
        found |= pod.holds("slipway_feature_reference_ratio", share, **labels)
        found |= pod.tells("slipway_feature_total", value, **labels)
    return {**pod.series, **found}


def answers(pod: Pod, now: Sequence[float], *, rows: int, metric: str, label: str) -> Series:
    found = pod.holds("slipway_prediction_reference_rows", rows)
    for place, value in enumerate(now):
        labels = {label: f"b{place}"}
        found |= pod.holds("slipway_prediction_reference_ratio", 1 / len(now), **labels)
        found |= pod.tells(metric, value, **labels)
    return {**pod.series, **found}


def fires(name: str, namespace: str = "models-production", model: str = "iris", **labels: str) -> str:
    severity = {"SlipwayModelDown": "critical", "SlipwayErrorRate": "critical", "SlipwayModelStale": "info"}
    own = {"alertname": name, "alertstate": "firing", "deployment_name": model, "namespace": namespace}
    pairs = {**own, "severity": severity.get(name, "warning"), **labels}
    return "ALERTS{" + ", ".join(f'{key}="{pairs[key]}"' for key in sorted(pairs)) + "}"


QUIET = Pod(ok=0)
CANARY = Pod(predictor="canary", key="91bb", ok=6)
STAGING = Pod(namespace="models-staging")
TRAFFIC: dict[str, tuple[Series, Sequence[str]]] = {
    "no data": ({}, []),
    "all is well": ({**up(1), **told(Pod(), CANARY, STAGING, Pod(name="toy"))}, []),
    "nobody asks": ({**up(1), **told(QUIET, Pod(predictor="canary", key="91bb", ok=0))}, []),
    # ---- down
    "down from the start": (up(0), [fires("SlipwayModelDown")]),
    "down, and its namesake is not": (
        {**up(0), **up(1, namespace="models-staging"), **told(STAGING)}, [fires("SlipwayModelDown")]
    ),
    "gone while it was asked": (told(Pod(minutes=20), STAGING), [fires("SlipwayModelDown")]),
    "gone a minute ago": (told(Pod(minutes=TRAFFIC_AT - 2)), []),
    "retired when nobody asked": (told(Pod(ok=0, minutes=20)), []),
    "canary is gone": (told(Pod(), Pod(predictor="canary", key="91bb", minutes=20)), []),
    "canary is all that is left": (told(Pod(minutes=20), CANARY), [fires("SlipwayModelDown")]),
    # ---- errors
    "one in fifty fails": (told(Pod(failed=1.2), STAGING), [fires("SlipwayErrorRate", predictor_name="default")]),
    "one in two hundred fails": (told(Pod(failed=0.3)), []),
    "all fail, but there are few": (told(Pod(ok=0, failed=0.1)), []),
    "a quiet model fails": (told(Pod(ok=0, failed=0.2)), [fires("SlipwayErrorRate", predictor_name="default")]),
    "of two pods one fails": (
        told(Pod(), Pod(key="3fb0", failed=3, ok=30)), [fires("SlipwayErrorRate", predictor_name="default")]
    ),
    "one in three is refused": (
        told(Pod(refused=30)), [fires("SlipwayRequestsRefused", predictor_name="default")]
    ),
    "one in ten is refused": (told(Pod(refused=6)), []),
    "all are refused, but there are few": (told(Pod(ok=0, refused=0.5)), []),
    # ---- latency
    "one in twenty is slow": (told(Pod(slow=3)), [fires("SlipwayLatencyP99", predictor_name="default")]),
    "one in five hundred is slow": (told(Pod(slow=0.1)), []),
    "slow, but there are few": (told(Pod(ok=6, slow=3)), []),
    # ---- canary
    "canary fails": (
        told(Pod(), Pod(predictor="canary", key="91bb", ok=5, failed=1), STAGING, Pod(name="toy", failed=0.3)),
        [fires("SlipwayCanaryWorse", reason="answers"), fires("SlipwayErrorRate", predictor_name="canary")],
    ),
    "canary refuses what the default answers": (
        told(Pod(), Pod(predictor="canary", key="91bb", ok=5.4, refused=0.6)),
        [fires("SlipwayCanaryWorse", reason="answers")],
    ),
    "both refuse as much": (told(Pod(refused=6), Pod(predictor="canary", key="91bb", ok=6, refused=0.6)), []),
    "canary fails, but was hardly asked": (told(Pod(), Pod(predictor="canary", key="91bb", ok=1, refused=0.15)), []),
    "another model's canary is better than this default": (
        told(Pod(refused=6), Pod(name="toy"), Pod(name="toy", predictor="canary", refused=1)), []
    ),
    "another namespace's default is better than this canary": (
        told(Pod(refused=6), STAGING, Pod(predictor="canary", key="91bb", ok=12, refused=1.4)), []
    ),
    "canary is slow": (
        told(Pod(), Pod(predictor="canary", key="91bb", ok=12, slow=3), STAGING),
        [fires("SlipwayCanaryWorse", reason="latency"), fires("SlipwayLatencyP99", predictor_name="canary")],
    ),
    "both are slow": (
        told(Pod(slow=10), Pod(predictor="canary", key="91bb", ok=12, slow=3)),
        [fires("SlipwayLatencyP99", predictor_name=name) for name in ("canary", "default")],
    ),
    "canary is slow, but was hardly asked": (told(Pod(), Pod(predictor="canary", key="91bb", ok=6, slow=3)), []),
    "canary without a default": (told(Pod(predictor="canary", ok=30, refused=3)), []),
}  # fmt: skip
DRIFT: dict[str, tuple[Series, Sequence[str]]] = {
    "no data": ({}, []),
    "a feature is elsewhere": (
        {**counts(QUIET, (60, 0, 0, 0), rows=1000), **counts(STAGING, (15, 15, 15, 15), rows=1000)},
        [fires("SlipwayFeatureDrift", feature="width", predictor_name="default")],
    ),
    "a feature is where it was": (counts(QUIET, (15, 15, 16, 15), rows=1000), []),
    "a feature moved a little": (counts(QUIET, (22, 15, 15, 9), rows=1000), []),
    "a feature moved, but there are few rows": (counts(QUIET, (0.3, 0, 0, 0), rows=1000), []),
    "a feature moved no more than chance explains": (counts(QUIET, (0.3, 0.1, 0.05, 0.1), rows=40), []),
    "a feature of the canary alone": (counts(Pod(predictor="canary", ok=0), (60, 0, 0, 0), rows=1000), []),
    "a feature that was somewhere else on a pod that is gone": (
        {**counts(Pod(ok=0, key="0001", minutes=20), (900, 0, 0, 0), rows=1000),
         **counts(QUIET, (15, 15, 15, 15), rows=1000)}, []
    ),
    "a feature that was never seen": (counts(QUIET, (0, 0, 0, 0), rows=1000), []),
    "a feature with one bin": (counts(QUIET, (60,), rows=1000, before=(1,)), []),
    "a feature in a bin that training never filled": (
        counts(QUIET, (0, 60), rows=1000, before=(1, 0)),
        [fires("SlipwayFeatureDrift", feature="width", predictor_name="default")],
    ),
    "another class is likelier": (
        answers(QUIET, (50, 5, 5), rows=500, metric="slipway_probability_total", label="class"),
        [fires("SlipwayPredictionDrift", predictor_name="default")],
    ),
    "classes are as likely": (
        answers(QUIET, (20, 18, 22), rows=500, metric="slipway_probability_total", label="class"), []
    ),
    "other numbers are predicted": (
        answers(QUIET, (5, 5, 50), rows=500, metric="slipway_prediction_bin_total", label="bin"),
        [fires("SlipwayPredictionDrift", predictor_name="default")],
    ),
    "other numbers, but few": (
        answers(QUIET, (0, 0, 0.3), rows=500, metric="slipway_prediction_bin_total", label="bin"), []
    ),
}  # fmt: skip


def ran(place: Path, tests: list[dict[str, Any]], *, groups: Sequence[str] = (), every: str = "1m") -> None:
    """Hold the rules to these tests; only some groups of them, if any are named."""
    kept = [group for group in rules()["groups"] if not groups or group["name"] in groups]
    assert len(kept) == len(groups) or not groups
    (place / "rules.yml").write_text(yaml.safe_dump({"groups": kept}))
    case = {"rule_files": ["rules.yml"], "evaluation_interval": every, "tests": tests}
    (place / "test.yml").write_text(yaml.safe_dump(case))
    done: subprocess.CompletedProcess[str] = promtool("test", "rules", "test.yml", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr


def inputs(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def case_of(case: tuple[Series, Sequence[str]], at: int) -> list[dict[str, Any]]:
    series, expected = case
    wanted = [{"labels": labels, "value": 1} for labels in expected]
    asked = {"expr": ALERTS, "eval_time": f"{at}m", "exp_samples": wanted}
    return [{"interval": "1m", "input_series": inputs(series), "promql_expr_test": [asked]}]


@needs_promtool
@pytest.mark.parametrize("case", TRAFFIC)
def test_traffic_fires_these_alerts_and_no_other(case: str, tmp_path: Path) -> None:
    ran(tmp_path, case_of(TRAFFIC[case], TRAFFIC_AT), groups=["slipway-traffic"])


@needs_promtool
@pytest.mark.parametrize("case", DRIFT)
def test_drift_fires_these_alerts_and_no_other(case: str, tmp_path: Path) -> None:
    ran(tmp_path, case_of(DRIFT[case], DRIFT_AT), groups=["slipway-drift"], every="4m")


@needs_promtool
def test_all_groups_together_fire_no_more(tmp_path: Path) -> None:
    ran(tmp_path, case_of(({**TRAFFIC["all is well"][0], **DRIFT["a feature is where it was"][0]}, []), DRIFT_AT))


@needs_promtool
def test_an_alert_ends_when_what_it_tells_is_mended(tmp_path: Path) -> None:
    pod = Pod()
    failed = {name: values for name, values in Pod(failed=60).series.items() if 'code="500"' in name}
    mended = {name: "0+60x20 1200x40" for name in failed if 'transport="rest"' in name}
    asked = [
        {"expr": f"count({ALERTS}) or vector(0)", "eval_time": at, "exp_samples": [{"labels": "{}", "value": value}]}
        for at, value in (("15m", 1), ("20m", 1), ("27m", 0))
    ]
    ran(
        tmp_path,
        [{"interval": "1m", "input_series": inputs(pod.series | mended), "promql_expr_test": asked}],
        groups=["slipway-traffic"],
    )


@needs_promtool
def test_a_models_age_is_carried_on_over_pods_and_gaps_and_begins_anew_with_a_key(tmp_path: Path) -> None:
    """In steps of half an hour: a new pod of the same key after 20 days, a gap of 12 hours, another key after 91."""
    day = 48
    label = 'namespace="models-production",deployment_name="iris",predictor_name="default"'
    series = {
        f'slipway_model_info{{{label},key="a",pod="1"}}': f"1x{20 * day}",
        f'slipway_model_info{{{label},key="a",pod="2"}}': f"_x{20 * day} 1x{20 * day} _x23 1x{52 * day}",
        f'slipway_model_info{{{label},key="b",pod="3"}}': f"_x{92 * day} 1x{3 * day}",
    }
    stale = [{"labels": fires("SlipwayModelStale"), "value": 1}]
    age = "slipway:model_age:seconds / 86400"
    asked = [
        {"expr": ALERTS, "eval_time": f"{89 * 24}h", "exp_samples": []},
        {"expr": ALERTS, "eval_time": f"{91 * 24}h", "exp_samples": stale},
        {"expr": ALERTS, "eval_time": f"{94 * 24}h", "exp_samples": []},
        {"expr": age, "eval_time": f"{91 * 24}h", "exp_samples": [{"labels": f'{{{label},key="a"}}', "value": 91}]},
        {"expr": 'count({key="a"})', "eval_time": f"{94 * 24}h", "exp_samples": []},
    ]
    tests = [{"interval": "30m", "input_series": inputs(series), "promql_expr_test": asked}]
    ran(tmp_path, tests, groups=["slipway-age"], every="30m")


def test_each_alert_is_fired_by_a_case() -> None:
    cases = [*TRAFFIC.values(), *DRIFT.values()]
    fired = {line.partition('alertname="')[2].partition('"')[0] for _, expected in cases for line in expected}
    assert fired | {"SlipwayModelStale"} == {rule["alert"] for rule in all_rules() if "alert" in rule}
