"""The list of an image's parts: equal images have equal lists."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from slipway.delivery.sbom import Subject, sbom
from slipway.errors import OutsideError

SUBJECT = Subject(
    model="toy",
    key="ab" * 32,
    digest="sha256:" + "1" * 64,
    onnx_sha256="2" * 64,
    base_name="x.example/builder",
    base_digest="sha256:" + "3" * 64,
)


def listed(**more: object) -> bytes:
    """A list as uv writes it, with what varies from one writing to the next."""
    package = {"type": "library", "bom-ref": "numpy-1@1.26.4", "name": "numpy", "version": "1.26.4"}
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:4e3d24da-7fbe-42fc-a18b-2e5a45703008",
        "metadata": {"timestamp": "2026-11-21T12:55:07Z"},
        "components": [{**package, "purl": "pkg:pypi/numpy@1.26.4", "properties": [{"name": "uv:package:marker"}]}],
        "dependencies": [{"ref": "numpy-1@1.26.4", "dependsOn": []}, {"ref": "slipway-1@0.1.0", "dependsOn": []}],
    }
    return json.dumps(document | more).encode()


def test_the_list_names_the_model_the_builder_and_every_package() -> None:
    document = json.loads(sbom(SUBJECT, listed()))
    by_name = {one["name"]: one for one in document["components"]}
    assert by_name["toy.onnx"]["hashes"] == [{"alg": "SHA-256", "content": "2" * 64}]
    assert by_name["x.example/builder"]["version"] == SUBJECT.base_digest
    assert by_name["numpy"]["purl"] == "pkg:pypi/numpy@1.26.4"
    refs = {one["bom-ref"] for one in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
    named = {name for one in document["dependencies"] for name in (one["ref"], *one["dependsOn"])}
    assert named == refs


def test_no_clock_and_no_chance_are_in_it() -> None:
    other = listed(serialNumber="urn:uuid:" + "0" * 36, metadata={"timestamp": "2027-01-01T00:00:00Z"})
    assert sbom(SUBJECT, listed()) == sbom(SUBJECT, other)
    assert sbom(SUBJECT, listed()) != sbom(replace(SUBJECT, digest="sha256:" + "4" * 64), listed())


@pytest.mark.parametrize("packages", [b"", b"[]", b"{}", listed(specVersion="9"), listed(components=[{"name": "x"}])])
def test_a_builder_without_a_list_is_said(packages: bytes) -> None:
    with pytest.raises(OutsideError, match="no list of its packages"):
        sbom(SUBJECT, packages)
