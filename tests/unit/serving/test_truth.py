"""Feedback tells how right a model is: in each form that it comes in, of each model's own answers, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seldon_core.proto import prediction_pb2
from seldon_core.utils import json_to_feedback
from tests.served import NAMES, VALUES, make
from tests.unit.serving.test_metrics import samples

from slipway.serving.flask import feedback
from slipway.serving.model import Model
from slipway.serving.rows import Refused
from slipway.serving.truth import judge

TASKS = ("classification", "regression")
ROWS: list[list[Any]] = [VALUES, [None] * len(VALUES)]
REQUEST = {"data": {"names": NAMES, "ndarray": ROWS}}
RECORDS = {"jsonData": [dict(zip(NAMES, row, strict=True)) for row in ROWS]}
Make = Callable[[Any], Any]
_read: Make = feedback(json_to_feedback)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Model]]:
    """One that tells classes, and one that tells numbers."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for task in TASKS:
            folder = tmp_path_factory.mktemp(task)
            made = make(task, folder)
            (folder / "model.onnx").write_bytes(made.onnx)
            (folder / "model.json").write_bytes(made.card.to_json())
            patch.setenv("SLIPWAY_MODEL_DIR", str(folder))
            found[task] = Model()
        yield found


def response(model: Model, request: Any = REQUEST) -> Any:
    return json.loads(model.reply(json.dumps(request).encode()))


def said(model: Model) -> list[Any]:
    """What it says of the two rows: classes, or numbers."""
    answer = response(model)
    return answer["meta"]["tags"].get("labels") or [row[0] for row in answer["data"]["ndarray"]]


def of_data(values: list[Any]) -> Any:
    return {"data": {"ndarray": values}}


FORMS: dict[str, Make] = {
    "flat": of_data,
    "nested": lambda values: of_data([[value] for value in values]),
    "records": lambda values: {"jsonData": [{"prediction": value} for value in values]},
    "plain": lambda values: {"jsonData": values},
}
ABOUT: dict[str, Callable[[Model], Any]] = {
    "request": lambda _: {"request": REQUEST},
    "records-asked": lambda _: {"request": RECORDS},
    "response": lambda model: {"response": response(model)},
    "records-answered": lambda model: {
        "response": response(model, RECORDS)
    },
    "both": lambda _: {"request": REQUEST, "response": {"meta": {"tags": {"key": "another"}}, "strData": "x"}},
}  # fmt: skip


@pytest.mark.parametrize("about", ABOUT)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", TASKS)
def test_each_form_of_truth_is_compared_with_each_form_of_what_it_is_about(
    task: str, form: str, about: str, models: dict[str, Model]
) -> None:
    model = models[task]
    first, second = said(model)
    truth = [first, second + 2.5 if task == "regression" else {"low": "high", "high": "low"}[second]]
    found = judge(_read({"truth": FORMS[form](truth), **ABOUT[about](model)}), model)
    assert (found.rows, found.unused) == (2, 0)
    assert found.measured == pytest.approx(2.5 if task == "regression" else 1)


def test_truth_of_another_models_answer_is_told_apart(models: dict[str, Model]) -> None:
    answered = response(models["classification"])
    answered["meta"]["tags"]["key"] = "ab" * 32
    found = judge(_read({"truth": of_data(["low", "high"]), "response": answered}), models["classification"])
    assert (found.rows, found.unused) == (0, 2)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown-class": ("classification", {"truth": of_data(["low", "huge"])}, "2 of the truth is none of the classes"),
    "null": ("classification", {"truth": of_data(["low", None])}, "row 2 of the truth"),
    "list": ("classification", {"truth": of_data(["low", ["low", "high"]])}, "row 2 of the truth"),
    "object": ("classification", {"truth": of_data([{}, {"prediction": {"prediction": "low"}}])}, "row 1 of the truth"),
    "too-few": ("classification", {"truth": of_data(["low"])}, "truth has 1 values for 2 rows"),
    "too-many": ("regression", {"truth": of_data([1] * 100_000)}, "truth has 100000 values for 2 rows"),
    "huge": ("regression", {"truth": {"data": {"tensor": {"shape": [10**9], "values": [1]}}}}, "1 values for 2 rows"),
    "text": ("regression", {"truth": of_data([1, "2"])}, "row 2 of the truth must be a finite number"),
    "truth-value": ("regression", {"truth": of_data([1, True])}, "row 2 of the truth must be a finite number"),
    "nan": ("regression", {"truth": {"data": {"tensor": {"values": [1, "NaN"]}}}}, "row 2 of the truth must be"),
    "infinite": ("regression", {"truth": {"data": {"tensor": {"values": ["Infinity", 1]}}}}, "row 1 of the truth must"),
    "overflowing": ("regression", {"truth": of_data([1e308, 1])}, "row 1 of the truth must be a finite number"),
    "bytes": ("regression", {"truth": {"binData": "AAAA"}}, "the truth has no values"),
    "nothing-in-it": ("regression", {"truth": {"data": {}}}, "the truth has no values"),
    "no-rows": ("regression", {"truth": of_data([])}, "truth has 0 values for 2 rows"),
    "bad-request": ("regression", {"truth": of_data([1]), "request": of_data([[1]])}, "row 1 has 1 values"),
    "about-nothing": ("regression", {"truth": of_data([1]), "request": {}}, "says nothing without the request"),
    "keyless": ("regression", {"truth": of_data([1]), "request": {}, "response": of_data([1])}, "does not say by meta"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_truth_that_is_none_is_refused_and_nothing_is_counted(case: str, models: dict[str, Model]) -> None:
    task, document, why = REFUSED[case]
    model = models[task]
    before = model.recorder.text()
    with pytest.raises(Refused, match=why):
        model.send_feedback_raw(_read({"request": REQUEST, "reward": 0.5, **document}))
    assert model.recorder.text() == before


@pytest.mark.parametrize("tags", [{}, {"labels": "low"}, {"labels": ["low", "huge"]}, {"labels": None}])
def test_a_response_that_names_no_classes_is_refused(tags: dict[str, Any], models: dict[str, Model]) -> None:
    model = models["classification"]
    answered = response(model)
    answered["meta"]["tags"] = {"key": model.speaker.key, **tags}
    with pytest.raises(Refused, match="response"):
        judge(_read({"truth": of_data(["low", "high"]), "response": answered}), model)


_VALUE = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.sampled_from(["low", "high"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["prediction", "x"]), inner),
    max_leaves=6,
)
_MESSAGE = st.one_of(
    st.builds(lambda values: {"data": {"ndarray": values}}, st.lists(_VALUE, max_size=3)),
    st.builds(lambda value: {"jsonData": value}, _VALUE),
    st.builds(lambda tags, value: {"meta": {"tags": tags}, "jsonData": value},
              st.dictionaries(st.sampled_from(["key", "labels"]), _VALUE), _VALUE),
    st.builds(lambda text: {"strData": text}, st.text(max_size=5)),
    st.just(REQUEST),
)  # fmt: skip


@given(
    st.sampled_from(TASKS),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("truth", "request", "response"), _MESSAGE)),
)
@settings(max_examples=150)
def test_whatever_is_sent_is_counted_or_refused(models: dict[str, Model], task: str, document: dict[str, Any]) -> None:
    try:
        found = judge(_read(document), models[task])
    except Refused:
        return
    assert math.isfinite(found.measured)
    assert found.rows + found.unused > 0 or "truth" not in document


def test_what_is_true_adds_up_beside_the_holdouts(models: dict[str, Model]) -> None:
    for task, model in models.items():
        name, metric = ("right", "accuracy") if task == "classification" else ("absolute_error", "mae")
        before = samples(model.recorder.text()[0])
        model.send_feedback_raw(_read({"request": REQUEST, "truth": of_data(said(model)), "reward": 1}))
        model.send_feedback_raw(prediction_pb2.Feedback(reward=0))
        found = samples(model.recorder.text()[0])
        none: frozenset[tuple[str, str]] = frozenset()
        assert found["slipway_labels_total", none] - before["slipway_labels_total", none] == 2
        right = found[f"slipway_labels_{name}_total", none] - before[f"slipway_labels_{name}_total", none]
        assert right == pytest.approx(2 if task == "classification" else 0, abs=1e-5)
        assert found["slipway_labels_unused_total", none] == 0
        told = found["slipway_label_reference", frozenset({("metric", metric)})]
        assert told == model.card["predictions"][metric]
        assert 0 < told < 3


def test_the_reference_is_the_holdouts(models: dict[str, Model]) -> None:
    for task, model in models.items():
        found = samples(model.recorder.text()[0])
        shares = [value for (name, _), value in found.items() if name == "slipway_prediction_reference_ratio"]
        assert sum(shares) == pytest.approx(1)
        assert len(shares) == (2 if task == "classification" else 10)
        assert found["slipway_prediction_reference_rows", frozenset()] == model.card["holdout_rows"]
