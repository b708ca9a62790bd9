"""The record of the default's release, where one document holds another: an annotation, as JSON."""

from __future__ import annotations

import json
from typing import Final

from slipway.delivery.document import Document, Scalar
from slipway.delivery.fields import annotated, rounded
from slipway.delivery.served import COMMIT, IMAGE, KEY, RUN, VERIFIED_ANNOTATION, Release, as_json, numbers

RECORD: Final = "slipway.dev/default"
_FORMS: Final = {"key": KEY, "image": IMAGE, "commit": COMMIT}
_OPTIONAL: Final = {"run": "", "metrics": {}, "verified": False}


def same(one: Release, other: Release) -> bool:
    """Whether two are one release, verified or not."""
    unmarked = {VERIFIED_ANNOTATION: ""}
    return one.image == other.image and annotated(one) | unmarked == annotated(other) | unmarked


def text(release: Release) -> str:
    """The record as it is written; what is not known is left out."""
    said = {
        "key": release.key,
        "image": release.image,
        "commit": release.commit,
        "metrics": rounded(release.metrics),
        "run": release.run,
        "verified": release.verified,
    }
    known = {name: value for name, value in said.items() if value}
    return json.dumps(known, separators=(",", ":"), allow_nan=False)


def read(document: Document, record: Scalar) -> Release:
    """The release; `InputError`, with the line, for a record that slipway did not write."""
    said = as_json(record)
    release = _release({**_OPTIONAL, **said}) if isinstance(said, dict) else None
    if release is None:
        raise document.refused(record, f"the annotation {RECORD} is not what slipway wrote there")
    return release


def _release(said: dict[str, object]) -> Release | None:
    metrics, run, verified = numbers(said.get("metrics")), said.get("run"), said.get("verified")
    texts = {name: text for name in _FORMS if isinstance(text := said.get(name), str)}
    known = said.keys() == {*_FORMS, *_OPTIONAL} and texts.keys() == _FORMS.keys()
    if not known or metrics is None or not isinstance(run, str) or not isinstance(verified, bool):
        return None
    if not all(_FORMS[name].fullmatch(text) for name, text in texts.items()) or (run and not RUN.fullmatch(run)):
        return None
    return Release(**texts, metrics=metrics, run=run, verified=verified)
