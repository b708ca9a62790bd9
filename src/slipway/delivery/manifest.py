"""The manifest of a model in an environment, the record of what is live: how it is found and read.

Which platform serves the model is read from the document itself, so that no setting can say otherwise.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from slipway.delivery.document import Document, parse
from slipway.delivery.form import Form
from slipway.delivery.kserve.knative import Knative
from slipway.delivery.kserve.standard import Standard
from slipway.delivery.seldon.manifest import Seldon
from slipway.delivery.served import (
    CANARY,
    COMMIT_ANNOTATION,
    DEFAULT,
    FULL,
    KEY_ANNOTATION,
    METRICS_ANNOTATION,
    RUN_ANNOTATION,
    VERIFIED_ANNOTATION,
    Release,
    Serving,
    mapping,
    saying,
)
from slipway.errors import InputError
from slipway.spec import Platform
from slipway.training.faults import Fault

__all__ = [
    "CANARY",
    "COMMIT_ANNOTATION",
    "DEFAULT",
    "FULL",
    "KEY_ANNOTATION",
    "METRICS_ANNOTATION",
    "RUN_ANNOTATION",
    "VERIFIED_ANNOTATION",
    "Release",
    "Serving",
    "form",
    "live_key",
    "manifest_path",
    "manifest_paths",
    "read",
]

_FILES: Final = {Platform.SELDON: "seldon-deployment.yaml", Platform.KSERVE: "inference-service.yaml"}
_FORMS: Final[dict[str, Form]] = {"SeldonDeployment": Seldon(), "InferenceService": Knative(), "List": Standard()}


def manifest_path(model: str, environment: str, platform: Platform = Platform.SELDON) -> PurePosixPath:
    """The manifest's place, from the repository's root."""
    return PurePosixPath("gitops/models") / model / environment / _FILES[platform]


def manifest_paths(model: str, environment: str) -> tuple[PurePosixPath, ...]:
    """Every place where a manifest may be: one of them, since one platform serves a model."""
    return tuple(manifest_path(model, environment, platform) for platform in _FILES)


def live_key(manifest: bytes, file: str) -> str:
    """The key of the model that the manifest serves; `InputError` if it does not say.

    Asks for nothing else, so that a champion is found in whatever else people make of the file.
    """
    document = parse(manifest, file)
    try:
        return form(document).key(document)
    except (InputError, StopIteration):
        what = f"the predictor {DEFAULT!r} carries no key in its annotation {KEY_ANNOTATION}"
        hint = f"Take a version from Git: git log -- {file.rpartition(':')[2]}"
        raise InputError(Fault(file=file, what=what, hint=hint)) from None


def read(manifest: bytes, file: str) -> Serving:
    """What is live; `InputError`, with the line, for a manifest that does not say so beyond doubt."""
    document = parse(manifest, file)
    return form(document).serving(document)


def form(document: Document) -> Form:
    """How this kind of document is read and edited; `InputError` for one that serves no model."""
    return _FORMS[saying(document, mapping(document), "kind", _FORMS)]
