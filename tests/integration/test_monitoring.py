"""A real Prometheus scrapes real models: each rule, and each query of the dashboard, names what is there.

The rules are the ones that are shipped but for their times, which are cut from days to seconds. About 30 s.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from tests.manifests.promql import all_rules, choices, metrics_of, queries, rules
from tests.processes import HOST, ports, until
from tests.prometheus_server import Server, Target, needs_prometheus, prometheus
from tests.served import NAMES, make

from slipway.adapters.endpoint import PREDICT, Endpoint
from slipway.adapters.server import Running, serve
from slipway.delivery.source_image import source

pytestmark = needs_prometheus
NAMESPACE = "models-production"
SERVED = {
    ("toy", "default"): ("classification", ""),
    ("toy", "canary"): ("classification", "other"),
    ("price", "default"): ("regression", ""),
}
SECONDS = {"5m": "8s", "30m": "12s", "6h": "60s", "1d": "20s"}
"""How long each of the rules' windows is here."""
LONG = 15.0
"""Seconds of traffic before it is looked."""
FEEDBACK = "/api/v1.0/feedback"
NOT_OF = {
    "toy": {"Mean prediction, or mean confidence A", "Mean absolute error A", "Mean absolute error B"},
    "price": {
        "The canary's share A",
        "Likeliest classes A",
        "Mean prediction, or mean confidence B",
        "Accuracy A",
        "Accuracy B",
    },
}
"""Queries that have no answer of a model of the other kind, or without a canary."""


def asked(server: Running, path: str, document: object) -> int:
    with Endpoint(url=server.url).connect() as line:
        return line.ask("POST", path, json.dumps(document).encode()).status


def some_traffic(servers: Mapping[tuple[str, str], Running], draw: random.Random) -> None:
    """A row that is far from what training saw, one that is no row, and the truth about the first."""
    for (name, predictor), server in servers.items():
        row = [draw.uniform(9.5, 10), draw.randrange(9), True, "green", "01067"]
        request = {"data": {"names": NAMES, "ndarray": [row]}}
        truth = "high" if name == "toy" else 12.5
        assert asked(server, PREDICT, request) == 200
        feedback = {"request": request, "truth": {"data": {"ndarray": [truth]}}, "reward": 0.5}
        assert asked(server, FEEDBACK, feedback) == 200
        if predictor == "canary" or draw.random() < 0.4:
            assert asked(server, PREDICT, {"data": {"names": NAMES, "ndarray": [[1]]}}) == 400


def quick(text: str) -> str:
    """Rules whose windows are cut to seconds."""
    return re.sub(r"\[(\w+)\]", lambda window: f"[{SECONDS[window[1]]}]", text)


def quick_rules() -> str:
    groups = rules()["groups"]
    for group in groups:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule.pop("for", None)
            rule["expr"] = quick(rule["expr"])
    return yaml.safe_dump({"groups": groups})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has watched three servers for a while."""
    with ExitStack() as stack:
        servers = {}
        for (name, predictor), (task, data) in SERVED.items():
            made = make(task, tmp_path_factory.mktemp("repository"), data=data)
            environ = {"SELDON_DEPLOYMENT_ID": name, "PREDICTOR_ID": predictor, "PREDICTIVE_UNIT_ID": "model"}
            files = source(made.card, made.onnx)
            servers[name, predictor] = stack.enter_context(serve(files, environ=environ))
        targets = [
            Target(
                address=running.url.removeprefix("http://"),
                labels={"namespace": NAMESPACE, "served_model": name, "pod": f"{name}-{predictor}"},
            )
            for (name, predictor), running in servers.items()
        ]
        (nobody,) = ports(1)
        gone = {"namespace": NAMESPACE, "served_model": "gone", "pod": "gone-default"}
        targets.append(Target(address=f"{HOST}:{nobody}", labels=gone))
        work = tmp_path_factory.mktemp("prometheus")
        found = stack.enter_context(prometheus(work, targets, {"rules.yml": quick_rules()}))
        draw = random.Random(7)
        until(lambda: found.query("slipway_model_info"), 20)
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            some_traffic(servers, draw)
            time.sleep(0.05)
        yield found


def unknown(expression: str, names: set[str]) -> set[str]:
    """Metrics of an expression that nobody has ever told."""
    return metrics_of(expression) - names


def test_each_rule_is_evaluated_without_a_fault_and_gives_what_it_records(server: Server) -> None:
    assert {rule["health"] for rule in server.rules()} == {"ok"}, [rule.get("lastError") for rule in server.rules()]
    for rule in all_rules():
        assert not unknown(rule["expr"], server.names()), rule
        if "record" in rule:
            found = server.query(rule["record"])
            assert {labels["deployment_name"] for labels, _ in found} == {"toy", "price"}, rule["record"]
            assert {labels["namespace"] for labels, _ in found} == {NAMESPACE}


def test_each_choice_of_the_dashboard_has_something_to_choose(server: Server) -> None:
    for name, query in choices().items():
        series, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
        found = {labels.get(label) for labels in server.series(of_model(series, "toy"))}
        assert found, name
        assert None not in found, name


def of_model(query: str, model: str) -> str:
    plain = query.replace("$namespace", NAMESPACE).replace("$model", model).replace("$feature", "width")
    return quick(plain)


@pytest.mark.parametrize("model", ["toy", "price"])
def test_each_query_of_the_dashboard_is_answered(model: str, server: Server) -> None:
    names = server.names()
    for title, query in queries().items():
        assert not unknown(query, names), title
        found = server.query(of_model(query, model))
        assert bool(found) is (title not in NOT_OF[model]), title


def test_a_query_of_a_metric_that_nobody_tells_is_found_out(server: Server) -> None:
    """Each name in each expression is misspelt once."""
    names, misspelt = server.names(), 0
    for expression in [*queries().values(), *(rule["expr"] for rule in all_rules())]:
        for name in metrics_of(expression):
            wrong = re.sub(rf"(?<![\w:]){name}(?![\w:])", f"{name}s", expression)
            assert unknown(wrong, names) == {f"{name}s"}
            misspelt += 1
    assert misspelt > 100


def test_what_was_sent_is_what_is_seen(server: Server) -> None:
    """The rows were all at one end, and their callers sent some that were none: that much must be told."""

    def only(expression: str) -> float:
        ((_, value),) = server.query(expression)
        return value

    series = f'namespace="{NAMESPACE}",deployment_name="price",predictor_name="default"'
    assert only(f'slipway:feature_psi{{{series},feature="width"}}') > 1
    assert only(f'slipway_labels_total{{{series},pod="price-default"}}') > 20
    assert 0 < only(f"slipway_label_reference{{{series}}}") < 3
    assert only(f"sum(slipway:prediction_share:now{{{series}}})") == pytest.approx(1)
    assert only(f"sum(slipway:prediction_share:before{{{series}}})") == pytest.approx(1)
    assert len({labels["key"] for labels, _ in server.query('slipway_model_info{deployment_name="toy"}')}) == 2


def test_alerts_that_fire_say_something(server: Server) -> None:
    fired: dict[str, list[Any]] = {}
    for alert in server.alerts():
        assert alert["state"] == "firing"
        fired.setdefault(alert["labels"]["alertname"], []).append(alert)
        for text in alert["annotations"].values():
            assert "error expanding" not in text
            assert "<no value>" not in text
    assert {"SlipwayRequestsRefused", "SlipwayFeatureDrift", "SlipwayPredictionDrift"} <= fired.keys()
    assert not {"SlipwayErrorRate", "SlipwayModelStale"} & fired.keys()
    (down,) = fired["SlipwayModelDown"]
    assert down["labels"]["deployment_name"] == "gone"
    assert down["annotations"]["summary"] == f"gone in {NAMESPACE} does not answer"
