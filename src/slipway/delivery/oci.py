"""A model's image as documents: the builder's layers as they are, and one of the model's files.

An engine (buildah, podman, docker) builds the image; its own layer and configuration differ from run to run and from
engine to engine: times, owners' names, the order of labels, what it put in /run. So what was built is written down here
once more, in one form: equal files and builders give equal bytes.

Formats: OCI image specification 1.1 (layer, config, manifest, «guidelines for artifact usage», referrers).
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.errors import InputError, OutsideError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
SBOM_TYPE = "application/vnd.cyclonedx+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed: what a compressor makes of a layer depends on its version, and with it the image's digest."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
MODEL_FOLDER = "opt/slipway/model"
"""Where the builder's `assemble` leaves what it was given."""
REF = "org.opencontainers.image.ref.name"
_DOCKER_LAYERS = {"application/vnd.docker.image.rootfs.diff.tar.gzip": f"{LAYER_TYPE}+gzip"}
_BEGAN = "1970-01-01T00:00:00Z"
_FIELDS = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal")
_FOLDER, _FILE = 0o755, 0o644
_STRAYING = {"", ".", ".."}
"""Parts of a file's path that lead to another place than the folder that it seems to be in, or may."""
_PROGRAM = re.compile(r"/[\w/.-]+")
_WORD = re.compile(r"[!-~]+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLACE_LABELS = ("io.openshift.s2i.build.source-", "io.openshift.s2i.build.commit", "io.buildah.")
"""Beginnings of labels that say where and with what it was built, not what it is."""
_OCI_LABELS = ("authors", "created", "description", "documentation", "ref.name", "revision", "source", "url")
_BASES_LABELS = {f"org.opencontainers.image.{name}" for name in _OCI_LABELS} | {
    *("name", "version", "release", "summary", "description", "url", "build-date", "vcs-ref", "vcs-type"),
}
"""Labels that are true of the builder, and would be told of the model."""

type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Builder:
    """The S2I builder image, as the registry has it."""

    reference: str
    manifest: Json
    config: Json

    @property
    def scripts(self) -> str:
        """Where the builder's scripts are; `InputError` if it is no builder."""
        return self._label("io.openshift.s2i.scripts-url")

    @property
    def user(self) -> str:
        """The user that `assemble` runs as."""
        return self._label("io.openshift.s2i.assemble-user")

    def _label(self, name: str) -> str:
        found = ((self.config.get("config") or {}).get("Labels") or {}).get(name)
        if not isinstance(found, str) or not _WORD.fullmatch(found):
            raise InputError(
                f"{self.reference} is no S2I builder of models: it has no label {name}",
                hint="Build one (make images), push it, and name it in SLIPWAY_BUILDER by its digest.",
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Blobs:
    """A manifest, and what it names that no registry has yet."""

    manifest: bytes
    others: Sequence[bytes]

    @property
    def digest(self) -> str:
        """The image's."""
        return digest_of(self.manifest)


def builder(reference: str, manifest: bytes, config: bytes) -> Builder:
    """The builder of these documents; `InputError` where they are of something else than one image."""
    try:
        read: Json = json.loads(manifest)
        if "manifests" in read:
            named = ", ".join(f"{_platform(one)} {one['digest']}" for one in read["manifests"])
            raise InputError(
                f"{reference} is a list of images, one for each platform", hint=f"Name the one of yours: {named}"
            )
        found = Builder(reference=reference, manifest=read, config=json.loads(config))
        if len(read["layers"]) == len(found.config["rootfs"]["diff_ids"]):
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{reference} is no image that a builder could be")


def image(base: Builder, files: Mapping[str, bytes], config: Mapping[str, Any], labels: Mapping[str, str]) -> Blobs:
    """The image of a model's files, configured as the engine configured it, with these labels besides."""
    packed = layer(files)
    configured = to_json(_config(base, packed, config, labels))
    manifest = to_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, configured),
            "layers": [*map(_as_oci, base.manifest["layers"]), descriptor(LAYER_TYPE, packed)],
        }
    )
    return Blobs(manifest=manifest, others=(configured, packed))


def attached(document: bytes, subject: bytes, annotations: Mapping[str, str]) -> Blobs:
    """A CycloneDX document that belongs to the image of a manifest."""
    manifest = to_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": SBOM_TYPE,
            "config": descriptor(EMPTY_TYPE, EMPTY),
            "layers": [descriptor(SBOM_TYPE, document)],
            "subject": descriptor(MANIFEST_TYPE, subject),
            "annotations": dict(annotations),
        }
    )
    return Blobs(manifest=manifest, others=(EMPTY, document))


def referrers(known: bytes | None, attachment: bytes) -> bytes | None:
    """The index of what belongs to an image, for registries that keep none themselves, with one more entry.

    None where it has the entry already.
    """
    entry = descriptor(MANIFEST_TYPE, attachment) | {"artifactType": SBOM_TYPE}
    try:
        others = [one for one in json.loads(known or b"{}").get("manifests", []) if _DIGEST.fullmatch(one["digest"])]
    except (ValueError, TypeError, KeyError, AttributeError):
        others = []
    if any(one["digest"] == entry["digest"] for one in others):
        return None
    return to_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*others, entry]})


def layer(files: Mapping[str, bytes]) -> bytes:
    """A tar of nothing but folders, names and contents, owned by root: whoever runs the image only reads them."""
    paths = {f"{MODEL_FOLDER}/{name}": content for name, content in files.items()}
    folders = {parent for path in paths for parent in _parents(path)}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folders | paths.keys()):
            entry = tarfile.TarInfo(path)
            if path in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, _FOLDER
                archive.addfile(entry)
            else:
                entry.size, entry.mode = len(paths[path]), _FILE
                archive.addfile(entry, io.BytesIO(paths[path]))
    return stream.getvalue()


def layers(manifest: bytes, where: str) -> list[str]:
    """The digests of an image's layers, lowest first; `OutsideError` where there is none."""
    try:
        found = [layer["digest"] for layer in json.loads(manifest)["layers"]]
        if found and all(_DIGEST.fullmatch(digest) for digest in found):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    raise OutsideError(f"{where} is no image of a model")


def unpacked(content: bytes, folder: str, where: str) -> dict[str, bytes]:
    """The files of a folder (all, if it is "") in a tar; `OutsideError` if that holds more than files and folders."""
    found: dict[str, bytes] = {}
    above = f"{folder}/" if folder else ""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for entry in archive:
                name = entry.name.removeprefix("./")
                stream = archive.extractfile(entry) if entry.isreg() else None
                if not entry.isdir() and (stream is None or _STRAYING & set(name.split("/"))):
                    raise OutsideError(f"{where} holds {entry.name!r}, which no image of a model does")
                if stream and name.startswith(above):
                    found[name.removeprefix(above)] = stream.read()
    except tarfile.TarError as error:
        raise OutsideError(f"{where} cannot be read: {error}") from None
    return found


def digest_of(content: bytes) -> str:
    """A digest as OCI writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(kind: str, content: bytes) -> Json:
    """How one document names another."""
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def to_json(document: Json) -> bytes:
    """A document in its one form."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _config(base: Builder, packed: bytes, config: Mapping[str, Any], labels: Mapping[str, str]) -> Json:
    kept = {name: config[name] for name in _FIELDS if config.get(name)}
    found = {name: text for name, text in kept.get("Labels", {}).items() if not name.startswith(_PLACE_LABELS)}
    told = {name: text for name, text in found.items() if name not in _BASES_LABELS}
    kept["Labels"] = told | dict(labels)
    kept["Env"] = sorted(kept.get("Env", []))
    kept["Cmd"] = _direct(kept.get("Cmd", []))
    about: Json = {name: base.config[name] for name in ("architecture", "os", "variant") if name in base.config}
    made = {"created": _BEGAN, "created_by": "s2i build"}
    return {
        **about,
        "created": _BEGAN,
        "config": kept,
        "rootfs": {"type": "layers", "diff_ids": [*base.config["rootfs"]["diff_ids"], digest_of(packed)]},
        "history": [*base.config.get("history", []), made],
    }


def _direct(command: Sequence[str]) -> Sequence[str]:
    """The program that S2I names, without the shell around it, which as process 1 would pass no signal on."""
    match command:
        case ["/bin/sh", "-c", str(one)] if _PROGRAM.fullmatch(one):
            return [one]
        case _:
            return command


def _as_oci(known: Json) -> Json:
    return {**known, "mediaType": _DOCKER_LAYERS.get(known["mediaType"], known["mediaType"])}


def _parents(path: str) -> list[str]:
    above = posixpath.dirname(path)
    return [*_parents(above), above] if above else []


def _platform(one: Json) -> str:
    platform = one.get("platform", {})
    return f"{platform.get('os', '?')}/{platform.get('architecture', '?')}"
