"""What a commit did to what a manifest serves, and whose doing it was. Pure.

Slipway's steps go forward: a release that was not there before, the end of a canary's trial, a retirement. Whatever
brings back an earlier state is a person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from slipway.delivery.manifest import Release, Serving


@dataclass(frozen=True, kw_only=True)
class Act:
    """A commit that changed what a manifest serves, and what it served before and after; None: no manifest."""

    commit: str
    before: Serving | None
    after: Serving | None


class Past(Protocol):
    """A model's first-parent history, read as far as it is asked for."""

    def acts(self) -> Iterable[Act]:
        """The commits that changed what is served, newest first."""

    def key_at(self, commit: str) -> str | None:
        """The model's key in the tree of a commit, or before it where it cannot be read; None: no such model."""

    def keys_since(self, commit: str, until: str | None = None) -> Iterable[str | None]:
        """Every key that the model had after a commit, up to now, or before another commit."""

    def source(self) -> str:
        """The newest commit that changed the model's key, to the one that it has now."""


class Trial(StrEnum):
    """How a canary came to stand beside the default."""

    RELEASED = "released"
    DEMOTED = "demoted"
    PUT_BACK = "put back"


def trial_of(canary: Release, acts: Iterable[Act], past: Past) -> Trial:
    """How a canary came that stands at the end of these acts, newest first."""
    older = iter(acts)
    arrived = next(act for act in older if _is_canary(canary, act.after) and not _is_canary(canary, act.before))
    if arrived.before and arrived.before.default.key == canary.key:
        return Trial.DEMOTED
    earlier = list(older)
    if _is_new(canary, earlier):
        return Trial.RELEASED
    went = next((at for at, act in enumerate(earlier) if _is_canary(canary, act.before)), None)
    if went is None:
        return Trial.PUT_BACK
    act, earlier = earlier[went], earlier[went + 1 :]
    if act.after and act.after.default.key == canary.key:
        return Trial.DEMOTED
    if _is_retirement(act, past) or is_release(act, earlier):
        return trial_of(canary, earlier, past)  # slipway had taken it away, and that was taken back
    return Trial.PUT_BACK


def _is_canary(release: Release, serving: Serving | None) -> bool:
    return serving is not None and serving.canary is not None and serving.canary.key == release.key


def is_step(act: Act, older: Sequence[Act], past: Past) -> bool:
    """Whether an act is what slipway does next, whoever did it: a release, or the end of a canary.

    A step holds nothing, and ends no hold. One that is younger than a change of the inputs which it does not answer
    was merged late. Whatever brings back an earlier state is a person's doing.
    """
    if _is_retirement(act, past):
        return True
    if act.before and act.before.canary and act.after and act.after.canary is None:
        trial, canary = trial_of(act.before.canary, older, past), act.before.canary
        if trial is Trial.DEMOTED and act.after.default.key == act.before.default.key:
            return True
        if trial is not Trial.DEMOTED and act.after.default.key == canary.key:
            return True
    return is_release(act, older)


def _is_retirement(act: Act, past: Past) -> bool:
    return act.after is None and past.key_at(act.commit) is None


def is_release(act: Act, older: Sequence[Act]) -> bool:
    """Whether an act put in a release that was not there before, or put one back because the inputs came back."""
    return any(release not in releases(act.before) and _is_new(release, older) for release in releases(act.after))


def _is_new(release: Release, older: Iterable[Act]) -> bool:
    """Whether no earlier state named the commit that asked for it: no commit asks for two releases of a model."""
    return all(r.commit != release.commit for act in older for r in releases(act.after))


def releases(serving: Serving | None) -> tuple[Release, ...]:
    """What is served: the default's release, and the canary's if there is one."""
    if serving is None:
        return ()
    return (serving.default, serving.canary) if serving.canary else (serving.default,)


def has(key: str, serving: Serving | None) -> bool:
    """Whether a key is served, as default or as canary."""
    return any(release.key == key for release in releases(serving))
