"""A challenger that is not what slipway exports is never loaded."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tests.hostile_bundles import HEAD, MODELS, NUMBER, Honest

from slipway.bundle import graph, read
from slipway.bundle.rejected import Rejected
from slipway.report.review import ModelReview

EXPECTED = read.Expected(pull_request=NUMBER, head=HEAD)
_ALONE = ("many-messages",)


@pytest.mark.parametrize("attack", sorted(set(MODELS) - set(_ALONE)))
def test_a_hostile_model_is_told_apart(attack: str, honest: Honest) -> None:
    """Here in this process, which has no other guard than the checks themselves."""
    found = list(graph.faults(MODELS[attack].make(honest.trained.onnx), honest.trained.card))
    assert found
    with pytest.raises(Rejected, match=MODELS[attack].says):
        raise Rejected(f"slipway exports {found[0]}")


@pytest.mark.parametrize("attack", ["many-messages", "external-data", "deep"])
def test_a_hostile_model_is_rejected_with_a_card_that_names_it(attack: str, honest: Honest) -> None:
    onnx = MODELS[attack].make(honest.trained.onnx)
    card = honest.trained.card.model_copy(
        update={"onnx_sha256": hashlib.sha256(onnx).hexdigest(), "onnx_bytes": len(onnx)}
    )
    bundle = honest.bundle
    assert bundle.report is not None
    bundle = bundle.model_copy(update={"report": bundle.report.model_copy(update={"card": card})})
    with pytest.raises(Rejected, match=MODELS[attack].says) as caught:
        read.challenger({"model.onnx": onnx, "model.json": card.to_json()}, bundle)
    assert caught.value.what.startswith("model.onnx")


def test_an_honest_model_is_taken(honest: Honest) -> None:
    assert read.challenger(honest.challenger_files, honest.bundle) == honest.trained


def test_a_model_is_the_one_that_the_report_tells_of(honest: Honest) -> None:
    files = honest.challenger_files
    other = honest.trained.card.model_copy(update={"key": "ab" * 32})
    without = replace(honest.report, card=None, comparison=None, trials=())
    for changed, bundle, says in (
        ({**files, "model.onnx": files["model.onnx"] + b"x"}, honest.bundle, "not the file that its card names"),
        ({**files, "model.json": other.to_json()}, honest.bundle, "not the one in the report"),
        ({**files, "model.json": b"{}"}, honest.bundle, r"model\.json: model: Field required"),
        ({"model.json": files["model.json"]}, honest.bundle, r"there is no model\.onnx"),
        ({}, honest.bundle, r"there is no model\.json"),
        (files, honest.bundle.of(ModelReview(model="toy", report=without), pull_request=7, head=HEAD), "no challenger"),
        (files, honest.bundle.of(ModelReview(model="toy", error="e"), pull_request=7, head=HEAD), "no challenger"),
    ):
        with pytest.raises(Rejected, match=says):
            read.challenger(changed, bundle)
