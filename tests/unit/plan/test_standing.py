"""What is not settled of a model: told from what its manifest said, commit by commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.delivery.manifest import Release, Serving
from slipway.plan.acts import Act
from slipway.plan.served import what
from slipway.plan.standing import Kind, standing
from slipway.spec import Platform, ServingTable


def release(letter: str, *, verified: bool = False) -> Release:
    image = f"registry.example/toy@sha256:{letter * 64}"
    return Release(key=letter * 64, image=image, commit=letter * 40, metrics={}, verified=verified)


def live(letter: str, canary: str = "", *, verified: bool = False) -> Serving:
    trial = release(canary) if canary else None
    default = release(letter, verified=verified)
    return Serving(default=default, canary=trial, replicas=1, canary_percent=10 if trial else None)


@dataclass(frozen=True, kw_only=True)
class Past:
    """States of the manifest, oldest first; the commit that made each is its place."""

    states: Sequence[Serving | None]
    keys: Mapping[int, str] = field(default_factory=dict)
    """The letter of the model's key in a commit, and in those after it; before the first: of what came then."""
    wished: Mapping[int, Platform] = field(default_factory=dict)
    """The platform that `[serving]` names, likewise."""

    def acts(self) -> Iterable[Act]:
        both = list(enumerate(pairwise((None, *self.states))))
        return [Act(commit=str(at), before=a, after=b) for at, (a, b) in reversed(both) if what(a) != what(b)]

    def servings(self) -> Iterable[tuple[str, Serving | None]]:
        return [(str(at), state) for at, state in reversed(list(enumerate(self.states)))]

    def key_at(self, commit: str) -> str | None:
        at = max((at for at in self.keys if at <= int(commit)), default=None)
        return f"inputs of {commit}" if at is None else self.keys[at] * 64

    def keys_since(self, commit: str, until: str | None = None) -> Iterable[str | None]:
        return [commit, until]

    def source(self) -> str:
        return "0"

    def serving_table_at(self, commit: str) -> ServingTable | None:
        at = max((at for at in self.wished if at <= int(commit)), default=None)
        return ServingTable(platform=Platform.SELDON if at is None else self.wished[at])


KSERVE = replace(live("a", verified=True), platform=Platform.KSERVE)
CASES: list[tuple[str, list[Serving | None], Kind | None, Kind | None, str]] = [
    ("nothing was released", [], None, None, ""),
    ("the first release", [live("a")], Kind.UNCONFIRMED, Kind.FRESH, "0"),
    ("it is verified", [live("a"), live("a", verified=True)], None, Kind.FRESH, "0"),
    ("it was retired", [live("a"), None], None, None, ""),
    ("a canary", [live("a"), live("a", "b")], Kind.CANARY, Kind.CANARY, "1"),
    ("another in its place", [live("a"), live("a", "b"), live("a", "c")], Kind.CANARY, Kind.CANARY, "2"),
    ("it was promoted by hand", [live("a"), live("a", "b"), live("b")], Kind.UNCONFIRMED, None, "2"),
    ("its promotion was taken back", [live("a"), live("a", "b"), live("b"), live("a", "b")], None, None, ""),
    ("a canary was taken back", [live("a"), live("a", "b"), live("a")], Kind.UNCONFIRMED, None, "0"),
    ("it came at once", [live("a", verified=True), live("b")], Kind.UNCONFIRMED, Kind.FRESH, "1"),
    ("it was there before", [live("a"), live("b"), live("a")], Kind.UNCONFIRMED, None, "2"),
    ("it moved", [live("a"), KSERVE], None, Kind.FRESH, "1"),
    ("more replicas", [live("a"), replace(live("a"), replicas=3)], Kind.UNCONFIRMED, Kind.FRESH, "0"),
]


@pytest.mark.parametrize(("name", "states", "followed", "last", "commit"), CASES, ids=[case[0] for case in CASES])
def test_what_is_not_settled(
    name: str, states: list[Serving | None], followed: Kind | None, last: Kind | None, commit: str
) -> None:
    past = Past(states=states)
    for is_followed, kind in ((True, followed), (False, last)):
        found = standing(past, is_followed=is_followed)
        assert (found.kind if found else None) is kind, name
        if found:
            assert found.commit == commit, name
            taken_away = name == "it was there before"
            assert found.before == (states[int(commit) - 1] if int(commit) and not taken_away else None)


A, B, C = (live(letter) for letter in "abc")
VERIFIED = live("a", verified=True)
MOVED = replace(A, platform=Platform.KSERVE)
MOVED_B = replace(B, platform=Platform.KSERVE)
NEW_A = replace(A, default=replace(A.default, commit="d" * 40))
BEFORE: list[tuple[str, Past, Serving | None]] = [
    ("what was there", Past(states=[VERIFIED, B]), VERIFIED),
    ("two that nobody verified", Past(states=[VERIFIED, B, C]), B),
    ("one of them was taken back", Past(states=[VERIFIED, B, C, B]), VERIFIED),
    ("both were", Past(states=[VERIFIED, B, C, B, A]), None),
    ("nothing verified was there before", Past(states=[B, C, B]), None),
    ("a person insists", Past(states=[A, B, A, B], keys={0: "a", 1: "b"}), A),
    ("its inputs came back", Past(states=[A, B, NEW_A]), B),
    ("a canary was promoted", Past(states=[A, live("a", "b"), B]), live("a", "b")),
    ("its promotion was taken back", Past(states=[C, live("c", "a"), A, live("a", "b"), B, A]), live("c", "a")),
    ("it was removed in between", Past(states=[A, None, B]), None),
    ("it moved", Past(states=[A, MOVED], wished={1: Platform.KSERVE}), A),
    ("it moved back", Past(states=[A, MOVED, A], wished={1: Platform.KSERVE}), None),
    ("a move was asked for back", Past(states=[A, MOVED, A], wished={1: Platform.KSERVE, 2: Platform.SELDON}), MOVED),
    ("another moved", Past(states=[A, B, MOVED_B], wished={2: Platform.KSERVE}), B),
    ("another moved back", Past(states=[A, B, MOVED_B, B], wished={2: Platform.KSERVE}), A),
]


@pytest.mark.parametrize(("past", "before"), [row[1:] for row in BEFORE], ids=[row[0] for row in BEFORE])
def test_what_was_taken_away_does_not_come_back(past: Past, before: Serving | None) -> None:
    found = standing(past, is_followed=True)
    assert found
    assert found.before == before


def test_what_was_on_trial_for_its_platform_is_not_again_when_it_is_back() -> None:
    back = Past(states=[A, MOVED, MOVED_B, MOVED], wished={1: Platform.KSERVE})
    assert standing(back, is_followed=False) is None


STATES = st.sampled_from(
    [A, B, C, NEW_A, VERIFIED, MOVED, MOVED_B, live("a", "b"), live("b", "a"), live("b", "c"), None]
)


@given(
    states=st.lists(STATES, min_size=1, max_size=8),
    keys=st.dictionaries(st.integers(0, 8), st.sampled_from("abc")),
    wished=st.dictionaries(st.integers(0, 8), st.sampled_from(Platform)),
    is_followed=st.booleans(),
)
def test_taking_back_comes_to_an_end(
    states: list[Serving | None], keys: dict[int, str], wished: dict[int, Platform], *, is_followed: bool
) -> None:
    """Whatever happened before; what the inputs ask for anew comes once more."""
    keys = {at: key for at, key in keys.items() if at < len(states)}
    wished = {at: platform for at, platform in wished.items() if at < len(states)}
    places = {(one.default.key, one.platform) for one in states if one}
    for _ in range(2 * len(places) + 2):
        found = standing(Past(states=states, keys=keys, wished=wished), is_followed=is_followed)
        if found is None:
            return
        now = states[-1]
        assert now
        if found.kind is Kind.CANARY:
            states = [*states, replace(now, canary=None, canary_percent=None)]
        else:
            before = found.before and replace(found.before, canary=None, canary_percent=None)
            states = [*states, before]
    raise AssertionError("it never comes to an end")
