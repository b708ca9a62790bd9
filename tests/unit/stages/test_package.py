"""A key is built into an image once, and what is recorded is there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from slipway import trained
from slipway.adapters.image import Image, Layout
from slipway.adapters.store import Place
from slipway.delivery.manifest import Release
from slipway.errors import InputError, OutsideError, StoreError
from slipway.results import ModelCard
from slipway.sources import sources
from slipway.stages import package
from slipway.stages.package import ImageRecord
from slipway.workspace import Workspace

from ..delivery.test_source_image import CARD, ONNX  # noqa: TID252  tests are no package of their own

KEY = CARD.key
PLACE = Place(model="toy", key=KEY, entry="image-source")


@pytest.fixture
def images(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "images", registry="localhost/slipway")


@pytest.fixture
def stored(workspace: Workspace) -> Workspace:
    """A workspace whose store has the model."""
    workspace.store.put(trained.place("toy", KEY), {trained.ONNX: ONNX, trained.CARD: CARD.to_json()})
    return workspace


def test_the_image_holds_the_reviewed_model_and_is_recorded(stored: Workspace, images: Layout) -> None:
    done = package.run(stored, images, "toy", KEY)
    assert not done.reused
    image = Image.parse(done.image)
    assert image.name == "localhost/slipway/toy"
    files = images.files(image)
    assert files["model.onnx"] == ONNX
    assert ModelCard.from_json(files["model.json"], "model.json") == CARD
    assert sorted(files) == [".s2i/environment", "model.json", "model.onnx"]
    kept = stored.store.get(PLACE)
    assert kept is not None
    assert ImageRecord.from_json(kept["release.json"], "release.json") == ImageRecord(
        model="toy", key=KEY, digest=image.digest, onnx_sha256=CARD.onnx_sha256
    )


def test_a_second_run_builds_nothing_and_reads_no_model(
    stored: Workspace, images: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = package.run(stored, images, "toy", KEY)
    monkeypatch.setattr("slipway.trained.load", None)
    again = package.run(stored, images, "toy", KEY)
    assert again.reused
    assert again.image == first.image


def test_a_recorded_image_that_is_gone_is_built_again(stored: Workspace, images: Layout) -> None:
    first = package.run(stored, images, "toy", KEY)
    for blob in (images.root / "blobs" / "sha256").iterdir():
        blob.unlink()
    again = package.run(stored, images, "toy", KEY)
    assert not again.reused
    assert again.image == first.image
    assert images.files(Image.parse(again.image))["model.onnx"] == ONNX


def test_an_image_that_is_another_one_when_built_again_is_refused(stored: Workspace, images: Layout) -> None:
    other = ImageRecord(model="toy", key=KEY, digest="sha256:" + "0" * 64, onnx_sha256=CARD.onnx_sha256)
    stored.store.put(PLACE, {"release.json": other.to_json()})
    with pytest.raises(StoreError, match="was built into sha256:0000") as failure:
        package.run(stored, images, "toy", KEY)
    assert PLACE.path in failure.value.hint


def test_a_key_that_nobody_trained_is_said(workspace: Workspace, images: Layout) -> None:
    with pytest.raises(StoreError, match="no model of toy with the key abababab") as failure:
        package.run(workspace, images, "toy", KEY)
    assert "slipway run toy" in failure.value.hint
    assert not images.root.exists()


def test_who_built_an_image_is_what_its_first_record_says(stored: Workspace, images: Layout) -> None:
    heard: list[str] = []
    ours = replace(stored, settings=replace(stored.settings, workflow="https://github.com/a/b/release.yml@main"))

    def other_is_first(made: package.Packaged) -> None:
        heard.append(made.workflow)
        package.run(stored, images, "toy", KEY)

    raced = package.run(ours, images, "toy", KEY, pushed=other_is_first)
    assert (heard, raced.workflow) == ([ours.settings.workflow], "")
    assert package.run(ours, images, "toy", KEY).workflow == ""
    place = replace(PLACE, key="cd" * 32)
    stored.store.put(trained.place("toy", place.key), _of_key(place.key))
    assert package.run(ours, images, "toy", place.key).workflow == ours.settings.workflow
    assert package.run(stored, images, "toy", place.key).workflow == ours.settings.workflow


def test_a_record_that_does_not_say_who_built_it_is_read(stored: Workspace, images: Layout) -> None:
    built = images.build("toy", KEY, package.files(stored, "toy", KEY))
    old = {"model": "toy", "key": KEY, "digest": built.digest, "onnx_sha256": CARD.onnx_sha256}
    stored.store.put(PLACE, {"release.json": json.dumps(old).encode()})
    found = package.run(stored, images, "toy", KEY)
    assert (found.image, found.reused, found.workflow) == (built.reference, True, "")


def _of_key(key: str) -> dict[str, bytes]:
    return {trained.ONNX: ONNX, trained.CARD: CARD.model_copy(update={"key": key}).to_json()}


def test_a_damaged_record_is_said(stored: Workspace, images: Layout) -> None:
    stored.store.put(PLACE, {"release.json": b"{}"})
    with pytest.raises(StoreError, match=r"image-source/release\.json is not a ImageRecord"):
        package.run(stored, images, "toy", KEY)


def test_a_release_is_named_by_its_own_registry_whoever_packaged_first(stored: Workspace, images: Layout) -> None:
    here = package.run(stored, images, "toy", KEY)
    there = package.run(stored, replace(images, registry="quay.example.org/team"), "toy", KEY)
    assert there.image == here.image.replace("localhost/slipway", "quay.example.org/team")


def test_what_got_lost_is_built_again_as_it_was_and_nothing_is_recorded(stored: Workspace, images: Layout) -> None:
    there = images.build("toy", KEY, package.files(stored, "toy", KEY))
    shutil.rmtree(images.root)
    package.again(stored, images, "toy", Release(key=KEY, image=there.reference, commit="1" * 40, metrics={}))
    assert images.has(there)
    other = replace(there, digest="sha256:" + "0" * 64)
    with pytest.raises(OutsideError, match="is gone, and what is built of its key now is another image"):
        package.again(stored, images, "toy", Release(key=KEY, image=other.reference, commit="1" * 40, metrics={}))
    assert stored.store.get(PLACE) is None


def test_the_builder_of_a_layout_is_all_the_serving_code() -> None:
    assert package.builder() == f"source-{sources('serving')}"


def test_a_source_folder_is_replaced_whole(stored: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "toy"
    files = package.files(stored, "toy", KEY)
    package.write(folder, {**files, "model.onnx": b"older"})
    package.write(folder, files)
    assert {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()} == files
    assert [entry.name for entry in folder.parent.iterdir()] == ["toy"]


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_no_source_folder_is_not_replaced(stored: Workspace, tmp_path: Path, what: str) -> None:
    folder, precious = tmp_path / "out", tmp_path / "home" / "thesis.tex"
    precious.parent.mkdir()
    precious.write_text("years of work")
    match what:
        case "file":
            folder = precious
        case "folder":
            folder = precious.parent
        case _:
            folder.symlink_to(precious.parent)
    with pytest.raises(InputError, match="something else than a source folder"):
        package.write(folder, package.files(stored, "toy", KEY))
    assert precious.read_text() == "years of work"


def test_a_folder_that_cannot_be_written_is_said(stored: Workspace) -> None:
    with pytest.raises(OutsideError, match="the source folder cannot be written"):
        package.write(Path("/proc/slipway/toy"), package.files(stored, "toy", KEY))
