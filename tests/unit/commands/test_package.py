"""`slipway package` and `slipway image`: what they print, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slipway import trained
from slipway.commands import package
from slipway.errors import ExitCode, InputError, OutsideError, StoreError
from slipway.workspace import Workspace

from ..delivery.test_source_image import CARD, ONNX  # noqa: TID252  tests are no package of their own

KEY = CARD.key
BUILDER = "127.0.0.1:9/builder@sha256:" + "0" * 64


@pytest.fixture
def stored(workspace: Workspace) -> Workspace:
    """A workspace whose store has the model of `KEY`, and of the working tree's key."""
    for key in (KEY, workspace.model("toy").key):
        card = CARD.model_copy(update={"key": key})
        workspace.store.put(trained.place("toy", key), {trained.ONNX: ONNX, trained.CARD: card.to_json()})
    return workspace


def test_the_source_folder_is_written_and_named(stored: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert package.package(stored, "toy", key=KEY, out=None, as_json=False) == ExitCode.DONE
    folder = Path(capsys.readouterr().out.strip())
    assert folder == stored.settings.local / "package" / "toy"
    assert (folder / "model.onnx").read_bytes() == ONNX
    assert (folder / ".s2i" / "environment").is_file()


def test_the_working_trees_key_is_meant_where_none_is_named(
    stored: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package.package(stored, "toy", key=None, out=tmp_path / "out", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["key"] == stored.model("toy").key
    assert told["folder"] == str(tmp_path / "out")
    assert told["files"] == [".s2i/environment", "model.json", "model.onnx"]


@pytest.mark.parametrize("key", ["", KEY.upper(), f"{KEY}0", "../" * 21 + "x", f"{KEY}\n"])
@pytest.mark.parametrize("command", [package.image, package.unpushed])
def test_what_is_no_key_is_refused(stored: Workspace, command: object, key: str) -> None:
    assert callable(command)
    with pytest.raises(InputError, match="is no key of a model"):
        command(stored, "toy", key=key, builder=BUILDER, as_json=False)


def test_the_first_digits_of_a_key_do(stored: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    own = stored.model("toy").key
    package.package(stored, "toy", key=own[:6], out=None, as_json=True)
    assert json.loads(capsys.readouterr().out)["key"] == own
    with pytest.raises(InputError, match="names nothing of toy, and the working tree has another key") as failure:
        package.image(stored, "toy", key="0" * 12, builder=None, as_json=False)
    assert "all of its 64 digits" in str(failure.value)
    with pytest.raises(InputError, match="there is no model 'nobody' here"):
        package.image(stored, "nobody", key="abab", builder=None, as_json=False)


@pytest.mark.parametrize("model", ["", "Toy", "../toy", "toy\nRUN evil", "a" * 41])
def test_what_is_no_models_name_is_refused(stored: Workspace, model: str) -> None:
    with pytest.raises(InputError, match="cannot name a model"):
        package.package(stored, model, key=KEY, out=None, as_json=False)


def test_a_key_that_the_store_has_not_is_said(stored: Workspace) -> None:
    with pytest.raises(StoreError, match="the store has no model of toy with the key cdcdcdcd") as failure:
        package.image(stored, "toy", key="cd" * 32, builder=None, as_json=False)
    assert "slipway run toy" in failure.value.hint


def test_without_a_builder_the_image_is_a_folder_of_this_machine(
    stored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert package.image(stored, "toy", key=KEY, builder=None, as_json=True) == ExitCode.DONE
    first = json.loads(capsys.readouterr().out)
    assert first["image"] == f"localhost/slipway/toy@{first['digest']}"
    assert not first["reused"]
    package.image(stored, "toy", key=KEY, builder=None, as_json=True)
    assert json.loads(capsys.readouterr().out) == {**first, "reused": True}


def test_nothing_can_be_left_unpushed_without_a_builder(stored: Workspace) -> None:
    with pytest.raises(InputError, match="no builder is named"):
        package.unpushed(stored, "toy", key=KEY, builder=None, as_json=False)


@pytest.mark.parametrize("where", ["option", "environment"])
def test_a_builder_is_asked_where_one_is_named(stored: Workspace, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # without skopeo no registry is asked
    monkeypatch.setattr("slipway.adapters.remote_address.find", lambda _: "")
    settings = replace(stored.settings, builder=BUILDER if where == "environment" else "x.example/other:latest")
    builder = BUILDER if where == "option" else None
    with pytest.raises(OutsideError, match="skopeo was looked for"):
        package.image(replace(stored, settings=settings), "toy", key=KEY, builder=builder, as_json=False)


def test_a_builder_by_a_tag_is_refused(stored: Workspace) -> None:
    with pytest.raises(InputError, match="does not name the builder by its digest"):
        package.image(stored, "toy", key=KEY, builder="quay.example/builder:latest", as_json=False)
