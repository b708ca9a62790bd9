"""A bundle's files as documents, after all that can be checked of them without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from slipway.adapters.store import sha256
from slipway.bundle import bounds, claims, graph
from slipway.bundle.document import Bundle, Plan
from slipway.bundle.folder import BUNDLE, PLAN
from slipway.bundle.hostile import LIMITS, MAX_BUNDLE, MAX_CHALLENGER
from slipway.bundle.rejected import Rejected, place
from slipway.results import Document, ModelCard
from slipway.trained import CARD, ONNX, Trained

__all__ = ["MAX_BUNDLE", "MAX_CHALLENGER", "Expected", "Rejected", "bundle", "challenger", "plan"]

_MOST_ERRORS = 1_000
"""More than these are not even listed, which would take gigabytes."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the forge says of the run that made a bundle."""

    pull_request: int
    head: str
    """The pull request's own newest commit when it ran."""


def plan(files: Mapping[str, bytes], expected: Expected) -> Plan:
    """What is to be reviewed; `Rejected` if that is no plan, or another pull request's."""
    found = _document(Plan, files, PLAN)
    _check_origin(found, expected)
    return found


def bundle(files: Mapping[str, bytes], model: str, expected: Expected) -> Bundle:
    """What was found of a model; `Rejected` if it is no bundle, another's, out of bounds or contradicts itself."""
    found = _document(Bundle, files, BUNDLE)
    _check_origin(found, expected)
    if found.model != model:
        raise Rejected("the bundle is of another model than its place says")
    if found.report is not None:
        claims.check(found.report)
    return found


def challenger(files: Mapping[str, bytes], bundle: Bundle) -> Trained:
    """The model that a bundle tells of, whose report is known to be sound.

    Raises `Rejected` where there is none, its card is not the report's, or `model.onnx` is not what the card says.
    """
    if bundle.report is None or bundle.report.card is None:
        raise Rejected("the bundle tells of no challenger")
    card = _document(ModelCard, files, CARD)
    if card != bundle.report.card:
        raise Rejected("the challenger's card is not the one in the report")
    onnx = _file(files, ONNX)
    if (len(onnx), sha256(onnx)) != (card.onnx_bytes, card.onnx_sha256):
        raise Rejected("model.onnx is not the file that its card names")
    graph.check(onnx, card)
    return Trained(card=card, onnx=onnx)


def _check_origin(found: Plan | Bundle, expected: Expected) -> None:
    if (found.pull_request, found.head) != (expected.pull_request, expected.head):
        raise Rejected("what was handed on is of another pull request or commit")


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    content = files.get(name)
    if content is None:
        raise Rejected(f"there is no {name}")
    if len(content) > LIMITS[name]:
        raise Rejected(f"{name} has {len(content):,} bytes; {LIMITS[name]:,} are allowed")
    return content


def _document[D: Document](kind: type[D], files: Mapping[str, bytes], name: str) -> D:
    content = _file(files, name)
    bounds.check_text(content, name)
    try:
        document = kind.model_validate_json(content)
    except ValidationError as error:
        if (count := error.error_count()) > _MOST_ERRORS:
            raise Rejected(f"{name} is wrong in {count:,} places") from None
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        raise Rejected(f"{name}: {place(first['loc'])}: {first['msg']}") from None
    bounds.check(document)
    return document
