"""Whatever protocol a served model is asked in, it is the same model that answers."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from prometheus_client.parser import text_string_to_metric_families
from seldon_core.metadata import validate_model_metadata
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from seldon_core.utils import json_to_feedback, json_to_seldon_message, seldon_message_to_json
from tests.served import NAMES, ROW, VALUES, make

from slipway.adapters.server import Running, serve
from slipway.challenger import Challenger
from slipway.delivery.source_image import source

PREDICT = "/api/v1.0/predictions"
SHOWN = 1.0
"""Seconds until what a process counted is seen by the others."""


@dataclass(frozen=True, kw_only=True)
class Served:
    made: Challenger
    running: Running
    model: prediction_pb2_grpc.SeldonStub

    def asked(self, path: str, document: Any = None, *, kind: str = "application/json") -> tuple[int, bytes]:
        body = document if document is None or isinstance(document, bytes) else json.dumps(document).encode()
        request = urllib.request.Request(self.running.url + path, data=body, headers={"Content-Type": kind})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path: str, document: Any = None) -> Any:
        status, body = self.asked(path, document)
        assert status == 200, body
        return json.loads(body)

    def row(self) -> list[float]:
        """The answer to the row that all tests send."""
        (row,) = self.json(PREDICT, {"data": {"names": NAMES, "ndarray": [VALUES]}})["data"]["ndarray"]
        return list(row)

    def metrics(self, address: str | None = None) -> dict[str, list[tuple[dict[str, str], float]]]:
        with urllib.request.urlopen(address or f"{self.running.url}/metrics", timeout=30) as answer:  # noqa: S310
            text = answer.read().decode()
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found


@pytest.fixture(scope="module", params=["classification", "regression"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = make(request.param, tmp_path_factory.mktemp("repository"))
    with (
        serve(source(made.card, made.onnx)) as running,
        grpc.insecure_channel(running.grpc) as channel,
    ):
        yield Served(made=made, running=running, model=prediction_pb2_grpc.SeldonStub(channel))


one_is_enough = pytest.mark.parametrize("served", ["classification"], indirect=True)


def prediction(served: Served) -> Any:
    """What a record's answer says is predicted."""
    row = served.row()
    return served.made.card.classes[row.index(max(row))] if served.made.card.classes else row[0]


@pytest.mark.parametrize("path", [PREDICT, "/api/v0.1/predictions", "/predict"])
def test_a_record_is_answered_by_a_record(served: Served, path: str) -> None:
    answer = served.json(path, {"jsonData": ROW})
    assert answer["meta"] == {"tags": {"key": served.made.card.key}}
    assert answer["jsonData"]["prediction"] == prediction(served)
    if served.made.card.classes:
        assert list(answer["jsonData"]["probabilities"].values()) == served.row()
    two = served.json(path, {"jsonData": [ROW, ROW]})
    assert two["jsonData"] == [answer["jsonData"]] * 2


def test_classes_have_labels_beside_their_probabilities(served: Served) -> None:
    tags = served.json(PREDICT, {"data": {"names": NAMES, "ndarray": [VALUES, VALUES]}})["meta"]["tags"]
    assert tags == {"key": served.made.card.key} | (
        {"labels": [prediction(served)] * 2} if served.made.card.classes else {}
    )


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"names": NAMES, "ndarray": [VALUES]}},
        {"data": {"names": NAMES, "tensor": {"shape": [1, 5], "values": [7.5, 3, 1, 0, 1067]}}},
        {"jsonData": ROW},
    ],
)
def test_grpc_answers_as_rest_does(served: Served, document: Any) -> None:
    if "tensor" in document.get("data", {}):  # a protocol buffer's tensor holds numbers alone
        document["data"]["names"] = ["width", "count", "flag", "kind", "zip"]
    answer = seldon_message_to_json(served.model.Predict(json_to_seldon_message(document)))
    assert answer == json.loads(json.dumps(served.json(PREDICT, document)), parse_int=float)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"strData": "x"}, "the request has no data"),
        ({"data": {"names": NAMES[1:], "ndarray": [VALUES[1:]]}}, "columns are missing: 'width'"),
        ({"data": {"names": NAMES, "ndarray": [["x", *VALUES[1:]]]}}, "row 1: column 'width' must be a number"),
    ],
)
@one_is_enough
def test_grpc_refuses_by_name(served: Served, document: Any, said: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        served.model.Predict(json_to_seldon_message(document))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.value.details()


def test_the_metadata_hold_the_signature(served: Served) -> None:
    card, found = served.made.card, served.json("/metadata")
    assert validate_model_metadata(found) == found
    assert (found["name"], found["versions"], found["custom"]["key"]) == ("toy", [card.key], card.key)
    (inputs,) = found["inputs"]
    assert inputs["schema"]["names"] == [*card.numeric, *card.categorical]
    assert found["outputs"][0]["schema"]["names"] == list(card.classes or (card.target,))
    with grpc.insecure_channel(served.running.grpc) as channel:
        assert prediction_pb2_grpc.ModelStub(channel).Metadata(empty_pb2.Empty()).versions == [card.key]


def test_the_health_is_the_models_own(served: Served) -> None:
    assert served.asked("/health") == served.asked("/health/ping") == (200, b"pong")
    status = served.json("/health/status")
    assert (status["strData"], status["meta"]["tags"]) == (served.made.card.key, {"key": served.made.card.key})


def v2(**columns: Any) -> dict[str, Any]:
    return {
        "id": "seven",
        "inputs": [
            {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
            for name, value in (ROW | columns).items()
        ],
    }


@pytest.mark.parametrize(
    "path", ["/v2/models/toy/infer", "/v2/models/model/infer", "/v2/models/toy/versions/{key}/infer"]
)
def test_the_open_inference_protocol_is_spoken(served: Served, path: str) -> None:
    card = served.made.card
    answer = served.json(path.format(key=card.key), v2())
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("toy", card.key, "seven")
    assert answer["parameters"]["key"] == card.key
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert outputs["prediction"] == [prediction(served)]
    if card.classes:
        assert outputs["probabilities"] == served.row()
    about = served.json("/v2/models/toy")
    assert [tensor["name"] for tensor in about["inputs"]] == [*card.numeric, *card.categorical]
    assert {tensor["name"] for tensor in about["outputs"]} == set(outputs)


@one_is_enough
def test_the_open_inference_protocol_refuses_in_its_own_words(served: Served) -> None:
    status, body = served.asked("/v2/models/toy/infer", v2(width="x"))
    assert status == 400
    assert json.loads(body) == {"error": "row 1: column 'width' must be a number or null, not \"x\""}
    assert served.json("/v2/health/ready") == {"ready": True}
    assert served.json("/v2/models/toy/ready") == {"ready": True}
    assert served.asked("/v2/models/other/infer", v2())[0] == 404


@one_is_enough
def test_a_number_that_is_none_is_a_missing_one(served: Served) -> None:
    body = json.dumps({"data": {"names": NAMES, "ndarray": [[float("nan"), *VALUES[1:]]]}}).encode()
    assert b"NaN" in body
    null = served.json(PREDICT, {"data": {"names": NAMES, "ndarray": [[None, *VALUES[1:]]]}})
    assert json.loads(served.asked(PREDICT, body)[1]) == null


@one_is_enough
@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        (PREDICT, "application/x-www-form-urlencoded", b"json={body}"),
        (f"{PREDICT}?json={{body}}", "text/plain", b""),
        ("/predict?json={body}", "", None),
    ],
)
def test_the_wrappers_older_forms_are_answered(served: Served, path: str, kind: str, body: bytes | None) -> None:
    asked = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES]}})
    quoted = urllib.parse.quote(asked)
    sent = body if body is None else body.replace(b"{body}", quoted.encode())
    status, answer = served.asked(path.replace("{body}", quoted), sent, kind=kind)
    assert status == 200, answer
    assert json.loads(answer)["data"]["ndarray"] == [served.row()]


@one_is_enough
@pytest.mark.parametrize("path", ["/nothing", "/transform-input", "/aggregate", "/route", "/../etc/passwd"])
def test_what_a_model_has_not_is_not_found(served: Served, path: str) -> None:
    status, body = served.asked(path, {"data": {"ndarray": [[1]]}})
    assert status == 404
    assert "ask POST /api/v1.0/predictions" in json.loads(body)["status"]["info"]


@one_is_enough
def test_a_request_that_is_too_long_is_refused(served: Served) -> None:
    status, body = served.asked(PREDICT, b"[" + b" " * (33 * 2**20) + b"]")
    assert status == 413
    assert "send fewer rows" in json.loads(body)["status"]["info"]


@one_is_enough
def test_small_requests_do_not_wait_for_a_large_one(served: Served) -> None:
    large = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES] * 300_000}}).encode()
    done: list[float] = []
    began = time.monotonic()
    thread = threading.Thread(target=lambda: done.append(served.asked(PREDICT, large)[0] * 1.0))
    thread.start()
    slowest, asked = 0.0, 0
    connection = http.client.HTTPConnection(served.running.url.removeprefix("http://"), timeout=30)
    while thread.is_alive():
        before = time.monotonic()
        connection.request("GET", "/health/ping")
        assert connection.getresponse().read() == b"pong"
        slowest, asked = max(slowest, time.monotonic() - before), asked + 1
    connection.close()
    thread.join()
    assert done == [200.0]
    assert asked > 3
    assert slowest < 0.7 * (time.monotonic() - began)


def test_what_was_asked_is_counted_in_all_protocols(served: Served) -> None:
    def counted() -> dict[tuple[str, str], float]:
        found = served.metrics(served.running.metrics)["slipway_requests_total"]
        return {(labels["transport"], labels["code"]): value for labels, value in found}

    time.sleep(2 * SHOWN)
    before = counted()
    served.json(PREDICT, {"jsonData": ROW})
    served.asked(PREDICT, {"jsonData": {}})
    served.json("/v2/models/toy/infer", v2())
    served.model.Predict(json_to_seldon_message({"jsonData": ROW}))
    for form, status in ((json.dumps({"jsonData": ROW}), 200), ("{}", 400)):
        found, _ = served.asked("/predict", f"json={form}".encode(), kind="application/x-www-form-urlencoded")
        assert found == status
    served.json("/api/v1.0/feedback", {"reward": 0})
    for path, status in (("/nothing", 404), ("/api/v1.0/feedback?", 400), ("/health/ping", 200), (PREDICT, 404)):
        assert served.asked(path, *([b"["] if status == 400 else ()))[0] == status
    expected = {("rest", "200"): 2, ("rest", "400"): 2, ("rest", "404"): 1, ("v2", "200"): 1, ("grpc", "200"): 1}
    expected |= {("feedback", "200"): 1, ("feedback", "400"): 1, ("other", "200"): 1, ("other", "404"): 1}
    time.sleep(2 * SHOWN)
    more = {at: value - before.get(at, 0) for at, value in counted().items() if value != before.get(at, 0)}
    assert more == expected
    assert served.metrics().keys() <= served.metrics(served.running.metrics).keys()


@one_is_enough
def test_feedback_is_counted(served: Served) -> None:
    served.json("/api/v1.0/feedback", {"reward": 0.5})
    served.model.SendFeedback(prediction_pb2.Feedback(reward=0.25))
    found = served.metrics(served.running.metrics)
    assert found["seldon_api_model_feedback_total"][0][1] == 2
    assert found["seldon_api_model_feedback_reward_total"][0][1] == 0.75


@one_is_enough
def test_what_was_true_is_counted_in_both_protocols_or_refused_in_its_terms(served: Served) -> None:
    def counted(name: str) -> float:
        return served.metrics(served.running.metrics)[name][0][1]

    labels, rewards = counted("slipway_labels_total"), counted("seldon_api_model_feedback_total")
    request = {"data": {"names": NAMES, "ndarray": [VALUES]}}
    label = "high" if served.made.card.classes else 7.25
    good = {"request": request, "truth": {"data": {"ndarray": [label]}}}
    bad = {"request": request, "truth": {"data": {"ndarray": [label, label]}}, "reward": 1.0}
    served.json("/api/v1.0/feedback", good)
    served.model.SendFeedback(json_to_feedback(good))
    status, body = served.asked("/api/v1.0/feedback", bad)
    assert (status, "truth has 2 values for 1 rows" in json.loads(body)["status"]["info"]) == (400, True)
    with pytest.raises(grpc.RpcError) as refused:
        served.model.SendFeedback(json_to_feedback(bad))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "truth has 2 values for 1 rows" in refused.value.details()
    assert counted("slipway_labels_total") - labels == 2
    assert counted("seldon_api_model_feedback_total") == rewards
