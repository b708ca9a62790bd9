"""What is written of an image follows from the builder and the model's files alone."""

from __future__ import annotations

import io
import json
import posixpath
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.delivery import oci
from slipway.delivery.oci import Builder
from slipway.errors import InputError, OutsideError

FILES = {"model.onnx": b"a graph", "model.json": b"{}", ".s2i/environment": b"A=1\n"}
BASE_LAYER = {"mediaType": f"{oci.LAYER_TYPE}+gzip", "digest": "sha256:" + "1" * 64, "size": 7}
BASE_CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "2" * 64]},
    "history": [{"created_by": "COPY"}],
    "config": {
        "Labels": {"io.openshift.s2i.scripts-url": "image:///usr/libexec/s2i", "io.openshift.s2i.assemble-user": "1001"}
    },
}
BASE = Builder(reference="x.example/b@sha256:0", manifest={"layers": [BASE_LAYER]}, config=BASE_CONFIG)
BASES = [
    *(f"org.opencontainers.image.{name}" for name in ("revision", "source", "description", "created", "url")),
    *("summary", "description", "name", "vcs-ref", "build-date"),
]
"""Labels that would lie about the model."""
ENGINES = {
    "User": "1001",
    "Env": ["PATH=/bin", "A=1"],
    "Cmd": ["/bin/sh", "-c", "/usr/libexec/s2i/run"],
    "Labels": {"io.buildah.version": "1.28.2", "io.openshift.s2i.build.source-location": ".", "kept": "yes"}
    | dict.fromkeys(BASES, "the builder's"),
    "OnBuild": None,
    "Hostname": "8c2f",
}


def entries(content: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return list(archive)


def packed(*names: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            archive.addfile(entry, io.BytesIO(b""))
    return stream.getvalue()


def test_a_layer_has_no_times_no_owners_and_one_order() -> None:
    layer = oci.layer(FILES)
    assert layer == oci.layer(dict(reversed(FILES.items())))
    assert [entry.name for entry in entries(layer)] == [
        "opt",
        "opt/slipway",
        "opt/slipway/model",
        "opt/slipway/model/.s2i",
        "opt/slipway/model/.s2i/environment",
        "opt/slipway/model/model.json",
        "opt/slipway/model/model.onnx",
    ]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries(layer)} == {(0, 0, 0, "")}
    assert {entry.mode for entry in entries(layer) if entry.isfile()} == {0o644}
    assert oci.unpacked(layer, oci.MODEL_FOLDER, "it") == FILES


def test_an_image_is_the_builder_and_one_layer() -> None:
    blobs = oci.image(BASE, FILES, ENGINES, {"org.opencontainers.image.version": "k"})
    manifest = json.loads(blobs.manifest)
    config, layer = blobs.others
    assert manifest["layers"] == [BASE_LAYER, oci.descriptor(oci.LAYER_TYPE, layer)]
    assert manifest["config"] == oci.descriptor(oci.CONFIG_TYPE, config)
    written = json.loads(config)
    assert written["rootfs"]["diff_ids"] == ["sha256:" + "2" * 64, oci.digest_of(layer)]
    assert written["created"] == "1970-01-01T00:00:00Z"
    assert len([step for step in written["history"] if not step.get("empty_layer")]) == 2
    assert written["config"] == {
        "User": "1001",
        "Env": ["A=1", "PATH=/bin"],
        "Cmd": ["/usr/libexec/s2i/run"],
        "Labels": {"kept": "yes", "org.opencontainers.image.version": "k"},
    }


@pytest.mark.parametrize(
    "command", [["/bin/sh", "-c", "exec run && more"], ["/usr/libexec/s2i/run"], ["/bin/sh", "-c", "/run", "x"], []]
)
def test_a_command_that_a_shell_is_needed_for_keeps_it(command: list[str]) -> None:
    config, _ = oci.image(BASE, FILES, {**ENGINES, "Cmd": command}, {}).others
    assert json.loads(config)["config"]["Cmd"] == command


def test_dockers_layers_are_named_in_ocis_words() -> None:
    docker = {**BASE_LAYER, "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"}
    base = Builder(reference="b", manifest={"layers": [docker]}, config=BASE_CONFIG)
    assert json.loads(oci.image(base, FILES, ENGINES, {}).manifest)["layers"][0] == BASE_LAYER


@pytest.mark.parametrize(
    ("manifest", "config", "said"),
    [
        (b"[", b"{}", "is no image that a builder could be"),
        (b'{"layers": []}', b"{}", "is no image that a builder could be"),
        (b'{"layers": []}', b'{"rootfs": {"diff_ids": ["sha256:1"]}}', "is no image that a builder could be"),
        (
            b'{"manifests": [{"digest": "sha256:9", "platform": {"os": "linux", "architecture": "arm64"}}]}',
            b"{}",
            "linux/arm64 sha256:9",
        ),
    ],
)
def test_what_cannot_be_a_builder_is_said(manifest: bytes, config: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        oci.builder("x.example/b@sha256:0", manifest, config)


@pytest.mark.parametrize("label", [None, "", "image:///x y", "1001\nRUN evil", 7])
def test_a_builder_without_s2is_labels_is_none(label: object) -> None:
    labels = {"io.openshift.s2i.scripts-url": label}
    base = Builder(reference="x.example/b@sha256:0", manifest={}, config={"config": {"Labels": labels}})
    with pytest.raises(InputError, match=r"no S2I builder.*scripts-url"):
        _ = base.scripts


def test_the_labels_of_a_builder_say_where_its_scripts_are() -> None:
    assert (BASE.scripts, BASE.user) == ("image:///usr/libexec/s2i", "1001")


def test_a_document_is_attached_to_its_image() -> None:
    image = oci.image(BASE, FILES, ENGINES, {})
    attached = oci.attached(b"{}", image.manifest, {"a": "b"})
    manifest = json.loads(attached.manifest)
    assert manifest["subject"] == oci.descriptor(oci.MANIFEST_TYPE, image.manifest)
    assert manifest["artifactType"] == oci.SBOM_TYPE


def test_the_index_of_attachments_keeps_what_others_attached() -> None:
    theirs = {"mediaType": oci.MANIFEST_TYPE, "digest": "sha256:" + "3" * 64, "size": 1, "artifactType": "a/signature"}
    known = json.dumps({"manifests": [theirs]}).encode()
    both = oci.referrers(known, b"{}")
    assert both is not None
    assert json.loads(both)["manifests"] == [
        theirs,
        {**oci.descriptor(oci.MANIFEST_TYPE, b"{}"), "artifactType": oci.SBOM_TYPE},
    ]
    assert oci.referrers(both, b"{}") is None


@pytest.mark.parametrize("known", [None, b"[", b"[]", b'{"manifests": [{}]}', b'{"manifests": 3}'])
def test_an_index_that_is_none_is_written_anew(known: bytes | None) -> None:
    index = oci.referrers(known, b"{}")
    assert index is not None
    assert len(json.loads(index)["manifests"]) == 1


@pytest.mark.parametrize(
    "content",
    [
        packed("opt/slipway/model/../../../etc/passwd"),
        packed("opt/slipway/model//tmp/x"),
        packed("opt/slipway/model/./model.onnx"),
        packed("opt/slipway/model/.s2i//environment"),
        packed("//opt/slipway/model/model.onnx"),
        packed("/opt/slipway/model/model.onnx"),
        packed(".//opt/slipway/model/model.onnx"),
        packed("opt/slipway/model/model.onnx", kind=tarfile.SYMTYPE),
        packed("opt/slipway/model/model.onnx", kind=tarfile.CHRTYPE),
        b"no tar",
    ],
)
def test_a_hostile_layer_is_refused(content: bytes) -> None:
    for folder in (oci.MODEL_FOLDER, ""):
        with pytest.raises(OutsideError, match="the image"):
            oci.unpacked(content, folder, "the image")


@given(st.lists(st.sampled_from(["", ".", "..", "opt", "slipway", "model", "a", "..."]), max_size=8), st.booleans())
def test_what_is_unpacked_stays_in_its_folder(parts: list[str], inside: bool) -> None:  # noqa: FBT001  a case
    name = "/".join([oci.MODEL_FOLDER, *parts] if inside else parts)
    try:
        found = oci.unpacked(packed(name), oci.MODEL_FOLDER, "the image")
    except OutsideError:
        return
    for file in found:
        assert posixpath.normpath(f"/in/{file}") == f"/in/{file}" == posixpath.join("/in", file)


def test_the_layers_of_an_image_are_named_lowest_first() -> None:
    assert oci.layers(oci.image(BASE, FILES, ENGINES, {}).manifest, "it")[0] == BASE_LAYER["digest"]


@pytest.mark.parametrize("digest", ["sha256:../../../../etc/passwd", "", None, 7, "sha256:" + "1" * 63])
def test_a_hostile_manifest_names_no_file_of_this_machine(digest: object) -> None:
    with pytest.raises(OutsideError, match="it is no image of a model"):
        oci.layers(json.dumps({"layers": [{"digest": digest}]}).encode(), "it")


@pytest.mark.parametrize("manifest", [b"[", b"[]", b"{}", b'{"layers": []}', b'{"layers": [7]}'])
def test_what_is_no_manifest_is_said(manifest: bytes) -> None:
    with pytest.raises(OutsideError, match="it is no image of a model"):
        oci.layers(manifest, "it")
