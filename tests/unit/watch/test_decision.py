"""What follows from what was found: of the source's data and of what is live."""

from __future__ import annotations

import pytest

from slipway.datasets.pointer import Pointer, Source
from slipway.watch.decision import Finding, Live, Nothing, Propose, Stuck, Unsure, decide, findings
from slipway.watch.fresh import LARGEST, Fresh, State, judge

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
