"""What is served and may still be taken back by what is seen of it: a canary, or a release at full traffic. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

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
    """With the full traffic from its first day, and nothing happened since."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A release that is not settled, and the act that put it there."""

    kind: Kind
    release: Release
    arrived: Act


def standing(past: Past, *, is_followed: bool) -> Standing | None:
    """What is to be settled of a model; `is_followed`: whether another environment takes what is verified here."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    if newest is None or serving is None:
        return None
    if serving.canary:
        canary = rule.on_trial(past)
        return Standing(kind=Kind.CANARY, release=canary, arrived=_arrival(past, _canary)) if canary else None
    arrived = _arrival(past, _default)
    if is_followed:
        kind = None if serving.default.verified else Kind.UNCONFIRMED
    else:
        kind = Kind.FRESH if arrived is newest and _is_first(arrived, past) else None
    return Standing(kind=kind, release=serving.default, arrived=arrived) if kind else None


def _arrival(past: Past, place: Callable[[Serving | None], str | None]) -> Act:
    """The act since which a place has had the key that it has now."""
    acts = list(past.acts())
    key = place(acts[0].after)
    return list(takewhile(lambda act: place(act.after) == key, acts))[-1]


def _default(serving: Serving | None) -> str | None:
    return serving.default.key if serving else None


def _canary(serving: Serving | None) -> str | None:
    return serving.canary.key if serving and serving.canary else None


def _is_first(arrived: Act, past: Past) -> bool:
    """Whether an act released a key with the full traffic at once; neither a promotion nor what was there before."""
    key = _default(arrived.after)
    older = list(past.acts())
    older = older[older.index(arrived) + 1 :]
    is_new = key != _canary(arrived.before) and all(key != _default(act.after) for act in older)
    return is_new and is_release(arrived, older)
