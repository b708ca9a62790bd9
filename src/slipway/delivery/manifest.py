"""The manifest of a model in an environment: a `SeldonDeployment`, the record of what is live."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import yaml

from slipway.errors import InputError
from slipway.training.faults import Fault

KEY_ANNOTATION = "slipway.dev/key"
DEFAULT = "default"
"""The predictor that serves; `canary` stands beside it while a release is on trial."""
_KEY = re.compile(r"[0-9a-f]{64}")


def manifest_path(model: str, environment: str) -> PurePosixPath:
    """The manifest's place, from the repository's root."""
    return PurePosixPath("gitops/models") / model / environment / "seldon-deployment.yaml"


def live_key(manifest: bytes, file: str) -> str:
    """The key of the model that the manifest serves; `InputError` if it does not say."""
    try:
        document = yaml.safe_load(manifest)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        what = f"the manifest is not YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}"
        raise InputError(Fault(file=file, line=line, what=what, hint="Mend it, or take a version from Git.")) from None
    key = _annotation(document)
    if not _KEY.fullmatch(key):
        what = f"the predictor {DEFAULT!r} carries no key in its annotation {KEY_ANNOTATION}"
        raise InputError(Fault(file=file, what=what, hint=f"Take a version from Git: git log -- {file}"))
    return key


def _annotation(document: Any) -> str:  # noqa: ANN401  whatever somebody wrote
    """The key, or an empty text for a document of any other shape."""
    try:
        predictors = document["spec"]["predictors"]
        default = next(predictor for predictor in predictors if predictor["name"] == DEFAULT)
        return str(default["annotations"][KEY_ANNOTATION])
    except (KeyError, TypeError, StopIteration):
        return ""
