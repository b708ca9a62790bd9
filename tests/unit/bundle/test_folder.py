"""A bundle on disk is all of one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report.samples import card, promote, validation

from slipway.bundle import folder as folders
from slipway.bundle.document import Bundle, Plan
from slipway.errors import InputError, OutsideError
from slipway.report.review import ModelReview
from slipway.trained import Trained

HEAD = "5e" * 20
FOUND = Bundle.of(ModelReview(model="iris", report=promote()), pull_request=7, head=HEAD)
FAILED = Bundle.of(ModelReview(model="iris", error="no data"), pull_request=7, head=HEAD)
PLAN = Plan(pull_request=7, head=HEAD, models=("iris",))


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_bundle_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    folders.write(tmp_path, FOUND, Trained(card=card(), onnx=b"onnx"))
    assert files(tmp_path) == ["iris/bundle.json", "iris/challenger/model.json", "iris/challenger/model.onnx"]
    assert Bundle.from_json((tmp_path / "iris" / "bundle.json").read_bytes(), "it") == FOUND
    folders.write(tmp_path, FAILED, None)
    assert files(tmp_path) == ["iris/bundle.json"]
    assert Bundle.from_json((tmp_path / "iris" / "bundle.json").read_bytes(), "it") == FAILED


def test_equal_bundles_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folders.write(tmp_path / name, FOUND, None)
    assert (tmp_path / "a/iris/bundle.json").read_bytes() == (tmp_path / "b/iris/bundle.json").read_bytes()


def test_a_model_may_be_called_plan(tmp_path: Path) -> None:
    folders.write_plan(tmp_path, PLAN)
    folders.write(tmp_path, FAILED.model_copy(update={"model": "plan"}), None)
    folders.write_plan(tmp_path, PLAN)
    assert files(tmp_path) == ["plan/bundle.json", "plan/plan.json"]


def test_what_is_too_large_is_told_where_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match=r"has [\d,]+ bytes; 1,000 can be handed on"):
        folders.write(tmp_path, FOUND, None)
    assert not files(tmp_path)


def test_what_would_be_rejected_is_told_where_it_was_made(tmp_path: Path) -> None:
    report = promote(validation=validation(ignored=dict.fromkeys(map(str, range(10_001)), "dropped")))
    bundle = Bundle.of(ModelReview(model="iris", report=report), pull_request=7, head=HEAD)
    with pytest.raises(InputError, match="cannot be handed on: ignored has 10,001 entries"):
        folders.write(tmp_path, bundle, None)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "iris").write_text("a file")
    with pytest.raises(OutsideError, match="cannot be written"):
        folders.write(tmp_path, FAILED, None)


def test_a_number_that_is_none_deep_inside_is_not_handed_on(tmp_path: Path) -> None:
    report = promote(card=card().model_copy(update={"cv_score": float("nan")}))
    bundle = Bundle.of(ModelReview(model="iris", report=report), pull_request=7, head=HEAD)
    with pytest.raises(InputError, match=r"cannot be handed on.*cv_score"):
        folders.write(tmp_path, bundle, None)
