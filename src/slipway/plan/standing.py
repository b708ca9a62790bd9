"""What is served and may still be taken back by what is seen of it: a canary, or a release at full traffic. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from slipway.plan import rule
from slipway.plan.acts import Act, Past, is_release

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release, Serving


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


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A release that is not settled, and how it came there."""

    kind: Kind
    release: Release
    commit: str
    """That put it there."""
    before: Serving | None
    """What was there before."""

    @property
    def has_moved(self) -> bool:
        """Whether the same release was there before, on another platform."""
        return self.before is not None and self.before.default.key == self.release.key


def standing(past: Seen, *, is_followed: bool) -> Standing | None:
    """What is to be settled of a model; `is_followed`: whether another environment takes what is verified here."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    if newest is None or serving is None:
        return None
    if serving.canary:
        canary = rule.on_trial(past)
        return _canary(canary, past) if canary else None
    found = _default(past)
    if is_followed:
        return None if found is None or found.release.verified else found
    if found is None or not (found.has_moved or (found.commit == newest.commit and _is_first(newest, past))):
        return None
    return Standing(kind=Kind.FRESH, release=found.release, commit=found.commit, before=found.before)


def _canary(canary: Release, past: Past) -> Standing:
    since = takewhile(lambda act: _trial(act.after) == canary.key, past.acts())
    *_, arrived = since
    return Standing(kind=Kind.CANARY, release=canary, commit=arrived.commit, before=arrived.before)


def _default(past: Seen) -> Standing | None:
    """The release with the full traffic, since it is served on this platform."""
    states = iter(past.servings())
    commit, now = next(states, ("", None))
    if now is None:
        return None
    for older, state in states:
        if state is None or state.default.key != now.default.key or not state.is_on(now.platform, now.mode):
            return Standing(kind=Kind.UNCONFIRMED, release=now.default, commit=commit, before=state)
        commit = older
    return Standing(kind=Kind.UNCONFIRMED, release=now.default, commit=commit, before=None)


def _trial(serving: Serving | None) -> str | None:
    return serving.canary.key if serving and serving.canary else None


def _is_first(newest: Act, past: Past) -> bool:
    """Whether an act released a key with the full traffic at once; neither a promotion nor what was there before."""
    key = newest.after.default.key if newest.after else None
    older = list(past.acts())[1:]
    had = {act.after.default.key for act in older if act.after}
    return key not in had and key != _trial(newest.before) and is_release(newest, older)
