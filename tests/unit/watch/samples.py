"""What a look at a model may find."""

from __future__ import annotations

from slipway.datasets.pointer import Pointer, Source
from slipway.watch.decision import Finding, Kind, Live
from slipway.watch.drift import Counts, Subject, measure
from slipway.watch.labels import Metric, Quality, Sample

URL = "s3://bucket/iris.csv"
MD5 = "ab" * 16


def source(etag: str = "", version: str = "", size: int | None = 10) -> Source:
    return Source(url=URL, etag=etag, version_id=version, size=size)


def pointer(known: Source | None) -> Pointer:
    return Pointer(path="train.csv", md5=MD5, size=10, source=known)


def live(*, drifts: bool = False, answers_drift: bool = False, regressed: bool = False) -> Live:
    far, near = (900.0, 100.0), (500.0, 500.0)
    counts = [
        Counts(name="width", labels=("a", "b"), before=near, now=far if drifts else near),
        Counts(
            name="", subject=Subject.PREDICTIONS, labels=("a", "b"), before=near, now=far if answers_drift else near
        ),
    ]
    accuracy = 0.5 if regressed else 0.95
    quality = Quality(metric=Metric.ACCURACY, now=Sample(rows=500, value=accuracy), before=Sample(rows=500, value=0.95))
    return Live(key="ab" * 32, environment="production", seconds=3600, moved=measure(counts), quality=quality)


WIDTH = Finding(kind=Kind.FEATURE, name="width")
BAD = live(drifts=True, answers_drift=True, regressed=True)
ALL_BAD = (Finding(kind=Kind.QUALITY), WIDTH, Finding(kind=Kind.PREDICTIONS))
