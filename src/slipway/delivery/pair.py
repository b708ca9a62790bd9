"""Manifests that list the default and, while a release is on trial, the canary beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from slipway.delivery import fields
from slipway.delivery.document import Document, Node, Table
from slipway.delivery.edits import Edit
from slipway.delivery.fields import QUOTES, Step
from slipway.delivery.served import CANARY, DEFAULT, FULL, VERIFIED_ANNOTATION, Release, Serving, release, whole
from slipway.spec import DeploymentMode, Platform


@dataclass(frozen=True, kw_only=True)
class Side:
    """Where the default, or the canary, says what slipway owns."""

    annotations: Table
    container: Table
    scaled: Table
    """Has the replicas."""
    routed: Table
    """Has the share of the traffic."""


class Pair(ABC):
    """A form with two sides. The canary is a copy of the default, as people set that up, with another release in it."""

    platform: ClassVar[Platform]
    scale: ClassVar[tuple[str, str]]
    """The field of the replicas, and the one that it stands behind."""
    share: ClassVar[str]
    """The field of the traffic."""

    @abstractmethod
    def key(self, document: Document) -> str:
        """As `Form.key`."""

    @abstractmethod
    def sides(self, document: Document) -> Mapping[str, Side]:
        """The default, and the canary if there is one; `InputError` for anything else that takes traffic."""

    @abstractmethod
    def canary(self, document: Document) -> Iterable[Node]:
        """What stands there only while a release is on trial."""

    @abstractmethod
    def added(self) -> Iterable[Step]:
        """The canary, where there is none."""

    @abstractmethod
    def removed(self) -> Iterable[Step]:
        """The canary away, if there is one."""

    def serving(self, document: Document) -> Serving:
        """As `Form.serving`."""
        sides = self.sides(document)
        shares = {name: whole(document, side.routed, self.share) for name, side in sides.items()}
        if sum(shares.values()) != FULL:
            what = f"the traffic of {' and '.join(shares)} sums to {sum(shares.values())}, not to {FULL}"
            raise document.refused(sides[DEFAULT].routed, what)
        releases = {name: release(document, side.annotations, side.container) for name, side in sides.items()}
        scaled = sides[DEFAULT].scaled
        return Serving(
            default=releases[DEFAULT],
            canary=releases.get(CANARY),
            replicas=whole(document, scaled, self.scale[0]) if scaled.get(self.scale[0]) else 1,
            canary_percent=shares.get(CANARY),
            platform=self.platform,
            mode=DeploymentMode.STANDARD,
        )

    def owned(self, document: Document) -> Iterator[Node]:
        """As `Form.owned`."""
        side = self.sides(document)[DEFAULT]
        yield from self.canary(document)
        values = [side.container.get("image"), side.routed.get(self.share), side.scaled.get(self.scale[0])]
        values += [side.annotations.get(name) for name in QUOTES]
        yield from filter(None, values)

    def trial(self, now: Serving, release: Release, percent: int) -> Iterator[Step]:
        """As `Form.trial`."""
        del now
        yield from self.removed()
        yield from self.added()
        yield from self._release(CANARY, release)
        yield from self._traffic(percent)

    def live(self, now: Serving, release: Release) -> Iterator[Step]:
        """As `Form.live`."""
        yield from self.ended(now)
        yield from self._release(DEFAULT, release)

    def ended(self, now: Serving) -> Iterator[Step]:
        """As `Form.ended`."""
        del now
        yield from self.removed()
        yield from self._traffic(0)

    def marked(self, now: Serving) -> Iterator[Step]:
        """As `Form.marked`."""
        del now
        yield partial(self._annotate, DEFAULT, VERIFIED_ANNOTATION, "true")

    def rebuilt(self, now: Serving, predictor: str, image: str) -> Iterator[Step]:
        """As `Form.rebuilt`."""
        del now
        yield partial(self._set_image, predictor, image)

    def configured(self, now: Serving, replicas: int, percent: int | None) -> Iterator[Step]:
        """As `Form.configured`."""
        for predictor in (DEFAULT, CANARY) if now.canary else (DEFAULT,):
            yield partial(self._count, predictor, replicas)
        yield from self._traffic(percent or 0)

    def _release(self, predictor: str, release: Release) -> Iterator[Step]:
        """The fields of a release, in the order in which they are written."""
        for field, value in fields.annotated(release).items():
            yield partial(self._annotate, predictor, field, value)
        yield partial(self._set_image, predictor, release.image)

    def _traffic(self, percent: int) -> Iterator[Step]:
        """The shares of the two; the default has what a canary has not."""
        for predictor, share in ((CANARY, percent), (DEFAULT, FULL - percent)):
            yield partial(self._route, predictor, share)

    def _annotate(self, predictor: str, field: str, value: str, document: Document) -> Edit | None:
        return fields.annotate(document, self.sides(document)[predictor].annotations, field, value)

    def _set_image(self, predictor: str, image: str, document: Document) -> Edit | None:
        return fields.set_value(self.sides(document)[predictor].container, "image", image)

    def _route(self, predictor: str, percent: int, document: Document) -> Edit | None:
        side = self.sides(document).get(predictor)
        return fields.set_value(side.routed if side else None, self.share, str(percent))

    def _count(self, predictor: str, replicas: int, document: Document) -> Edit | None:
        field, after = self.scale
        return fields.count(document, self.sides(document)[predictor].scaled, field, replicas, after=after)
