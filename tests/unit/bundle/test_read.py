"""A bundle is what it says, or it is rejected in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.hostile_bundles import DOCUMENTS, HEAD, NUMBER, Honest, review

from slipway.bundle import read
from slipway.bundle.rejected import Rejected
from slipway.errors import ExitCode
from slipway.results import ModelCard

EXPECTED = read.Expected(pull_request=NUMBER, head=HEAD)


def is_one_sentence(error: Rejected) -> bool:
    return len(error.what) <= 200 and error.what.isprintable() and bool(error.hint)


def test_an_honest_bundle_is_what_was_found(honest: Honest) -> None:
    found = read.bundle(honest.bundle_files, "toy", EXPECTED)
    assert found.review(HEAD).report == honest.report


def test_an_honest_regression_is_what_was_found(tmp_path: Any) -> None:
    honest = review(tmp_path, regression=True)
    found = read.bundle(honest.bundle_files, "toy", EXPECTED)
    assert found.review(HEAD).report == honest.report
    assert read.challenger(honest.challenger_files, found) == honest.trained
    for lie in ({"counts": [1]}, {"edges": [9.0, 1.0]}, {"mae": -1.0}, {"mae": None}, {"probabilities": [1.0]}):
        document = json.loads(honest.bundle.to_json())
        document["report"]["card"]["predictions"].update(lie)
        with pytest.raises(Rejected, match="on the holdout that it cannot have given"):
            read.bundle({"bundle.json": json.dumps(document).encode()}, "toy", EXPECTED)


def test_a_card_of_an_older_version_is_read_and_written_as_it_was(honest: Honest) -> None:
    """Its bytes are part of the image that is built of it."""
    old = honest.trained.card.to_json().partition(b',\n  "predictions": ')[0] + b"\n}\n"
    assert ModelCard.from_json(old, "model.json").to_json() == old
    document = json.loads(honest.bundle.to_json())
    document["report"]["card"] = json.loads(old)
    found = read.bundle({"bundle.json": json.dumps(document).encode()}, "toy", EXPECTED)
    assert read.challenger({**honest.challenger_files, "model.json": old}, found).card.predictions is None


def test_an_honest_plan_is_what_was_planned(honest: Honest) -> None:
    assert read.plan({"plan.json": honest.plan.to_json()}, EXPECTED) == honest.plan


@pytest.mark.parametrize("attack", sorted(DOCUMENTS))
def test_a_dishonest_bundle_is_rejected(attack: str, honest: Honest) -> None:
    document = DOCUMENTS[attack].make(json.loads(honest.bundle.to_json()))
    with pytest.raises(Rejected, match=DOCUMENTS[attack].says) as caught:
        read.bundle({"bundle.json": json.dumps(document).encode()}, "toy", EXPECTED)
    assert is_one_sentence(caught.value)
    assert caught.value.exit_code is ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model": "toy", "model": "toy"}',
        b'{"report": {"trials": [' + b"{}," * 1_400_000 + b"{}]}}",
        b'{"report": {"trials": [' + b"{}," * 90_000 + b"{}]}}",
        b'{"report": {"comparison": {"importances": [' + b"{}," * 9_000 + b"{}]}}}",
        b'{"report": {"validation": {"checks": [' + b'{"examples": [0,0,0,0,0,0,0,0,0,0,0,0]},' * 4_000 + b"{}]}}}",
        b'{"report": ' * 500 + b"1" + b"}" * 500,
        b'{"a":' * 100_000,
        b"[0" + b",0" * 4_000_000 + b"]",
        b'{"model": "\\ud800"}',
        b"1" * 5_000,
    ],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_what_is_no_bundle_is_rejected(content: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read.bundle({"bundle.json": content}, "toy", EXPECTED)
    assert is_one_sentence(caught.value)


def test_nothing_is_rejected_as_nothing() -> None:
    with pytest.raises(Rejected, match=r"there is no bundle\.json"):
        read.bundle({}, "toy", EXPECTED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pull_request": 8},
        {"head": "ab" * 20},
        {"models": ["toy", "toy"]},
        {"models": ["../x"]},
        {"refused": 7},
    ],
    ids=str,
)
def test_a_wrong_plan_is_rejected(wrong: dict[str, Any], honest: Honest) -> None:
    document = {**json.loads(honest.plan.to_json()), **wrong}
    with pytest.raises(Rejected) as caught:
        read.plan({"plan.json": json.dumps(document).encode()}, EXPECTED)
    assert is_one_sentence(caught.value)
