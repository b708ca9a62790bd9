"""Which comment is written, edited, left alone or removed."""

from __future__ import annotations

import pytest

from slipway.forge.conversation import Drop, Say, decide, own, surplus
from slipway.forge.interface import Comment
from slipway.report.pull_request import Marker, State

ME, SOMEBODY = "slipway[bot]", "mallory"
OLD, NEW = "a" * 40, "b" * 40


def marked(run: str, state: State = State.DONE, head: str = OLD) -> str:
    return f"<!-- slipway:pull-request head={head} run={run} state={state.value} -->"


def comment(number: int, run: str, state: State = State.DONE, author: str = ME, rest: str = "text") -> Comment:
    return Comment(id=number, author=author, body=f"{marked(run, state)}\n{rest}\n")


def new(run: str, state: State = State.DONE) -> Marker:
    return Marker(head=NEW, run=run, state=state)


CASES = {
    "nothing is there": ([], new("7.1"), Say(edit=None)),
    "people talk": ([Comment(id=1, author=SOMEBODY, body="Nice")], new("7.1"), Say(edit=None)),
    "the running one is edited": ([comment(1, "7.1", State.RUNNING)], new("7.1"), Say(edit=1)),
    "an older run's is edited": ([comment(1, "6.1")], new("7.1", State.RUNNING), Say(edit=1)),
    "somebody imitates the marker": ([comment(1, "9.1", author=SOMEBODY)], new("7.1"), Say(edit=None)),
    "another one of mine is no answer": ([Comment(id=1, author=ME, body="Released.")], new("7.1"), Say(edit=None)),
    "two were written at once": ([comment(1, "6.1"), comment(2, "6.1")], new("7.1"), Say(edit=1, delete=(2,))),
    "the same again": ([comment(1, "7.1")], new("7.1"), Say(edit=1)),
    "a run with a higher number, not a longer one": ([comment(1, "9.1")], new("10.1"), Say(edit=1)),
}


@pytest.mark.parametrize(("comments", "marker", "wanted"), CASES.values(), ids=CASES.keys())
def test_there_is_one_comment(comments: list[Comment], marker: Marker, wanted: Say) -> None:
    assert decide(comments, ME, marker) == wanted


@pytest.mark.parametrize(
    ("known", "late"),
    [
        (("8.1", State.RUNNING), new("7.1")),
        (("8.1", State.DONE), new("7.1")),
        (("7.2", State.RUNNING), new("7.1")),
        (("7.1", State.DONE), new("7.1", State.RUNNING)),
    ],
)
def test_whoever_comes_late_says_nothing(known: tuple[str, State], late: Marker) -> None:
    assert isinstance(decide([comment(1, *known)], ME, late), Drop)


def test_the_oldest_of_several_stays() -> None:
    comments = [comment(3, "7.1"), comment(4, "7.1", author=SOMEBODY), comment(5, "7.1"), comment(6, "7.1")]
    assert surplus(comments, ME) == (5, 6)
    assert own(comments, ME) == (3, 5, 6)
