"""What is in a model's image, as CycloneDX 1.5: the builder's list of its locked packages, the model, and the builder.

Equal images have equal documents: there is no random serial number and no time of day in one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.errors import OutsideError

BUILDERS_LIST = "opt/slipway/sbom.cdx.json"
"""What uv wrote from the lock when the builder was made."""
_SPEC = "1.5"
_KEPT = ("type", "bom-ref", "name", "version", "purl", "hashes", "externalReferences")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/slipway")

type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the document is about."""

    model: str
    key: str
    digest: str
    """Of the image."""
    onnx_sha256: str
    base_name: str
    base_digest: str


def sbom(subject: Subject, packages: bytes) -> bytes:
    """The document; `OutsideError` if the builder's list is none."""
    listed = _read(packages, subject)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": _SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, subject.digest)}",
        "version": 1,
        "metadata": {"component": _image(subject)},
        "components": [_model(subject), _base(subject), *map(_package, listed["components"])],
        "dependencies": _dependencies(listed),
    }
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _read(packages: bytes, subject: Subject) -> Json:
    try:
        listed: Json = json.loads(packages)
        if listed["specVersion"] == _SPEC and all(one["name"] and one["bom-ref"] for one in listed["components"]):
            return listed
    except (ValueError, TypeError, KeyError):
        pass
    raise OutsideError(
        f"{subject.base_name}@{subject.base_digest} has no list of its packages in /{BUILDERS_LIST}",
        hint="Build the builder anew: make images",
    )


def _image(subject: Subject) -> Json:
    return {
        "type": "container",
        "bom-ref": "image",
        "name": subject.model,
        "version": subject.key,
        "hashes": [_sha256(subject.digest)],
    }


def _model(subject: Subject) -> Json:
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": f"{subject.model}.onnx",
        "version": subject.key,
        "hashes": [_sha256(subject.onnx_sha256)],
    }


def _base(subject: Subject) -> Json:
    return {
        "type": "container",
        "bom-ref": "builder",
        "name": subject.base_name,
        "version": subject.base_digest,
        "hashes": [_sha256(subject.base_digest)],
    }


def _package(listed: Mapping[str, Any]) -> Json:
    """A package as the lock names it; the digests of the files that it can be installed from go with it."""
    return {name: listed[name] for name in _KEPT if name in listed}


def _dependencies(listed: Json) -> list[Json]:
    known = {one["bom-ref"] for one in listed["components"]}
    own = [one for one in listed.get("dependencies", []) if one["ref"] in known]
    return [
        {"ref": "image", "dependsOn": ["builder", "model"]},
        {"ref": "builder", "dependsOn": sorted(known)},
        *own,
    ]


def _sha256(digest: str) -> Json:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}
