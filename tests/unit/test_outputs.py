"""What a command hands on: Tekton's files, and GitHub's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.errors import OutsideError
from slipway.outputs import Made, Outputs

DIGEST = f"sha256:{'a' * 64}"
IMAGE = Made.of(f"registry.example/iris@{DIGEST}", by_this_workflow=True)


def test_a_result_is_a_file_without_a_line_break_for_tekton(tmp_path: Path) -> None:
    outputs = Outputs.of({}, models=tmp_path / "models", image_url=tmp_path / "url", image_digest=tmp_path / "digest")
    for _ in range(2):  # a step that is tried again
        outputs.models(["iris", "fraud"])
        outputs.image(IMAGE)
    assert (tmp_path / "models").read_text() == '["iris", "fraud"]'
    assert (tmp_path / "url").read_text() == "registry.example/iris"
    assert (tmp_path / "digest").read_text() == DIGEST


def test_a_result_is_a_line_for_github_beside_those_of_earlier_steps(tmp_path: Path) -> None:
    environ = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    (tmp_path / "output").write_text("earlier=1\n")
    outputs = Outputs.of(environ)
    outputs.models([])
    outputs.image(IMAGE)
    outputs.summarize("# One\n")
    outputs.summarize("# Two\n")
    lines = (tmp_path / "output").read_text().splitlines()
    image = ["image-name=registry.example/iris", f"image-digest={DIGEST}", "image-by-this-workflow=true"]
    assert lines == ["earlier=1", "models=[]", *image]
    assert (tmp_path / "summary").read_text() == "# One\n# Two\n"


def test_images_are_a_matrix_for_github_and_a_type_hint_for_tekton_chains(tmp_path: Path) -> None:
    outputs = Outputs.of({"GITHUB_OUTPUT": str(tmp_path / "output")}, images=tmp_path / "images")
    other = Made.of(f"registry.example:5000/fraud@{DIGEST}")
    outputs.images([IMAGE, other])
    assert (tmp_path / "images").read_text() == (f"registry.example/iris@{DIGEST},registry.example:5000/fraud@{DIGEST}")
    name, _, array = (tmp_path / "output").read_text().partition("=")
    assert (name, json.loads(array)) == (
        "images",
        [
            {"name": "registry.example/iris", "digest": DIGEST, "by_this_workflow": True},
            {"name": "registry.example:5000/fraud", "digest": DIGEST, "by_this_workflow": False},
        ],
    )
    outputs.images([])
    assert (tmp_path / "images").read_text() == ""


def test_without_an_engine_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = Outputs.of({})
    outputs.models(["iris"])
    outputs.summarize("text")
    assert not list(tmp_path.iterdir())


def test_no_second_result_can_be_smuggled_into_one(tmp_path: Path) -> None:
    outputs = Outputs.of({"GITHUB_OUTPUT": str(tmp_path / "output")})
    with pytest.raises(ValueError, match="one line"):
        outputs.image(Made(name="registry.example/iris\nmodels=[]", digest=DIGEST, by_this_workflow=True))
    assert not (tmp_path / "output").exists()


def test_a_file_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be written"):
        Outputs.of({}, models=tmp_path).models([])
