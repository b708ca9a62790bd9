"""What `gitops/` says is released of a model, as the working tree has it, and where its files are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway import trained
from slipway.adapters.git import WorkTree
from slipway.adapters.image import Image
from slipway.adapters.store import sha256
from slipway.delivery import manifest, source_image
from slipway.errors import InputError, OutsideError, StoreError
from slipway.key import SHORT
from slipway.plan import served as at
from slipway.results import ModelCard
from slipway.spec import check_name, folder

if TYPE_CHECKING:
    from slipway.adapters.image import Images
    from slipway.delivery.manifest import Release, Serving
    from slipway.workspace import Workspace

_DIGITS, _KEY = re.compile(r"[0-9a-f]{1,64}"), 64


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model that can be served: its card, and the files that its image is made of."""

    card: ModelCard
    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if not self.card.golden:
            raise StoreError(
                f"{self.card.model} {self.card.key[:SHORT]} has no golden requests to be asked with",
                hint="Was its holdout empty? Give [data] holdout a larger share.",
            )


def serving(workspace: Workspace, model: str) -> Serving:
    """What the model's manifest says; `InputError` where there is no model or it was never released."""
    environment = workspace.settings.environment
    found = at.find(WorkTree(root=workspace.settings.repo).read, check_name(model), environment)
    if found is not None:
        path, content = found
        return manifest.read(content, path)
    if not (workspace.settings.repo / folder(model)).is_dir():
        raise InputError(f"there is no model {model!r} here", hint="Name a folder of data/.")
    raise InputError(
        f"nothing of {model} is released in {environment}: gitops/models/{model}/{environment} has no manifest here",
        hint=f"Is it on main? Fetch it: git pull. To serve what is trained here: slipway serve {model} --challenger",
    )


def whole_key(workspace: Workspace, model: str, digits: str) -> str:
    """The key that begins with these digits: of what is released, or the working tree's; all 64 mean any key.

    Raises `InputError` where they are no key's, or no one key's here.
    """
    if not _DIGITS.fullmatch(digits):
        raise InputError(f"{digits!r} is no key of a model", hint=_whole(check_name(model)))
    if len(digits) == _KEY:
        return digits
    known = [one.key for one in served(workspace, model)]
    own = [workspace.model(model).key] if (workspace.settings.repo / folder(check_name(model))).is_dir() else []
    if not (known or own):
        raise InputError(f"there is no model {model!r} here", hint="Name a folder of data/.")
    found = {key for key in (*known, *own) if key.startswith(digits)}
    if len(found) == 1:
        return found.pop()
    if found:
        raise InputError(f"{' and '.join(sorted(found))} both begin with {digits}", hint="Give more digits.")
    shown = " and ".join(key[:SHORT] for key in known) or "nothing"
    raise InputError(f"gitops/ names {shown} of {model}, and the working tree has another key", hint=_whole(model))


def served(workspace: Workspace, model: str) -> list[Release]:
    """What the model's manifest says is on trial and live; nothing where it says nothing."""
    try:
        now = serving(workspace, model)
    except InputError:
        return []
    return [release for release in (now.canary, now.default) if release]


def _whole(model: str) -> str:
    return f"For one that was released before give all of its 64 digits: slipway history {model} --json has them."


def find(workspace: Workspace, images: Callable[[], Images], model: str, release: Release) -> Source:
    """A release's files: of the store by its key, else of its image; nobody looks for images before.

    Raises `OutsideError` where neither has them, or where they are not what they should be.
    """
    found = trained.load(workspace.store, model, release.key)
    if found is not None:
        return Source(card=found.card, files=source_image.source(found.card, found.onnx))
    try:
        files = images().files(Image.parse(release.image))
    except OutsideError as error:
        raise StoreError(
            f"neither the store nor the image has {model} {release.key[:SHORT]}: {error.what}",
            hint="Point SLIPWAY_STORE to the store that releases use.",
        ) from None
    return of_image(files, release.image, model, release.key)


def of_image(files: Mapping[str, bytes], image: str, model: str, key: str) -> Source:
    """The model in an image's files, and nothing else of them: whoever can write a manifest can name any image.

    Raises `OutsideError` where it is not the model of this key.
    """
    card = ModelCard.from_json(files.get(source_image.CARD, b""), f"{image}: {source_image.CARD}")
    onnx = files.get(source_image.ONNX, b"")
    if (card.model, card.key) != (model, key):
        raise OutsideError(f"{image} holds {card.model} {card.key[:SHORT]}, not {model} {key[:SHORT]}")
    if sha256(onnx) != card.onnx_sha256:
        raise OutsideError(f"{image} holds another {source_image.ONNX} than its {source_image.CARD} names")
    return Source(card=card, files=source_image.source(card, onnx))


def reviewed(workspace: Workspace, model: str, key: str, *, hint: str) -> Source:
    """What the store has of a key; `StoreError` where it has nothing."""
    found = trained.load(workspace.store, check_name(model), key)
    if found is None:
        raise StoreError(f"the store has no model of {model} with the key {key[:SHORT]}", hint=hint)
    return Source(card=found.card, files=source_image.source(found.card, found.onnx))
