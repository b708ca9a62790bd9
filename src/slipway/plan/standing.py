"""What is served and may still be taken back by what is seen of it: a canary, or a release at full traffic. Pure.

It is taken back for what was there before. What was taken away itself does not come back by that, whoever took it:
else two bad releases would take each other's place for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile, islice, pairwise, takewhile
from typing import TYPE_CHECKING, Protocol

from slipway.plan import rule
from slipway.plan.acts import Act, Past, is_release

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release, Serving
    from slipway.spec import DeploymentMode, Platform, ServingTable

type Place = tuple[str, Platform, DeploymentMode]
"""A key where it is served with the full traffic."""


class Kind(StrEnum):
    """How a release stands there."""

    CANARY = "canary"
    """Beside the default, with a share of the traffic."""
    UNCONFIRMED = "unconfirmed"
    """With the full traffic, in an environment that another follows, and not verified there."""
    FRESH = "fresh"
    """With the full traffic from its first day, or on another platform, and nothing happened since."""


class Seen(Past, Protocol):
    """A model's past, with how it was served."""

    def servings(self) -> Iterable[tuple[str, Serving | None]]:
        """Each commit that changed the manifest, with what it says since, newest first."""

    def serving_table_at(self, commit: str) -> ServingTable | None:
        """The model's `[serving]` in a commit; None where there is none, or where it cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A release that is not settled, and how it came there."""

    kind: Kind
    release: Release
    commit: str
    """That put it there."""
    before: Serving | None
    """What was there before, and nobody took away since; None: nothing."""


def standing(past: Seen, *, is_followed: bool) -> Standing | None:
    """What is to be settled of a model; `is_followed`: whether another environment takes what is verified here."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    if newest is None or serving is None:
        return None
    if serving.canary:
        canary = rule.on_trial(past)
        return _canary(canary, past) if canary else None
    return _unconfirmed(past) if is_followed else _fresh(newest, past)


def _canary(canary: Release, past: Past) -> Standing:
    since = takewhile(lambda act: _trial(act.after) == canary.key, past.acts())
    *_, arrived = since
    return Standing(kind=Kind.CANARY, release=canary, commit=arrived.commit, before=arrived.before)


def _unconfirmed(past: Seen) -> Standing | None:
    commit, now, _ = _arrival(past)
    if now is None or now.default.verified:
        return None
    return Standing(kind=Kind.UNCONFIRMED, release=now.default, commit=commit, before=_earlier(past))


def _fresh(newest: Act, past: Seen) -> Standing | None:
    commit, now, last = _arrival(past)
    if now is None:
        return None
    has_moved = last is not None and last.default.key == now.default.key
    if not has_moved and not (commit == newest.commit and _is_first(newest, past)):
        return None
    before = _earlier(past)
    has_moved_back = has_moved and before != last
    return None if has_moved_back else Standing(kind=Kind.FRESH, release=now.default, commit=commit, before=before)


def _arrival(past: Seen) -> tuple[str, Serving | None, Serving | None]:
    """The commit since which what has the full traffic now is served on this platform; that, and the state before."""
    states = iter(past.servings())
    commit, now = next(states, ("", None))
    for older, state in states:
        if now is None or state is None or _place(state) != _place(now):
            return commit, now, state
        commit = older
    return commit, now, None


def _earlier(past: Seen) -> Serving | None:
    """The newest earlier state whose release nobody took away from its place, when it was there last."""
    gone: set[Place] = set()
    for (commit, after), (_, before) in pairwise(past.servings()):
        if after is None or before is None:
            return None
        gone.add(_place(after))
        if _place(before) not in gone and not _is_back(commit, before, after, past):
            return before
    return None


def _is_back(commit: str, before: Serving, after: Serving, past: Seen) -> bool:
    """Whether a commit brought back an earlier state, and neither the inputs nor `[serving]` asked for it."""
    older = (state for _, state in islice(dropwhile(lambda one: one[0] != commit, past.servings()), 1, None) if state)
    if before.default.key == after.default.key:
        wished = past.serving_table_at(commit)
        is_asked = wished is not None and after.is_on(wished.platform, wished.deployment_mode)
        return not is_asked and any(_place(state) == _place(after) for state in older)
    if past.key_at(commit) == after.default.key:
        return False
    return (after.default.key, after.default.commit) in ((one.default.key, one.default.commit) for one in older)


def _place(serving: Serving) -> Place:
    return serving.default.key, serving.platform, serving.mode


def _trial(serving: Serving | None) -> str | None:
    return serving.canary.key if serving and serving.canary else None


def _is_first(newest: Act, past: Past) -> bool:
    """Whether an act released a key with the full traffic at once; neither a promotion nor what was there before."""
    key = newest.after.default.key if newest.after else None
    older = list(past.acts())[1:]
    had = {act.after.default.key for act in older if act.after}
    return key not in had and key != _trial(newest.before) and is_release(newest, older)
