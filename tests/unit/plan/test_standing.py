"""What is not settled of a model: told from what its manifest said, commit by commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from slipway.delivery.manifest import Release, Serving
from slipway.plan.acts import Act
from slipway.plan.served import what
from slipway.plan.standing import Kind, standing
from slipway.spec import Platform


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

    def acts(self) -> Iterable[Act]:
        both = list(enumerate(pairwise((None, *self.states))))
        return [Act(commit=str(at), before=a, after=b) for at, (a, b) in reversed(both) if what(a) != what(b)]

    def servings(self) -> Iterable[tuple[str, Serving | None]]:
        return [(str(at), state) for at, state in reversed(list(enumerate(self.states)))]

    def key_at(self, commit: str) -> str | None:
        return f"inputs of {commit}"

    def keys_since(self, commit: str, until: str | None = None) -> Iterable[str | None]:
        return [commit, until]

    def source(self) -> str:
        return "0"


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
            assert found.before == (states[int(commit) - 1] if int(commit) else None)
