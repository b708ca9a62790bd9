"""`package`: the image of a key's model, built once and recorded by its digest."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from slipway import trained
from slipway.adapters.image import Image
from slipway.adapters.store import Place, sha256
from slipway.delivery.source_image import source
from slipway.errors import StoreError
from slipway.key import SHORT
from slipway.results import Document

if TYPE_CHECKING:
    from slipway.adapters.image import Images
    from slipway.trained import Trained
    from slipway.workspace import Workspace

RECORD = "release.json"


class ImageRecord(Document):
    """`release.json`: which image a key was built into."""

    model: str
    key: str
    digest: str
    """Of the image, whatever the registry that it is pushed to."""
    onnx_sha256: str


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """An image, by its digest."""

    image: str
    reused: bool
    """Nothing was built: it had been before."""


def run(workspace: Workspace, images: Images, model: str, key: str) -> Packaged:
    """Build the image of a key's model, unless it is recorded and there.

    Raises `StoreError` where the store has no such model, or where an image that got lost is built again
    and turns out to be another one.
    """
    place = Place(model=model, key=key, entry=f"image-{images.builder}")
    kept = workspace.store.get(place)
    record = kept and ImageRecord.from_json(kept.get(RECORD, b""), f"{place.path}/{RECORD}")
    if record and images.has(image := Image(name=images.name(model), digest=record.digest)):
        return Packaged(image=image.reference, reused=True)
    found = _trained(workspace, model, key)
    built = images.build(model, key, source(found.card, found.onnx, server=_server()))
    ours = ImageRecord(model=model, key=key, digest=built.digest, onnx_sha256=found.card.onnx_sha256)
    first = workspace.store.put(place, {RECORD: ours.to_json()})
    _check(ImageRecord.from_json(first[RECORD], f"{place.path}/{RECORD}"), ours, place)
    return Packaged(image=built.reference, reused=False)


def builder() -> str:
    """How this version of slipway makes images: with another serving class they are others."""
    return f"source-{sha256(_server())[:SHORT]}"


def _trained(workspace: Workspace, model: str, key: str) -> Trained:
    found = trained.load(workspace.store, model, key)
    if found is None:
        raise StoreError(
            f"the store has no model of {model} with the key {key[:SHORT]}",
            hint=f"Train it (slipway tune {model}), or point SLIPWAY_STORE to the store that has it.",
        )
    return found


def _check(first: ImageRecord, ours: ImageRecord, place: Place) -> None:
    """The same key and builder give the same digest; else one of the two is not what was reviewed."""
    if first.digest != ours.digest:
        raise StoreError(
            f"{ours.model} {ours.key[:SHORT]} was built into {first.digest} and is {ours.digest} when built again",
            hint=f"Was slipway itself changed in between? To release what it builds now, delete {place.path} "
            "from the store and run the command again.",
        )


def _server() -> bytes:
    """The serving class as it is in this version of slipway."""
    return resources.files("slipway.serving").joinpath("model.py").read_bytes()
