"""Images: a release's files, kept under a digest. `Layout` keeps them in a folder, as an OCI image layout.

An image is written blobs first and is named in `index.json` last, so that a kill leaves whole images or none.
Formats: OCI image specification 1.1 (image-layout, manifest, «guidelines for artifact usage»).
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from slipway.delivery import oci
from slipway.errors import InputError, OutsideError

SOURCE_TYPE = "application/vnd.slipway.source.v1"
_MARKER, _INDEX, _LOCK, _WORK = "oci-layout", "index.json", ".lock", ".writing"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MODE = 0o644


type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image by its content; no tag can move it."""

    name: str
    digest: str

    @property
    def reference(self) -> str:
        """As a manifest names it."""
        return f"{self.name}@{self.digest}"

    @classmethod
    def parse(cls, reference: str) -> Self:
        """The image of `name@sha256:…`; `InputError` for anything else, a tag among them."""
        name, _, digest = reference.rpartition("@")
        if not name or not _DIGEST.fullmatch(digest):
            raise InputError(
                f"{reference!r} does not name an image by its digest", hint="Write it as name@sha256:<64 digits>."
            )
        return cls(name=name, digest=digest)


class Images(Protocol):
    """Where images are made and kept."""

    @property
    def builder(self) -> str:
        """How images are made: the same files and the same builder give the same digest."""

    def name(self, model: str) -> str:
        """The name that a model's images have in this registry."""

    def build(self, model: str, key: str, files: Mapping[str, bytes], *, commit: str = "") -> Image:
        """Make an image and keep it; nothing changes where it is there already.

        The commit that made the model, where it is known, is told beside the image: its digest follows from the key.
        """

    def has(self, image: Image) -> bool:
        """Whether the image is there, by a look that costs little."""

    def files(self, image: Image) -> Mapping[str, bytes]:
        """What was built into the image, each digest checked; `OutsideError` if it is gone or damaged."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Images in a folder that `skopeo copy` reads as `oci:<folder>:<registry>/<model>:<key>`.

    An image holds the source folder as one layer: it stands for the image that is built from it.
    """

    root: Path
    registry: str
    """What the images' names begin with."""
    builder: str = "source"

    def name(self, model: str) -> str:
        """The registry's name, and the model's."""
        return f"{self.registry}/{model}"

    def build(self, model: str, key: str, files: Mapping[str, bytes], *, commit: str = "") -> Image:  # noqa: ARG002
        """Write the image of these files, and heal whatever of it was damaged."""
        name = self.name(model)
        layer = _tar(files)
        manifest = _manifest(model, key, layer)
        with self._locked():
            for blob in (oci.EMPTY, layer, manifest):
                self._write(_blob(oci.digest_of(blob)), blob)
            self._write(_MARKER, oci.to_json({"imageLayoutVersion": "1.0.0"}))
            self._write(_INDEX, oci.to_json(_with(self._index(), f"{name}:{key}", manifest)))
        return Image(name=name, digest=oci.digest_of(manifest))

    def has(self, image: Image) -> bool:
        """Whether the index names the image and its blobs are there, in the right size."""
        if not any(known["digest"] == image.digest for known in self._index()["manifests"]):
            return False
        try:
            parts = self._parts(image)
            return all((self.root / _blob(part["digest"])).stat().st_size == part["size"] for part in parts)
        except (OutsideError, OSError):
            return False

    def files(self, image: Image) -> Mapping[str, bytes]:
        """The files of the image's layer."""
        _, layer = self._parts(image)
        return _untar(self._read(layer["digest"], image), image)

    def _parts(self, image: Image) -> list[Json]:
        """The descriptors of the manifest's configuration and of its one layer."""
        try:
            manifest = json.loads(self._read(image.digest, image))
            (layer,) = manifest["layers"]
            parts = [manifest["config"], layer]
            if all(_DIGEST.fullmatch(part["digest"]) and part["size"] >= 0 for part in parts):
                return parts
        except (ValueError, TypeError, KeyError):
            pass
        raise OutsideError(f"{image.reference} is no image of a source folder")

    def _read(self, digest: str, image: Image) -> bytes:
        hint = f"Build it again: slipway image {image.name.rpartition('/')[2]}"
        try:
            content = (self.root / _blob(digest)).read_bytes()
        except FileNotFoundError:
            raise OutsideError(f"{image.reference} is not in {self.root}: {digest} is gone", hint=hint) from None
        except OSError as error:
            raise OutsideError(f"{image.reference} cannot be read: {error}") from None
        if oci.digest_of(content) != digest:
            raise OutsideError(f"{image.reference} is damaged in {self.root}: {digest} has other content", hint=hint)
        return content

    def _index(self) -> Json:
        file = self.root / _INDEX
        try:
            found: Json = json.loads(file.read_bytes())
            if all(_DIGEST.fullmatch(known["digest"]) for known in found["manifests"]):
                return found
        except FileNotFoundError:
            return {"schemaVersion": 2, "mediaType": oci.INDEX_TYPE, "manifests": []}
        except OSError as error:
            raise OutsideError(f"{file} cannot be read: {error}") from None
        except (ValueError, TypeError, KeyError):
            pass
        raise OutsideError(
            f"{file} is no index of images", hint="Delete it: images that are asked for are built again."
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time; the lock ends with its process, however that ends."""
        try:
            (self.root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            with (self.root / _LOCK).open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise OutsideError(
                f"the image cannot be written: {error}",
                hint=f"Is there room on the disk, and may you write to {self.root}?",
            ) from None

    def _write(self, path: str, content: bytes) -> None:
        """Put a file in place whole, with the lock held; nothing is written where it is there already."""
        place, work = self.root / path, self.root / _WORK
        if place.is_file() and place.read_bytes() == content:
            return
        with work.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        work.replace(place)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _manifest(model: str, key: str, layer: bytes) -> bytes:
    """Only what follows from the key, so that it has the same digest wherever it is made."""
    return oci.to_json(
        {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST_TYPE,
            "artifactType": SOURCE_TYPE,
            "config": oci.descriptor(oci.EMPTY_TYPE, oci.EMPTY),
            "layers": [oci.descriptor(oci.LAYER_TYPE, layer)],
            "annotations": {"org.opencontainers.image.title": model, "org.opencontainers.image.version": key},
        }
    )


def _with(index: Json, ref: str, manifest: bytes) -> Json:
    """The index with a manifest under its name. What had the name before stays, and is found by its digest."""
    named = oci.descriptor(oci.MANIFEST_TYPE, manifest) | {"artifactType": SOURCE_TYPE, "annotations": {oci.REF: ref}}
    others = [known for known in index["manifests"] if known["digest"] != named["digest"]]
    return {**index, "manifests": [*(_without(known, ref) for known in others), named]}


def _without(known: Json, ref: str) -> Json:
    if known.get("annotations", {}).get(oci.REF) != ref:
        return known
    return {**known, "annotations": {name: text for name, text in known["annotations"].items() if name != oci.REF}}


def _tar(files: Mapping[str, bytes]) -> bytes:
    """A tar of nothing but names and contents: no times, no owners, no extensions."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), _MODE
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _untar(content: bytes, image: Image) -> Mapping[str, bytes]:
    """The files of a layer; `OutsideError` if it holds anything but files inside of the folder."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isreg() else None
            if stream is None or entry.name.startswith("/") or ".." in entry.name.split("/"):
                raise OutsideError(f"{image.reference} holds {entry.name!r}, which no source folder does")
            found[entry.name] = stream.read()
    return found
