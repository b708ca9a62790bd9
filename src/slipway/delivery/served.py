"""What a manifest says is live, of any platform, and the strict reading of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from slipway.delivery.document import Document, Scalar, Table
from slipway.spec import DeploymentMode, Platform

DEFAULT: Final = "default"
"""The predictor that serves; `canary` stands beside it while a release is on trial."""
CANARY: Final = "canary"
FULL: Final = 100
"""All of the traffic, in per cent."""

KEY_ANNOTATION: Final = "slipway.dev/key"
COMMIT_ANNOTATION: Final = "slipway.dev/commit"
METRICS_ANNOTATION: Final = "slipway.dev/metrics"
RUN_ANNOTATION: Final = "slipway.dev/mlflow-run"
VERIFIED_ANNOTATION: Final = "slipway.dev/verified"

KEY: Final = re.compile(r"[0-9a-f]{64}")
COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
RUN: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
IMAGE: Final = re.compile(rf"(?:[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*@sha256:[0-9a-f]{{64}}")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A key that was built into an image."""

    key: str
    image: str
    """By digest: `name@sha256:...`."""
    commit: str
    """The source commit that asked for it."""
    metrics: Mapping[str, float]
    run: str = ""
    """The MLflow run that trained it, if one was recorded."""
    verified: bool = False
    """Whether it was verified where it is served; a mark of this release, which the next one does not inherit."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a manifest says is live, and on trial."""

    default: Release
    canary: Release | None
    replicas: int
    """Of the default predictor."""
    canary_percent: int | None
    """The canary's share of the traffic, if there is a canary."""
    platform: Platform = Platform.SELDON
    mode: DeploymentMode = DeploymentMode.STANDARD
    """KServe's; Seldon has no other."""

    def is_on(self, platform: Platform, mode: DeploymentMode) -> bool:
        """Whether that is what serves it; a mode is KServe's alone."""
        return self.platform is platform and (platform is Platform.SELDON or self.mode is mode)


def mapping(document: Document) -> Table:
    """The whole document; `InputError` if it is not a mapping."""
    if not isinstance(document.root, Table):
        raise document.refused(document.root, "the manifest must be a mapping")
    return document.root


def release(document: Document, annotations: Table, container: Table) -> Release:
    """The release that a predictor's annotations and its container name; `InputError` where they leave a doubt."""
    image = document.scalar(container, "image")
    if not IMAGE.fullmatch(image.text):
        what = f"the image {image.text!r} is not named by its digest alone"
        raise document.refused(image, what, "A tag can come to mean another image. Write name@sha256:<64 hex digits>.")
    return Release(
        key=matching(document, annotations, KEY_ANNOTATION, KEY),
        image=image.text,
        commit=matching(document, annotations, COMMIT_ANNOTATION, COMMIT),
        metrics=_metrics(document, annotations) if annotations.get(METRICS_ANNOTATION) else {},
        run=matching(document, annotations, RUN_ANNOTATION, RUN) if annotations.get(RUN_ANNOTATION) else "",
        verified=_is_marked(document, annotations),
    )


def whole(document: Document, table: Table, name: str) -> int:
    """A count, written plainly: `0x64` or `1_0` would say one thing to people and another to Kubernetes."""
    node = document.scalar(table, name)
    if node.style or not _NUMBER.fullmatch(node.text):
        raise document.refused(node, f"{name} must be a whole number")
    return int(node.text)


def matching(document: Document, annotations: Table, name: str, form: re.Pattern[str]) -> str:
    """An annotation of that form; `InputError` for any other."""
    node = document.scalar(annotations, name)
    if not form.fullmatch(node.text):
        raise document.refused(node, f"the annotation {name} is not what slipway wrote there")
    return node.text


def saying(document: Document, table: Table, field: str, values: Mapping[str, object]) -> str:
    """The value of a field, one of these; `InputError` for any other."""
    node = document.scalar(table, field)
    if node.text not in values:
        raise document.refused(node, f"{field} must be {' or '.join(values)}")
    return node.text


def numbers(said: object) -> dict[str, float] | None:
    """Metrics as JSON gave them, or None where they are anything but finite numbers."""
    if not isinstance(said, dict) or not all(isinstance(v, float) and math.isfinite(v) for v in said.values()):
        return None
    return said


def _is_marked(document: Document, annotations: Table) -> bool:
    """Whether the mark is there: a text, since Kubernetes takes no other annotation, and never `false`."""
    if not annotations.get(VERIFIED_ANNOTATION):
        return False
    node = document.scalar(annotations, VERIFIED_ANNOTATION)
    if node.text != "true" or not node.style:
        what = f"the annotation {VERIFIED_ANNOTATION} is not what slipway wrote there"
        raise document.refused(node, what, f'Write {VERIFIED_ANNOTATION}: "true", or take the line away.')
    return True


def _metrics(document: Document, annotations: Table) -> dict[str, float]:
    node = document.scalar(annotations, METRICS_ANNOTATION)
    metrics = numbers(as_json(node))
    if metrics is None:
        raise document.refused(node, f"the annotation {METRICS_ANNOTATION} is not a JSON object of numbers")
    return metrics


def as_json(node: Scalar) -> object:
    """What a value says as JSON, its numbers as floats; None where it is none."""
    try:
        return json.loads(node.text, parse_int=float)
    except (ValueError, RecursionError):
        return None
