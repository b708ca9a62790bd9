"""`package` and `image`: the source folder of a key's model, and its image, built once and recorded by its digest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import reviewed_bytes, trained
from slipway.adapters.files import write as write_files
from slipway.adapters.image import Image
from slipway.adapters.store import Place
from slipway.delivery.source_image import source
from slipway.errors import InputError, OutsideError, StoreError
from slipway.key import SHORT
from slipway.results import Document
from slipway.sources import sources

if TYPE_CHECKING:
    from slipway.adapters.image import Images
    from slipway.delivery.manifest import Release
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
    workflow: str = ""
    """The workflow of GitHub Actions that built it, as the settings name it; nothing where that was elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """An image, by its digest."""

    image: str
    onnx_sha256: str
    """Of the model in it."""
    reused: bool
    """Nothing was built: it had been before."""
    workflow: str
    """That built it, by the first record of it."""


def run(
    workspace: Workspace,
    images: Images,
    model: str,
    key: str,
    *,
    commit: str = "",
    pushed: Callable[[Packaged], None] = lambda _: None,
) -> Packaged:
    """Build the image of a key's model, unless it is recorded and there. The commit is the one that made it, if known.

    Who is told what was `pushed` hears of it before it is recorded, whatever fails from then on.

    Raises `StoreError` where the store has no such model, or where an image that got lost is built again
    and turns out to be another one.
    """
    reviewed_bytes.check_undisputed(workspace.store, model, key)
    known = recorded(workspace, images, model, key)
    if known:
        return known
    place = _place(images, model, key)
    found = _trained(workspace, model, key)
    built = images.build(model, key, source(found.card, found.onnx), commit=commit)
    ours = ImageRecord(
        model=model,
        key=key,
        digest=built.digest,
        onnx_sha256=found.card.onnx_sha256,
        workflow=workspace.settings.workflow,
    )
    packaged = Packaged(image=built.reference, onnx_sha256=ours.onnx_sha256, reused=False, workflow=ours.workflow)
    pushed(packaged)
    kept = workspace.store.put(place, {RECORD: ours.to_json()})
    first = ImageRecord.from_json(kept[RECORD], f"{place.path}/{RECORD}")
    _check(first, ours, place)
    return replace(packaged, workflow=first.workflow)


def is_recorded(workspace: Workspace, images: Images, model: str, key: str) -> bool:
    """Whether this builder has built a key, wherever the image is by now."""
    return workspace.store.get(_place(images, model, key)) is not None


def recorded(workspace: Workspace, images: Images, model: str, key: str) -> Packaged | None:
    """The image that this builder's record of a key names, if it is there; nothing is built."""
    place = _place(images, model, key)
    kept = workspace.store.get(place)
    record = kept and ImageRecord.from_json(kept.get(RECORD, b""), f"{place.path}/{RECORD}")
    if record and images.has(image := Image(name=images.name(model), digest=record.digest)):
        return Packaged(image=image.reference, onnx_sha256=record.onnx_sha256, reused=True, workflow=record.workflow)
    return None


def again(workspace: Workspace, images: Images, model: str, release: Release) -> None:
    """Build the image of a release that got lost; nothing is recorded, for it is nobody's newest.

    Raises `StoreError` where the store has no such model, and `OutsideError` where another image comes of it.
    """
    found = _trained(workspace, model, release.key)
    built = images.build(model, release.key, source(found.card, found.onnx), commit=release.commit)
    if built.digest != Image.parse(release.image).digest:
        raise OutsideError(
            f"{release.image} is gone, and what is built of its key now is another image: {built.digest}",
            hint="Restore it from a backup of the registry, or set SLIPWAY_BUILDER to what it was built upon, "
            "or release the key anew by a pull request.",
        )


def files(workspace: Workspace, model: str, key: str) -> Mapping[str, bytes]:
    """The files of the source folder; `StoreError` where the store has no such model."""
    found = _trained(workspace, model, key)
    return source(found.card, found.onnx)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put a source folder in place, whole. `InputError` if what is there is no source folder: it would be lost."""
    _check_replaceable(folder, files)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
            new, old = Path(work) / "new", Path(work) / "old"
            write_files(new, files)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
    except (OSError, shutil.Error) as error:
        raise OutsideError(
            f"the source folder cannot be written: {error}", hint="Is there room, and may you write there?"
        ) from None


def builder() -> str:
    """How this version of slipway stands in for a builder: with other serving code its images are others."""
    return f"source-{sources('serving')}"


def _place(images: Images, model: str, key: str) -> Place:
    return Place(model=model, key=key, entry=f"image-{images.builder}")


def _check_replaceable(folder: Path, files: Mapping[str, bytes]) -> None:
    ours = {Path(name).parts[0] for name in files}
    try:
        known = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError:
        known = {folder.name}
    except OSError as error:
        raise OutsideError(f"{folder} cannot be read: {error}") from None
    if folder.is_symlink() or not known <= ours:
        raise InputError(
            f"{folder} holds something else than a source folder", hint="Name another with --out, or remove it."
        )


def _trained(workspace: Workspace, model: str, key: str) -> Trained:
    found = trained.load(workspace.store, model, key)
    if found is None:
        raise StoreError(
            f"the store has no model of {model} with the key {key[:SHORT]}",
            hint=f"Train it (slipway run {model}), or point SLIPWAY_STORE to the store that has it.",
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
