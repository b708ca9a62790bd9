"""A `SeldonDeployment`: the default and the canary are two of its predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from slipway.delivery import edits
from slipway.delivery.document import Document, Items, Node, Scalar, Table
from slipway.delivery.edits import Edit
from slipway.delivery.fields import Step, quoted
from slipway.delivery.pair import Pair, Side
from slipway.delivery.served import CANARY, DEFAULT, KEY, KEY_ANNOTATION, mapping, matching
from slipway.spec import Platform

API_VERSION: Final = "machinelearning.seldon.io/v1"
KIND: Final = "SeldonDeployment"

_ROUTED: Final = (f"{DEFAULT} and {CANARY} take traffic: they cannot be shadows", "Take its `shadow` away.")
_NOT_ROUTED: Final = (
    f"slipway routes traffic to the predictors {DEFAULT} and {CANARY} alone",
    "Give another one `shadow: true`, or take it away.",
)


class Seldon(Pair):
    """The form of a `SeldonDeployment`."""

    platform: ClassVar = Platform.SELDON
    scale: ClassVar = ("replicas", "name")
    share: ClassVar = "traffic"

    def key(self, document: Document) -> str:
        """As `Form.key`."""
        listed = document.tables(document.table(mapping(document), "spec"), "predictors")
        default = next(table for table in listed if document.scalar(table, "name").text == DEFAULT)
        return matching(document, document.table(default, "annotations"), KEY_ANNOTATION, KEY)

    def sides(self, document: Document) -> Mapping[str, Side]:
        """As `Pair.sides`."""
        named = _predictors(document).named
        return {name: _side(document, named[name]) for name in (DEFAULT, CANARY) if name in named}

    def canary(self, document: Document) -> Iterator[Node]:
        """As `Pair.canary`."""
        if (found := _predictors(document).named.get(CANARY)) is not None:
            yield found

    def added(self) -> Iterator[Step]:
        """As `Pair.added`."""
        yield _copy_default

    def removed(self) -> Iterator[Step]:
        """As `Pair.removed`."""
        yield _remove_canary


@dataclass(frozen=True, kw_only=True)
class _Predictors:
    """Where the predictors stand in the document."""

    listed: Items
    named: Mapping[str, Table]


def _predictors(document: Document) -> _Predictors:
    """The two that slipway keeps; `InputError` for any other that takes traffic."""
    root = mapping(document)
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
    return _Predictors(listed=document.items(spec, "predictors"), named=found)


def _side(document: Document, predictor: Table) -> Side:
    return Side(
        annotations=document.table(predictor, "annotations"),
        container=_container(document, predictor),
        scaled=predictor,
        routed=predictor,
    )


def _container(document: Document, predictor: Table) -> Table:
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


def _remove_canary(document: Document) -> Edit | None:
    found = _predictors(document)
    canary = found.named.get(CANARY)
    return edits.remove_item(document, found.listed, canary) if canary else None


def _copy_default(document: Document) -> Edit:
    found = _predictors(document)
    default = found.named[DEFAULT]
    name = document.scalar(default, "name")
    return edits.copy_item(document, found.listed, default, edits.replace(name, quoted(CANARY, name.style)))
