"""KServe without Knative: two services behind one route, as a `List`, which Kubernetes and Argo CD take apart.

KServe splits no traffic here between two containers of one's own: `canaryTrafficPercent` is Knative's, and the
`canary` that KServe 0.20 added for this mode takes its built-in servers alone (`validateCanarySpecs`). So the canary
is a service of its own, and a Gateway API `HTTPRoute` has the weights. It is always there: a stable address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from slipway.delivery import edits
from slipway.delivery.document import Document, Items, Node, Table
from slipway.delivery.edits import Edit
from slipway.delivery.fields import Step, quoted, set_value
from slipway.delivery.kserve.service import KIND, Service, hold_name, named_in_metrics, service
from slipway.delivery.pair import Pair, Side
from slipway.delivery.served import CANARY, DEFAULT, KEY, KEY_ANNOTATION, mapping, matching, saying
from slipway.spec import DeploymentMode, Platform

ROUTE: Final = "HTTPRoute"
_ROUTE_VERSIONS: Final = ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1")
_AFTER: Final = f"-{CANARY}"


class Standard(Pair):
    """The form of two `InferenceService`s and their route."""

    platform: ClassVar = Platform.KSERVE
    scale: ClassVar = ("minReplicas", "containers")
    share: ClassVar = "weight"

    def key(self, document: Document) -> str:
        """As `Form.key`."""
        named = {}
        for table in document.tables(mapping(document), "items"):
            if document.scalar(table, "kind").text == KIND:
                metadata = document.table(table, "metadata")
                named[document.scalar(metadata, "name").text] = metadata
        default = next(iter(sorted(named, key=len)))
        return matching(document, document.table(named[default], "annotations"), KEY_ANNOTATION, KEY)

    def sides(self, document: Document) -> Mapping[str, Side]:
        """As `Pair.sides`."""
        found = _services(document)
        routed = _backends(document, found)
        if routed.named.keys() != found.named.keys():
            here, there = ("has", "no service") if CANARY in routed.named else ("has not", "a service")
            raise document.refused(routed.listed, f"the route {here} the canary, of which there is {there}")
        sides = {}
        for name, part in found.named.items():
            hold_name(document, part.container, name)
            sides[name] = Side(
                annotations=part.annotations,
                container=part.container,
                scaled=part.predictor,
                routed=routed.named[name],
            )
        return sides

    def canary(self, document: Document) -> Iterator[Node]:
        """As `Pair.canary`."""
        found = _services(document)
        if CANARY in found.named:
            yield found.items[CANARY]
            yield _backends(document, found).named[CANARY]

    def added(self) -> Iterator[Step]:
        """As `Pair.added`."""
        yield _copy_service
        yield _rename
        yield _copy_backend

    def removed(self) -> Iterator[Step]:
        """As `Pair.removed`."""
        yield _remove_backend
        yield _remove_service


@dataclass(frozen=True, kw_only=True)
class _Services:
    """Where the services stand in the document."""

    listed: Items
    items: Mapping[str, Table]
    named: Mapping[str, Service]

    def backend(self, predictor: str) -> str:
        """The name of the Kubernetes `Service` that KServe makes for one."""
        return f"{self.named[DEFAULT].name.text}{_AFTER if predictor == CANARY else ''}-predictor"


@dataclass(frozen=True, kw_only=True)
class _Backends:
    """Where the route sends to them."""

    listed: Items
    named: Mapping[str, Table]


def _services(document: Document) -> _Services:
    """The one or two that slipway keeps; `InputError` for any other, whose part in the traffic nobody says."""
    root = mapping(document)
    saying(document, root, "apiVersion", {"v1": None})
    saying(document, root, "kind", {"List": None})
    tables = [t for t in document.tables(root, "items") if document.scalar(t, "kind").text == KIND]
    if not tables:
        raise document.refused(root, f"there is no {KIND}")
    found = [(service(document, table, DeploymentMode.STANDARD), table) for table in tables]
    found.sort(key=lambda one: len(one[0].name.text))
    default, *others = found
    expected = default[0].name.text + _AFTER
    wrong = [one for one, _ in others if one.name.text != expected]
    if len(found) > len((DEFAULT, CANARY)) or wrong:
        refused = wrong[0].name if wrong else others[-1][0].name
        raise document.refused(refused, f"slipway keeps {default[0].name.text} and {expected} alone in this file")
    both = dict(zip((DEFAULT, CANARY), found, strict=False))
    return _Services(
        listed=document.items(root, "items"),
        items={name: table for name, (_, table) in both.items()},
        named={name: part for name, (part, _) in both.items()},
    )


def _backends(document: Document, found: _Services) -> _Backends:
    """The one list of the routes that the default is in; `InputError` for another, or for anything else in it."""
    lists = [listed for listed in _routed(document) if _named(document, listed).get(found.backend(DEFAULT))]
    if len(lists) != 1:
        count = "no rule" if not lists else "more than one rule"
        what = f"{count} of an {ROUTE} sends traffic to {found.backend(DEFAULT)}"
        raise document.refused(found.listed, what, f"Write one rule, with a weight for {found.backend(DEFAULT)}.")
    ours = {found.backend(name): name for name in (DEFAULT, CANARY)}
    named = _named(document, lists[0])
    for name, table in named.items():
        if name not in ours:
            what = f"slipway routes traffic to {' and '.join(ours)} alone"
            raise document.refused(table, what, "Give another one a rule of its own, or take it away.")
    return _Backends(listed=lists[0], named={ours[name]: table for name, table in named.items()})


def _routed(document: Document) -> Iterator[Items]:
    for table in document.tables(mapping(document), "items"):
        if document.scalar(table, "kind").text == ROUTE:
            saying(document, table, "apiVersion", dict.fromkeys(_ROUTE_VERSIONS))
            for rule in document.tables(document.table(table, "spec"), "rules"):
                if rule.get("backendRefs"):
                    document.tables(rule, "backendRefs")
                    yield document.items(rule, "backendRefs")


def _named(document: Document, listed: Items) -> dict[str, Table]:
    named: dict[str, Table] = {}
    for table in listed.items:
        if isinstance(table, Table):
            name = document.scalar(table, "name")
            if name.text in named:
                raise document.refused(name, f"the rule sends to {name.text} twice")
            named[name.text] = table
    return named


# ---- steps


def _copy_service(document: Document) -> Edit:
    found = _services(document)
    name = found.named[DEFAULT].name
    renamed = edits.replace(name, quoted(name.text + _AFTER, name.style))
    return edits.copy_item(document, found.listed, found.items[DEFAULT], renamed)


def _rename(document: Document) -> Edit | None:
    """The canary's own name in its metrics."""
    return set_value(named_in_metrics(document, _services(document).named[CANARY].container), "value", CANARY)


def _copy_backend(document: Document) -> Edit:
    found = _services(document)
    routed = _backends(document, found)
    default = routed.named[DEFAULT]
    name = document.scalar(default, "name")
    renamed = edits.replace(name, quoted(found.backend(CANARY), name.style))
    return edits.copy_item(document, routed.listed, default, renamed)


def _remove_backend(document: Document) -> Edit | None:
    routed = _backends(document, _services(document))
    canary = routed.named.get(CANARY)
    return edits.remove_item(document, routed.listed, canary) if canary else None


def _remove_service(document: Document) -> Edit | None:
    found = _services(document)
    canary = found.items.get(CANARY)
    return edits.remove_item(document, found.listed, canary) if canary else None
