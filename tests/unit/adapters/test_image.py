"""Images in an OCI layout: the same bytes give the same digest, and nothing is half there."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters import image as images
from slipway.adapters.image import Image, Layout
from slipway.delivery import oci
from slipway.errors import InputError, OutsideError

KEY = "ab" * 32
FILES = {"model.onnx": b"\x00\x01" * 700, ".s2i/environment": b"A=1\n", "model.json": b"{}\n"}
NAMES = st.from_regex(r"[a-z][a-z.-]{0,9}(/[a-z][a-z.-]{0,9})?", fullmatch=True)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "images", registry="localhost/slipway")


def blobs(layout: Layout) -> list[Path]:
    return sorted((layout.root / "blobs" / "sha256").iterdir())


def layer(layout: Layout) -> Path:
    return max(blobs(layout), key=lambda blob: blob.stat().st_size)


def index(layout: Layout) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((layout.root / "index.json").read_bytes())["manifests"]
    return found


def test_what_is_built_is_read_again(layout: Layout) -> None:
    image = layout.build("iris", KEY, FILES)
    assert image.reference == f"localhost/slipway/iris@{image.digest}"
    assert layout.has(image)
    assert layout.files(image) == FILES


def test_equal_files_have_one_digest_everywhere_and_are_written_once(layout: Layout, tmp_path: Path) -> None:
    image = layout.build("iris", KEY, FILES)
    written = {file: file.stat().st_mtime_ns for file in [*blobs(layout), layout.root / "index.json"]}
    turned = dict(reversed(FILES.items()))
    assert layout.build("iris", KEY, turned) == image
    assert {file: file.stat().st_mtime_ns for file in written} == written
    elsewhere = Layout(root=tmp_path / "elsewhere", registry="quay.example/models")
    assert elsewhere.build("iris", KEY, FILES).digest == image.digest
    assert layout.build("iris", KEY, FILES | {"model.json": b"[]\n"}).digest != image.digest


def test_the_digest_changes_only_on_purpose(layout: Layout) -> None:
    assert layout.build("iris", KEY, FILES).digest == (
        "sha256:6037c214c670c844baf50e32be03c082e73931616196f75739512f6db5336aa9"
    )


@given(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=4))
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    image = Image(name="x", digest="sha256:" + "0" * 64)
    assert images._untar(images._tar(files), image) == files


def test_the_layer_holds_no_time_no_owner_and_no_extension(layout: Layout) -> None:
    layout.build("iris", KEY, FILES)
    with tarfile.open(layer(layout)) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == sorted(FILES)
    for entry in entries:
        assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, 0, "", "")
        assert (entry.mode, entry.type, entry.pax_headers) == (0o644, tarfile.REGTYPE, {})


def test_the_layout_is_what_the_specification_asks_for(layout: Layout) -> None:
    image = layout.build("iris", KEY, FILES)
    assert json.loads((layout.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (named,) = index(layout)
    assert named["annotations"] == {"org.opencontainers.image.ref.name": f"localhost/slipway/iris:{KEY}"}
    assert named["digest"] == image.digest
    manifest = json.loads((layout.root / "blobs" / image.digest.replace(":", "/")).read_bytes())
    assert manifest["artifactType"] == "application/vnd.slipway.source.v1"
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    for part in (manifest["config"], *manifest["layers"]):
        content = (layout.root / "blobs" / part["digest"].replace(":", "/")).read_bytes()
        assert (oci.digest_of(content), len(content)) == (part["digest"], part["size"])


def test_a_name_moves_to_the_newest_image_and_the_older_one_stays(layout: Layout) -> None:
    older = layout.build("iris", KEY, FILES)
    newer = layout.build("iris", KEY, {"model.onnx": b"other"})
    assert [known.get("annotations") or None for known in index(layout)] == [
        None,
        {"org.opencontainers.image.ref.name": f"localhost/slipway/iris:{KEY}"},
    ]
    assert layout.files(older) == FILES
    assert layout.has(older)
    assert layout.has(newer)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _turn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[::-1])


@pytest.mark.parametrize(
    ("part", "hurt", "said", "has"),
    [
        ("layer", Path.unlink, "is gone", "no"),
        ("layer", _cut, "is damaged", "no"),
        ("layer", _turn, "is damaged", "yes"),  # the quick look sees sizes, reading sees all
        ("manifest", Path.unlink, "is gone", "no"),
        ("manifest", _cut, "is damaged", "no"),
        ("manifest", _turn, "is damaged", "no"),
    ],
)
def test_a_lost_or_damaged_blob_is_said_and_healed_by_building_again(
    layout: Layout, part: str, hurt: Callable[[Path], None], said: str, has: str
) -> None:
    image = layout.build("iris", KEY, FILES)
    hurt(layer(layout) if part == "layer" else layout.root / "blobs" / image.digest.replace(":", "/"))
    with pytest.raises(OutsideError, match=said) as failure:
        layout.files(image)
    assert "slipway image iris" in failure.value.hint
    assert layout.has(image) is (has == "yes")
    assert layout.build("iris", KEY, FILES) == image
    assert layout.files(image) == FILES


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"manifests": [{"digest": "../x"}]}', b'{"manifests": 5}'])
def test_a_broken_index_is_said_and_left_as_it_is(layout: Layout, content: bytes) -> None:
    layout.build("iris", KEY, FILES)
    (layout.root / "index.json").write_bytes(content)
    with pytest.raises(OutsideError, match="is no index of images"):
        layout.build("iris", "cd" * 32, FILES)
    assert (layout.root / "index.json").read_bytes() == content


def test_without_an_index_an_image_counts_as_gone_until_it_is_built_again(layout: Layout) -> None:
    image = layout.build("iris", KEY, FILES)
    (layout.root / "index.json").unlink()
    assert not layout.has(image)
    assert layout.build("iris", KEY, FILES) == image
    assert layout.has(image)


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"layers": []}', b'{"config": {}, "layers": [{}]}', b"\xff"])
def test_another_kind_of_manifest_is_refused(layout: Layout, manifest: bytes) -> None:
    layout.build("iris", KEY, FILES)
    digest = oci.digest_of(manifest)
    (layout.root / "blobs" / digest.replace(":", "/")).write_bytes(manifest)
    with pytest.raises(OutsideError, match="no image of a source folder"):
        layout.files(Image(name="localhost/slipway/iris", digest=digest))


@pytest.mark.parametrize("name", ["/etc/passwd", "../model.onnx", "a/../../b"])
def test_a_layer_that_leaves_its_folder_is_refused(name: str) -> None:
    with pytest.raises(OutsideError, match="which no source folder does"):
        images._untar(images._tar({name: b""}), Image(name="x", digest="sha256:" + "0" * 64))


def test_a_link_in_a_layer_is_refused() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("model.onnx")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(OutsideError, match="which no source folder does"):
        images._untar(stream.getvalue(), Image(name="x", digest="sha256:" + "0" * 64))


@pytest.mark.parametrize("reference", ["", "x", "x:latest", "@sha256:" + "0" * 64, "x@sha256:../../etc", "x@sha256:0"])
def test_only_a_digest_names_an_image(reference: str) -> None:
    with pytest.raises(InputError, match="by its digest"):
        Image.parse(reference)


def test_a_reference_is_read_as_it_is_written() -> None:
    reference = f"registry:5000/models/iris@sha256:{'0' * 64}"
    assert Image.parse(reference).reference == reference


def test_writers_at_once_lose_nothing(layout: Layout) -> None:
    def build(number: int) -> Image:
        return layout.build(f"model-{number % 8}", f"{number:064x}", FILES | {"n": str(number).encode()})

    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(build, range(24)))
    assert {known["digest"] for known in index(layout)} == {image.digest for image in built}
    assert [layout.files(image)["n"] for image in built] == [str(n).encode() for n in range(24)]


_STOPS = """
import os, signal, sys
from pathlib import Path
from slipway.adapters.image import Layout

left = int(sys.argv[2])

def counted(effect):
    def run(*args):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return effect(*args)
    return run

os.fsync = counted(os.fsync)
Path.replace = counted(Path.replace)
Layout(root=Path(sys.argv[1]), registry="localhost/slipway").build("iris", "cd" * 32, {"model.onnx": b"new"})
"""


@pytest.mark.parametrize("steps", range(7))
def test_a_kill_at_any_write_leaves_whole_images_or_none(layout: Layout, steps: int) -> None:
    before = layout.build("iris", KEY, FILES)
    run = [sys.executable, "-c", _STOPS, str(layout.root)]
    done = subprocess.run([*run, str(steps)], check=False)
    finished = steps == 6  # a sync and a rename each for layer, manifest and index
    assert done.returncode == (0 if finished else -signal.SIGKILL)
    assert layout.files(before) == FILES
    assert len(index(layout)) == (2 if finished else 1)
    subprocess.run([*run, "99"], check=True)
    assert len(index(layout)) == 2
    assert all(layout.has(Image(name="x", digest=known["digest"])) for known in index(layout))
    assert sorted(file.name for file in layout.root.iterdir()) == [".lock", "blobs", "index.json", "oci-layout"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file")
    with pytest.raises(OutsideError, match="cannot be written") as failure:
        Layout(root=tmp_path / "images", registry="x").build("iris", KEY, FILES)
    assert "room on the disk" in failure.value.hint
