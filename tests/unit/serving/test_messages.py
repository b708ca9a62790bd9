"""Seldon's messages are read in all their forms, and answered as seldon-core itself would."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from seldon_core.proto import prediction_pb2
from seldon_core.utils import construct_response, construct_response_json, json_to_seldon_message

from slipway.serving.messages import Form, Speaker, read
from slipway.serving.protobuf import read_proto, to_proto
from slipway.serving.rows import Refused

KEY = "k" * 64
PREDICTION = np.array([[0.25, 0.75], [1.0, 0.0]], dtype=np.float32)
CLASSES = Speaker(key=KEY, outputs=("low", "high"), classes=("low", "high"), path={})
NUMBERS = Speaker(key=KEY, outputs=("price",), classes=(), path={})
NDARRAY = {"data": {"names": ["a", "b"], "ndarray": [[1, "x"], [None, "y"]]}}
TENSOR = {"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [1, 2, 3, 4]}}}
RECORDS = {"jsonData": [{"a": 1, "b": "x"}, {"b": "y", "a": None}]}
META = {"meta": {"puid": "p1", "tags": {"key": "not this", "asked": 1}, "requestPath": {"node": "image"}}}


class Wrapped:
    """What seldon-core's own answers are made from."""

    def class_names(self) -> list[str]:
        return ["low", "high"]

    def tags(self) -> dict[str, Any]:
        return {"key": KEY, "labels": ["high", "low"]}


def plain(message: Any) -> Any:
    return json.loads(json.dumps(message))


@pytest.mark.parametrize("document", [NDARRAY, TENSOR, NDARRAY | META, TENSOR | META, NDARRAY | {"meta": {}}])
def test_the_answer_is_the_one_that_seldon_core_makes(document: dict[str, Any]) -> None:
    asked = read(document)
    meta = plain(document.get("meta", {}))
    theirs = construct_response_json(Wrapped(), False, document, PREDICTION, meta)  # noqa: FBT003
    assert plain(CLASSES.answer(asked, PREDICTION)) == plain(theirs)


@pytest.mark.parametrize("document", [NDARRAY, TENSOR, NDARRAY | META, TENSOR | META])
def test_the_protocol_buffer_is_the_one_that_seldon_core_makes(document: dict[str, Any]) -> None:
    message = json_to_seldon_message(document)
    asked = read_proto(message)
    meta = plain(document.get("meta", {}))
    theirs = construct_response(Wrapped(), False, message, PREDICTION, meta)  # noqa: FBT003
    ours = to_proto(asked, CLASSES.answer(asked, PREDICTION))
    assert json_format.MessageToDict(ours) == json_format.MessageToDict(theirs)


@pytest.mark.parametrize("document", [NDARRAY, TENSOR, RECORDS, RECORDS | META, {"jsonData": {"a": 1.5, "b": "x"}}])
def test_a_protocol_buffer_asks_what_its_json_asks(document: dict[str, Any]) -> None:
    asked, other = read(document), read_proto(json_to_seldon_message(document))
    assert (other.form, sorted(map(str, other.names))) == (asked.form, sorted(map(str, asked.names)))  # type: ignore[call-overload]
    if document.get("data"):
        assert other.rows == asked.rows


def test_records_are_rows_by_name_and_answered_as_records() -> None:
    asked = read(RECORDS)
    assert (asked.names, asked.rows) == (["a", "b"], [[1, "x"], [None, "y"]])
    assert CLASSES.answer(asked, PREDICTION) == {
        "jsonData": [
            {"prediction": "high", "probabilities": {"low": 0.25, "high": 0.75}},
            {"prediction": "low", "probabilities": {"low": 1.0, "high": 0.0}},
        ],
        "meta": {"tags": {"key": KEY}},
    }
    one = read({"jsonData": {"a": 1, "b": "x"}})
    assert one.form is Form.RECORD
    assert CLASSES.answer(one, PREDICTION[:1])["jsonData"]["prediction"] == "high"
    assert NUMBERS.answer(one, np.array([[2.5]], dtype=np.float32))["jsonData"] == {"prediction": 2.5}


def test_numbers_have_no_labels() -> None:
    answer = NUMBERS.answer(read(NDARRAY), np.array([[1.5], [2.5]], dtype=np.float32))
    assert answer == {"data": {"names": ("price",), "ndarray": [[1.5], [2.5]]}, "meta": {"tags": {"key": KEY}}}


def test_the_image_that_answers_is_told_where_the_operator_tells_it() -> None:
    speaker = Speaker(key=KEY, outputs=("price",), classes=(), path={"model": "image@sha256:…"})
    answer = speaker.answer(read(NDARRAY | META), np.array([[1.5]], dtype=np.float32))
    assert answer["meta"]["requestPath"] == {"model": "image@sha256:…", "node": "image"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the request is no object"),
        (5, "the request is no object"),
        (None, "the request is no object"),
        ({}, "the request has no data"),
        ({"data": []}, "the request has no data"),
        ({"data": {}}, "the request has no data"),
        ({"data": NDARRAY["data"] | TENSOR["data"]}, "more than one kind"),
        ({"strData": "x"}, "the request has no data"),
        ({"data": {"tensor": {"shape": [3, 2], "values": [1]}}}, "data.tensor must hold values"),
        ({"data": {"tensor": {"shape": [-1, -1], "values": [1]}}}, "data.tensor must hold values"),
        ({"data": {"tensor": 5}}, "data.tensor must hold values"),
        ({"jsonData": []}, "jsonData must be an object"),
        ({"jsonData": {}}, "jsonData must be an object"),
        ({"jsonData": [{}]}, "jsonData must be an object"),
        ({"jsonData": "x"}, "jsonData must be an object"),
        ({"jsonData": [{"a": 1}, {"b": 1}]}, "row 2 has other fields than row 1: 'a', 'b'"),
        (NDARRAY | RECORDS, "more than one kind of data: 'data', 'jsonData'"),
        (NDARRAY | {"strData": "x"}, "more than one kind of data: 'data', 'strData'"),
        (RECORDS | {"binData": "eA=="}, "more than one kind of data"),
        (NDARRAY | {"meta": []}, "meta must be an object"),
        (NDARRAY | {"meta": 0}, "meta must be an object"),
        (NDARRAY | {"meta": {"tags": 5}}, "meta.tags must be an object"),
        (NDARRAY | {"meta": {"puid": 5}}, "meta.puid must be a text"),
    ],
)
def test_what_is_no_message_is_refused_by_name(document: Any, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(document)


def test_what_is_null_is_no_kind_of_data() -> None:
    assert read(NDARRAY | {"jsonData": None}) == read(NDARRAY)
    assert read(RECORDS | {"data": None}) == read(RECORDS)


@pytest.mark.parametrize("depth", range(245, 260))
def test_what_is_nested_is_refused_before_it_cannot_be_written(depth: int) -> None:
    tags: Any = "x"
    for _ in range(depth):
        tags = [tags]
    try:
        asked = read(NDARRAY | {"meta": {"tags": {"x": tags}}})
    except Refused:
        assert depth > 250
        return
    assert orjson.dumps(CLASSES.answer(asked, PREDICTION))


@pytest.mark.parametrize("document", [{}, {"strData": "x"}, {"binData": "eA=="}, {"data": {"names": ["a"]}}])
def test_a_protocol_buffer_without_rows_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="data"):
        read_proto(json_to_seldon_message(document))


@given(st.binary(max_size=200))
def test_any_bytes_that_are_a_protocol_buffer_are_read_or_refused(content: bytes) -> None:
    message = prediction_pb2.SeldonMessage()
    try:
        message.ParseFromString(content)
    except Exception:  # noqa: BLE001  gRPC refuses these itself
        return
    try:
        read_proto(message)
    except Refused:
        return
