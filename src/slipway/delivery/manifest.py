"""The manifest of a model in an environment: a `SeldonDeployment`, the record of what is live."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from slipway.delivery.document import Document, Items, Scalar, Table, parse
from slipway.errors import InputError
from slipway.training.faults import Fault

API_VERSION: Final = "machinelearning.seldon.io/v1"
KIND: Final = "SeldonDeployment"
DEFAULT: Final = "default"
"""The predictor that serves; `canary` stands beside it while a release is on trial."""
CANARY: Final = "canary"

KEY_ANNOTATION: Final = "slipway.dev/key"
COMMIT_ANNOTATION: Final = "slipway.dev/commit"
METRICS_ANNOTATION: Final = "slipway.dev/metrics"
RUN_ANNOTATION: Final = "slipway.dev/mlflow-run"
VERIFIED_ANNOTATION: Final = "slipway.dev/verified"

_KEY = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_RUN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_IMAGE = re.compile(rf"(?:[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*@sha256:[0-9a-f]{{64}}")
FULL: Final = 100
"""All of the traffic, in per cent."""
_ROUTED: Final = (f"{DEFAULT} and {CANARY} take traffic: they cannot be shadows", "Take its `shadow` away.")
_NOT_ROUTED: Final = (
    f"slipway routes traffic to the predictors {DEFAULT} and {CANARY} alone",
    "Give another one `shadow: true`, or take it away.",
)


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


@dataclass(frozen=True, kw_only=True)
class Predictors:
    """Where the predictors stand in the document."""

    listed: Items
    named: Mapping[str, Table]

    @property
    def default(self) -> Table:
        """The one that serves."""
        return self.named[DEFAULT]

    @property
    def canary(self) -> Table | None:
        """The one on trial, if any."""
        return self.named.get(CANARY)


def manifest_path(model: str, environment: str) -> PurePosixPath:
    """The manifest's place, from the repository's root."""
    return PurePosixPath("gitops/models") / model / environment / "seldon-deployment.yaml"


def live_key(manifest: bytes, file: str) -> str:
    """The key of the model that the manifest serves; `InputError` if it does not say.

    Asks for nothing else, so that a champion is found in whatever else people make of the file.
    """
    document = parse(manifest, file)
    try:
        listed = document.tables(document.table(_root(document), "spec"), "predictors")
        default = next(table for table in listed if document.scalar(table, "name").text == DEFAULT)
        return _matching(document, document.table(default, "annotations"), KEY_ANNOTATION, _KEY)
    except (InputError, StopIteration):
        what = f"the predictor {DEFAULT!r} carries no key in its annotation {KEY_ANNOTATION}"
        hint = f"Take a version from Git: git log -- {file.rpartition(':')[2]}"
        raise InputError(Fault(file=file, what=what, hint=hint)) from None


def read(manifest: bytes, file: str) -> Serving:
    """What is live; `InputError`, with the line, for a manifest that does not say so beyond doubt."""
    return serving(parse(manifest, file))


def serving(document: Document) -> Serving:
    """What is live, of a manifest that was parsed; errors as `read`."""
    found = predictors(document)
    share = _whole(document, found.default, "traffic")
    percent = _whole(document, found.canary, "traffic") if found.canary else None
    if share + (percent or 0) != FULL:
        who = f"{DEFAULT} and {CANARY}" if found.canary else DEFAULT
        raise document.refused(found.default, f"the traffic of {who} sums to {share + (percent or 0)}, not to {FULL}")
    return Serving(
        default=_release(document, found.default),
        canary=_release(document, found.canary) if found.canary else None,
        replicas=_whole(document, found.default, "replicas") if found.default.get("replicas") else 1,
        canary_percent=percent,
    )


def predictors(document: Document) -> Predictors:
    """The two that slipway keeps; `InputError` for any other that takes traffic."""
    root = _root(document)
    for field, value in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.scalar(root, field).text != value:
            raise document.refused(root.get(field) or root, f"{field} must be {value}")
    spec = document.table(root, "spec")
    found: dict[str, Table] = {}
    for table in document.tables(spec, "predictors"):
        name = document.scalar(table, "name")
        if name.text in found:
            raise document.refused(name, f"there are two predictors {name.text!r}")
        if (ours := name.text in {DEFAULT, CANARY}) is _is_shadow(table):
            raise document.refused(name, *(_ROUTED if ours else _NOT_ROUTED))
        found[name.text] = table
    if DEFAULT not in found:
        raise document.refused(root, f"there is no predictor {DEFAULT!r}")
    return Predictors(listed=document.items(spec, "predictors"), named=found)


def _root(document: Document) -> Table:
    if not isinstance(document.root, Table):
        raise document.refused(document.root, f"the manifest must be a {KIND}")
    return document.root


def container(document: Document, predictor: Table) -> Table:
    """The container that runs the model: the one with the name of the graph's root."""
    name = document.scalar(document.table(predictor, "graph"), "name")
    found = [
        table
        for component in document.tables(predictor, "componentSpecs")
        for table in document.tables(document.table(component, "spec"), "containers")
        if document.scalar(table, "name").text == name.text
    ]
    if len(found) != 1:
        count = "no container has" if not found else "several containers have"
        raise document.refused(name, f"the graph's node is {name.text!r}, and {count} that name")
    return found[0]


def _is_shadow(predictor: Table) -> bool:
    node = predictor.get("shadow")
    return isinstance(node, Scalar) and not node.style and node.text in {"true", "True", "TRUE"}


def _whole(document: Document, table: Table, name: str) -> int:
    """A count, written plainly: `0x64` or `1_0` would say one thing to people and another to Kubernetes."""
    node = document.scalar(table, name)
    if node.style or not _NUMBER.fullmatch(node.text):
        raise document.refused(node, f"{name} must be a whole number")
    return int(node.text)


def _release(document: Document, predictor: Table) -> Release:
    annotations = document.table(predictor, "annotations")
    image = document.scalar(container(document, predictor), "image")
    if not _IMAGE.fullmatch(image.text):
        what = f"the image {image.text!r} is not named by its digest alone"
        raise document.refused(image, what, "A tag can come to mean another image. Write name@sha256:<64 hex digits>.")
    return Release(
        key=_matching(document, annotations, KEY_ANNOTATION, _KEY),
        image=image.text,
        commit=_matching(document, annotations, COMMIT_ANNOTATION, _COMMIT),
        metrics=_metrics(document, annotations) if annotations.get(METRICS_ANNOTATION) else {},
        run=_matching(document, annotations, RUN_ANNOTATION, _RUN) if annotations.get(RUN_ANNOTATION) else "",
        verified=_is_marked(document, annotations),
    )


def _matching(document: Document, annotations: Table, name: str, form: re.Pattern[str]) -> str:
    node = document.scalar(annotations, name)
    if not form.fullmatch(node.text):
        raise document.refused(node, f"the annotation {name} is not what slipway wrote there")
    return node.text


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
    try:
        metrics = json.loads(node.text, parse_int=float)
    except (ValueError, RecursionError):
        metrics = None
    if not isinstance(metrics, dict) or not all(isinstance(v, float) and math.isfinite(v) for v in metrics.values()):
        raise document.refused(node, f"the annotation {METRICS_ANNOTATION} is not a JSON object of numbers")
    return metrics
