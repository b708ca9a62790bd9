"""What follows from what was found: of the source's data and of what is live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.datasets.pointer import Pointer, Source
from slipway.watch.decision import Finding, Kind, Live, Nothing, Propose, Stuck, Unsure, decide, findings, untold
from slipway.watch.drift import Counts, measure
from slipway.watch.fresh import LARGEST, Fresh, State, judge
from slipway.watch.labels import Metric, Quality, Sample

from .samples import ALL_BAD, BAD, MD5, WIDTH, live, pointer, source


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [
        (None, None, State.NO_POINTER),
        (pointer(None), None, State.NO_SOURCE),
        (pointer(source("a")), None, State.GONE),
        (pointer(source("a")), source("a"), State.SAME),
        (pointer(source('"a"')), source("a"), State.SAME),
        (pointer(source("a")), source("b"), State.NEWER),
        (pointer(source("a", "1")), source("b", "2"), State.NEWER),
        (pointer(source("a", "1")), source("a", "2"), State.SAME),
        (pointer(source("a", "1")), source("b", "1"), State.SAME),
        (pointer(source("")), source(MD5), State.SAME),
        (pointer(source("")), source("b"), State.NEWER),
        (pointer(source("a")), source(""), State.NEWER),
        (pointer(source("")), source(""), State.NEWER),
        (pointer(source("a")), source("b", size=0), State.UNFIT),
        (pointer(source("a")), source("b", size=LARGEST + 1), State.UNFIT),
        (pointer(source("a")), source("b", size=None), State.NEWER),
    ],
)
def test_what_the_source_has(before: Pointer | None, now: Source | None, state: State) -> None:
    found = judge(before, now)
    assert found.state is state
    assert found.what
    assert not found.what.endswith(".")


def fresh(state: State) -> Fresh:
    return Fresh(state=state, what=f"it is {state.value}")


def test_what_is_found_of_what_is_live() -> None:
    assert findings(None) == findings(live()) == ()
    assert findings(live(drifts=True)) == (WIDTH,)
    assert findings(BAD) == ALL_BAD


def counted(*now: float, name: str = "width") -> Counts:
    return Counts(name=name, labels=("a", "b"), before=(500.0, 500.0), now=now)


@pytest.mark.parametrize(
    ("now", "doubtful"),
    [
        ((500.0, 500.0), False),
        ((900.0, 100.0), False),  # it has drifted
        ((15.0, 14.0), True),
        ((16.0, 16.0), False),
        ((24.0, 8.0), True),  # a large shift, or chance
        ((0.0, 0.0), True),
    ],
)
def test_what_too_few_rows_say_nothing_of(now: tuple[float, ...], *, doubtful: bool) -> None:
    seen = replace(live(), moved=measure([counted(*now), counted(500.0, 500.0, name="other")]))
    assert untold(seen) == ((WIDTH,) if doubtful else ())


@pytest.mark.parametrize(
    ("labels", "doubtful"),
    [(None, True), ((29, 0.95), True), ((500, 0.95), False), ((500, 0.5), False), ((40, 0.85), True)],
)
def test_what_too_few_labels_say_nothing_of(labels: tuple[float, float] | None, *, doubtful: bool) -> None:
    now = Sample(rows=labels[0], value=labels[1]) if labels else None
    quality = Quality(metric=Metric.ACCURACY, now=now, before=Sample(rows=500, value=0.95))
    expected = (Finding(kind=Kind.QUALITY),) if doubtful else ()
    assert untold(replace(live(), quality=quality)) == expected


def test_nothing_seen_says_nothing_of_labels() -> None:
    seen = Live(key="ab" * 32, environment="production", seconds=0)
    assert untold(seen) == (Finding(kind=Kind.QUALITY),)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("seen", "found"), [(None, ()), (live(), ()), (BAD, ALL_BAD)], ids=["unseen", "good", "bad"])
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_what_follows(state: State, seen: Live | None, found: tuple[Finding, ...], *, is_known: bool) -> None:
    expected: Nothing | Propose | Stuck | Unsure
    if state is State.NEWER:
        expected = Propose(findings=found)
    elif state is State.UNKNOWN or not is_known:
        expected = Unsure(findings=found)
    else:
        expected = Stuck(findings=found, why=f"it is {state.value}") if found else Nothing()
    assert decide(seen, fresh(state), is_known=is_known) == expected
