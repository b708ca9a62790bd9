"""Images in a registry: built by s2i and an engine upon the builder, pushed by skopeo beside a list of their parts."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from slipway.adapters import engine, skopeo
from slipway.adapters.files import write
from slipway.adapters.image import Image
from slipway.delivery import oci, sbom
from slipway.delivery.oci import Blobs, Builder
from slipway.delivery.source_image import ONNX
from slipway.errors import InputError, OutsideError
from slipway.key import SHORT

_BUILDER, _REGISTRY = "SLIPWAY_BUILDER", "SLIPWAY_REGISTRY"
_DESCRIPTION = "org.opencontainers.image.description"
_TITLE, _VERSION = "org.opencontainers.image.title", "org.opencontainers.image.version"
_BASE_NAME, _BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
_SOURCE, _REVISION = "org.opencontainers.image.source", "org.opencontainers.image.revision"
_ROOM = "Is there room on the disk?"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image that was built, and is not in the registry yet."""

    image: Image
    blobs: Blobs
    sbom: Blobs


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Images of models, each the builder and one layer.

    An image follows from its key and the builder. So the commit and the repository's address are no labels of it:
    the same key comes from many commits, and the same repository is cloned from many addresses. Both are annotations
    of the list of parts; the commit that was released stands beside the digest in `gitops/` too.
    """

    registry: str
    """What the images' names begin with."""
    base: Image
    work: Path
    """A path that is this clone's own: of it, one build at a time goes on with an engine."""
    source: str = ""
    """The repository's address, if it is known; without credentials."""

    @classmethod
    def of(cls, registry: str, builder: str, work: Path, *, source: str = "") -> Self:
        """The registry of these settings; `InputError` where they name none, or a builder without its digest."""
        try:
            base = Image.parse(builder)
        except InputError:
            hint = "A tag can move: write it as name@sha256:<64 digits>, as the push of the builder printed it."
            raise InputError(
                f"{_BUILDER} is {builder!r}, which does not name the builder by its digest", hint=hint
            ) from None
        skopeo.check_name(base.name, _BUILDER)
        registry = skopeo.check_name(registry.rstrip("/"), _REGISTRY)
        return cls(registry=registry, base=base, work=work, source=source)

    @property
    def builder(self) -> str:
        """The builder image. Its name counts besides its digest: a label tells it."""
        name = hashlib.sha256(self.base.name.encode()).hexdigest()[:SHORT]
        return f"s2i-{self.base.digest.removeprefix('sha256:')[:16]}-{name}"

    def name(self, model: str) -> str:
        """The registry's name, and the model's."""
        return f"{self.registry}/{model}"

    def build(self, model: str, key: str, files: Mapping[str, bytes], *, commit: str = "") -> Image:
        """Build the image, and push it with its list of parts; nothing is sent that is there already.

        Raises `InputError` before anything is built where no registry has the name: what is not pushed may have it.
        """
        _ = self._base  # a builder that is not there is told first
        skopeo.check_hosted(self.registry, _REGISTRY)
        made = self.make(model, key, files, commit=commit)
        self._push(made, self._tag(key))
        if not self.has(made.image):
            raise OutsideError(f"{made.image.reference} was pushed, and the registry does not have it")
        return made.image

    def has(self, image: Image) -> bool:
        """Whether the image's registry has its manifest."""
        return skopeo.has(image)

    def files(self, image: Image) -> Mapping[str, bytes]:
        """The model's files, from the image's own layer; the builder's are not fetched."""
        manifest = skopeo.manifest(image)
        if manifest is None:
            hint = f"Build it again: slipway image {image.name.rpartition('/')[2]}"
            raise OutsideError(f"{image.reference} is not in its registry", hint=hint)
        *below, own = oci.layers(manifest, image.reference)
        with _room() as place:
            for digest in below:
                _blob(place, digest).parent.mkdir(parents=True, exist_ok=True)
                _blob(place, digest).touch()  # what is there is not fetched
            skopeo.pull(image, place)
            content = _blob(place, own).read_bytes()
        if oci.digest_of(content) != own:
            raise OutsideError(f"{image.reference} is damaged: {own} has other content")
        return oci.unpacked(content, oci.MODEL_FOLDER, image.reference)

    def make(self, model: str, key: str, files: Mapping[str, bytes], *, commit: str = "") -> Made:
        """Build the image and the list of its parts, and push nothing."""
        base = self._base
        found = engine.find()
        tag = f"localhost/{self._local}:{model}-{key[:16]}"
        with engine.alone(self._local), _room() as place:
            try:
                write(place / "source", files)
                (place / "build").mkdir()
                engine.dockerfile(
                    place / "source",
                    place / "build",
                    base=self.base.reference,
                    scripts=base.scripts,
                    user=base.user,
                    model=model,
                )
                found.build(place / "build", tag, tls=skopeo.has_tls(self.base.name))
                packages = self._checked(found.read(tag, (oci.MODEL_FOLDER, sbom.BUILDERS_LIST)), files)
                config = found.config(tag)
            finally:
                found.remove(tag)
        told = {_SOURCE: self.source, _REVISION: commit}
        return self._written(model, key, files, config, packages, {name: text for name, text in told.items() if text})

    def _checked(self, found: dict[str, bytes], files: Mapping[str, bytes]) -> bytes:
        """The builder's list of packages, after a look at whether what was built is what it was given."""
        packages = found.pop(sbom.BUILDERS_LIST, b"")
        if found != {f"{oci.MODEL_FOLDER}/{path}": file for path, file in files.items()}:
            raise OutsideError(
                f"{self.base.reference} puts something else into an image than it is given: {', '.join(sorted(found))}",
                hint="Use a builder of this version of slipway: make images",
            )
        return packages

    def _written(
        self,
        model: str,
        key: str,
        files: Mapping[str, bytes],
        config: Mapping[str, Any],
        packages: bytes,
        told: Mapping[str, str],
    ) -> Made:
        """The documents of an image, and of what is beside it."""
        named = {_TITLE: model, _VERSION: key}
        about = {_DESCRIPTION: f"The model {model}, with its server", _BASE_NAME: self.base.name}
        blobs = oci.image(self._base, files, config, {**named, **about, _BASE_DIGEST: self.base.digest})
        subject = sbom.Subject(
            model=model,
            key=key,
            digest=blobs.digest,
            onnx_sha256=hashlib.sha256(files[ONNX]).hexdigest(),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )
        attached = oci.attached(sbom.sbom(subject, packages), blobs.manifest, {**named, **told})
        return Made(image=Image(name=self.name(model), digest=blobs.digest), blobs=blobs, sbom=attached)

    @property
    def _local(self) -> str:
        """What images that are under way are called here: other clones have other names for theirs."""
        return f"slipway-{hashlib.sha256(str(self.work).encode()).hexdigest()[:SHORT]}"

    @cached_property
    def _base(self) -> Builder:
        """The builder as its registry has it."""
        manifest = skopeo.manifest(self.base)
        if manifest is None:
            raise OutsideError(
                f"the builder {self.base.reference} is not in its registry",
                hint=f"Push it (make images), and name it in {_BUILDER} by its digest.",
            )
        return oci.builder(self.base.reference, manifest, skopeo.config(self.base))

    def _tag(self, key: str) -> str:
        """A tag that never moves: some registries delete what has none."""
        return f"{key}-{self.builder}"

    def _push(self, made: Made, tag: str) -> None:
        """The builder's layers first, then the list of parts, then the image: a half of it is healed by another run."""
        name = made.image.name
        there = Image(name=name, digest=self.base.digest)
        if name != self.base.name and skopeo.may_lack(there):
            skopeo.transfer(self.base, there)  # from here on there is a repository that can be looked into
        index = f"{name}:{made.image.digest.replace(':', '-')}"
        listed = oci.referrers(skopeo.named(index), made.sbom.manifest)
        with _room() as place:
            _lay_out(place, made, listed)
            skopeo.push(place, "image", f"{name}:{tag}")
            skopeo.push(place, "sbom", f"{name}@{made.sbom.digest}")
            if listed:
                skopeo.push_index(place, "referrers", index)


@contextmanager
def _room() -> Iterator[Path]:
    """A folder for a while."""
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-image-") as place:
            yield Path(place)
    except OSError as error:
        raise OutsideError(f"the image cannot be written or read: {error}", hint=_ROOM) from None


def _lay_out(place: Path, made: Made, listed: bytes | None) -> None:
    """An OCI image layout of the documents, without the builder's layers: the registry has them by now."""
    named = {"image": made.blobs.manifest, "sbom": made.sbom.manifest} | ({"referrers": listed} if listed else {})
    blobs = (*named.values(), *made.blobs.others, *made.sbom.others)
    write(place, {str(_blob(Path(), oci.digest_of(content))): content for content in blobs})
    kinds = {"referrers": oci.INDEX_TYPE}
    entries = [
        oci.descriptor(kinds.get(ref, oci.MANIFEST_TYPE), content) | {"annotations": {oci.REF: ref}}
        for ref, content in named.items()
    ]
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def _blob(place: Path, digest: str) -> Path:
    return place / "blobs" / digest.replace(":", "/")
