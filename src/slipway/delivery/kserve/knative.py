"""KServe with Knative: one service, whose newest revision gets `canaryTrafficPercent` of the traffic.

The document then holds the canary's release where the default's was, and KServe alone would know what the rest of the
traffic goes to: the last revision that had all of it (`latestRolledoutRevision`). Git is the record of what is live, so
the annotation `slipway.dev/default` says it while they differ.

A trial that ends without a promotion leaves `canaryTrafficPercent: 0`. Without it, KServe would send all traffic to the
*latest ready* revision, and till one with the old image is up, that is the canary which has just failed. So the
revision that ran before goes on, and the record stays and says what both are; the next release, or a change that needs
a new revision, takes the two away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from slipway.delivery import edits, fields
from slipway.delivery.document import Document, Node, Scalar
from slipway.delivery.edits import Edit
from slipway.delivery.fields import QUOTES, Step
from slipway.delivery.kserve import record
from slipway.delivery.kserve.record import RECORD
from slipway.delivery.kserve.service import Service, hold_name, named_in_metrics, service
from slipway.delivery.served import (
    CANARY,
    DEFAULT,
    FULL,
    KEY,
    KEY_ANNOTATION,
    VERIFIED_ANNOTATION,
    Release,
    Serving,
    mapping,
    matching,
    release,
    whole,
)
from slipway.spec import DeploymentMode, Platform

PERCENT: Final = "canaryTrafficPercent"
_REPLICAS: Final = "minReplicas"


class Knative:
    """The form of one `InferenceService`."""

    def key(self, document: Document) -> str:
        """As `Form.key`."""
        annotations = document.table(document.table(mapping(document), "metadata"), "annotations")
        if annotations.get(RECORD):
            return record.read(document, document.scalar(annotations, RECORD)).key
        return matching(document, annotations, KEY_ANNOTATION, KEY)

    def serving(self, document: Document) -> Serving:
        """As `Form.serving`."""
        part = _part(document)
        written = release(document, part.annotations, part.container)
        default, percent = _default(document, part)
        canary = written if default and not record.same(written, default) else None
        if default and (percent >= FULL if canary else percent != 0):
            what = f"{PERCENT} is {percent}, and the document says that " + ("a release" if canary else "nothing")
            raise document.refused(part.predictor.get(PERCENT) or part.predictor, f"{what} is on trial")
        hold_name(document, part.container, CANARY if canary else DEFAULT)
        return Serving(
            default=default or written,
            canary=canary,
            replicas=whole(document, part.predictor, _REPLICAS) if part.predictor.get(_REPLICAS) else 1,
            canary_percent=percent if canary else None,
            platform=Platform.KSERVE,
            mode=DeploymentMode.KNATIVE,
        )

    def owned(self, document: Document) -> Iterator[Node]:
        """As `Form.owned`."""
        part = _part(document)
        entry = named_in_metrics(document, part.container)
        values = [part.container.get("image"), entry.get("value") if entry else None]
        values += [part.predictor.get(name) for name in (_REPLICAS, PERCENT)]
        values += [part.annotations.get(name) for name in (*QUOTES, RECORD)]
        yield from filter(None, values)

    def trial(self, now: Serving, release: Release, percent: int) -> Iterator[Step]:
        """As `Form.trial`."""
        yield partial(_record, now.default)
        yield from _written(release, CANARY)
        yield partial(_share, percent)

    def live(self, now: Serving, release: Release) -> Iterator[Step]:
        """As `Form.live`. What is live already goes on in the revision that it runs in."""
        if record.same(release, now.default):
            yield from _pinned(now, release)
            return
        yield from _released()
        yield from _written(release, DEFAULT)

    def ended(self, now: Serving) -> Iterable[Step]:
        """As `Form.ended`."""
        return _pinned(now, now.default) if now.canary else ()

    def marked(self, now: Serving) -> Iterator[Step]:
        """As `Form.marked`."""
        yield partial(_record_anew, replace(now.default, verified=True))
        if now.canary is None:
            yield partial(_annotate, VERIFIED_ANNOTATION, "true")

    def rebuilt(self, now: Serving, predictor: str, image: str) -> Iterator[Step]:
        """As `Form.rebuilt`; `InputError` for the default while a release is on trial: it runs in a past revision."""
        if predictor == DEFAULT:
            if now.canary is not None:
                yield _refuse_image
            yield from _released()
        yield partial(_set_image, image)

    def configured(self, now: Serving, replicas: int, percent: int | None) -> Iterator[Step]:
        """As `Form.configured`. Only a new revision has other replicas, so it gets the traffic."""
        if percent is not None:
            yield partial(_share, percent)
        elif replicas != now.replicas:
            yield from _released()
        yield partial(_count, replicas)


def _part(document: Document) -> Service:
    return service(document, mapping(document), DeploymentMode.KNATIVE)


def _default(document: Document, part: Service) -> tuple[Release | None, int]:
    """The default, if the document's release is not simply it, and the newest revision's share of the traffic."""
    percent = part.predictor.get(PERCENT)
    if part.annotations.get(RECORD):
        found = record.read(document, document.scalar(part.annotations, RECORD))
        return found, whole(document, part.predictor, PERCENT)
    if percent is not None:
        what = f"{PERCENT} splits the traffic, and no annotation {RECORD} says what the other part goes to"
        raise document.refused(percent, what)
    return None, FULL


# ---- steps


def _pinned(now: Serving, release: Release) -> Iterator[Step]:
    """The default's release in the document, and all the traffic where it goes."""
    if now.canary is not None:
        yield partial(_record, release)
        yield partial(_share, 0)
    yield partial(_record_anew, release)
    yield from _written(release, DEFAULT)


def _released() -> Iterator[Step]:
    """All the traffic for the newest revision."""
    yield partial(_annotate, RECORD, "")
    yield _remove_share


def _written(release: Release, predictor: str) -> Iterator[Step]:
    """The release that the newest revision has."""
    for field, value in fields.annotated(release).items():
        yield partial(_annotate, field, value)
    yield partial(_set_image, release.image)
    yield partial(_rename, predictor)


def _record(release: Release, document: Document) -> Edit | None:
    """The record of the default; one that says the same stays as it is written."""
    part = _part(document)
    old = part.annotations.get(RECORD)
    if isinstance(old, Scalar) and record.text(record.read(document, old)) == record.text(release):
        return None
    return fields.annotate(document, part.annotations, RECORD, record.text(release))


def _record_anew(release: Release, document: Document) -> Edit | None:
    """The record, where there is one."""
    return _record(release, document) if _part(document).annotations.get(RECORD) else None


def _annotate(field: str, value: str, document: Document) -> Edit | None:
    return fields.annotate(document, _part(document).annotations, field, value)


def _set_image(image: str, document: Document) -> Edit | None:
    return fields.set_value(_part(document).container, "image", image)


def _refuse_image(document: Document) -> Edit:
    what = "a release is on trial, and KServe runs no new image of the default till it is over"
    raise document.refused(_part(document).container, what, "Wait till the trial is over: slipway status")


def _rename(predictor: str, document: Document) -> Edit | None:
    return fields.set_value(named_in_metrics(document, _part(document).container), "value", predictor)


def _share(percent: int, document: Document) -> Edit | None:
    predictor = _part(document).predictor
    after = _REPLICAS if predictor.get(_REPLICAS) else "containers"
    return fields.count(document, predictor, PERCENT, percent, after=after)


def _remove_share(document: Document) -> Edit | None:
    predictor = _part(document).predictor
    return edits.remove_entry(document, predictor, PERCENT) if predictor.get(PERCENT) else None


def _count(replicas: int, document: Document) -> Edit | None:
    return fields.count(document, _part(document).predictor, _REPLICAS, replicas, after="containers")
