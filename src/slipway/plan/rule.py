"""What main's history asks for, for one model in one environment. Pure: the past is handed in.

Two things happen on main: a commit changes a model's key, or a commit changes what its manifest serves (an *act*:
of slipway, which puts in a release that was not there before or promotes the canary; or of a person, who reverts
or edits). The rule, in full:

1. What the newest act aims at is served: the canary's key while one is on trial, else the default's.
   A canary that a person made out of the default (reverting a promotion) is to be rolled back: the default is aimed
   at. A canary that a person put back (reverting a revert) is to get the full traffic.
2. If the key is what is aimed at, nothing is wanted but to bring that about.
3. Else, if a person's act is the newest and the key is still the one that it had then, the key is **held**: what
   a person took away does not come back by itself. A key that was away and came back is held still, unless the
   model had in between the key that is served: then the change was made afresh.
4. Else the key is wanted: restored if it had the full traffic before, released if not, retired if the model is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol

from slipway.delivery.manifest import Release, Serving
from slipway.key import SHORT


class Wanted(StrEnum):
    """What history asks for."""

    NONE = "none"
    """What runs is what should run, or is on trial."""
    RELEASE = "release"
    """The key is to be judged and, if the verdict is yes, to be released."""
    RESTORE = "restore"
    """A release that was there before gets the full traffic: no training, no gate, no canary."""
    ROLLBACK = "rollback"
    """The canary is to be removed: somebody took its promotion back."""
    CONFIGURE = "configure"
    """Only how it is served is another."""
    RETIRE = "retire"
    """The model is gone, so its manifest goes."""
    HELD = "held"
    """Somebody took the key's release back; it stays away until the inputs change."""
    FAULTY = "faulty"
    """The model or its manifest cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """A commit that changed what a manifest serves, and what it served before and after; None: no manifest."""

    commit: str
    before: Serving | None
    after: Serving | None


@dataclass(frozen=True, kw_only=True)
class Because:
    """A commit that says so, and what it did."""

    commit: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a model is to be served."""

    replicas: int
    canary_percent: int | None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What history asks for, the key that it is about, and the commits that say so."""

    wanted: Wanted
    key: str | None
    because: tuple[Because, ...] = ()
    release: Release | None = None
    """What is to be restored."""
    shape: Shape | None = None
    """What is to be configured."""
    problem: str = ""
    """Why nothing can be said of a faulty one."""


class Past(Protocol):
    """A model's first-parent history, read as far as it is asked for."""

    def acts(self) -> Iterable[Act]:
        """The commits that changed what is served, newest first."""

    def key_at(self, commit: str) -> str | None:
        """The model's key in the tree of a commit; None where there is no such model, or it cannot be read."""

    def keys_since(self, commit: str) -> Iterable[str | None]:
        """Every key that the model had after a commit, up to now."""

    def source(self) -> str:
        """The newest commit that changed the model's key, to the one that it has now."""


class Trial(StrEnum):
    """How a canary came to stand beside the default."""

    RELEASED = "released"
    DEMOTED = "demoted"
    PUT_BACK = "put back"


def decide(now: str | None, past: Past) -> Decision:
    """What is wanted of a model whose inputs have the key `now`; None: its folder is gone."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    if newest is None or (serving is None and now is None):
        return Decision(wanted=Wanted.NONE, key=None) if now is None else _released(now, past)
    trial = _trial(serving, past) if serving else None
    aim = _aim(serving, trial)
    key = aim.key if aim else None
    if now != key:
        held = _held(now, key, newest, past)
        if not held:
            return _asked(now, serving, past)
    if serving and serving.canary and trial in (Trial.DEMOTED, Trial.PUT_BACK):
        return _settled(serving, serving.canary, trial, newest)
    if now != key:
        return Decision(wanted=Wanted.HELD, key=now, because=(_took(now, newest),))
    return Decision(wanted=Wanted.NONE, key=now, because=(_said(newest),))


def on_trial(past: Past) -> Release | None:
    """The canary that may be promoted: one that was released, and that nobody took back."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    return serving.canary if serving and _trial(serving, past) is Trial.RELEASED else None


def _aim(serving: Serving | None, trial: Trial | None) -> Release | None:
    if serving is None:
        return None
    return serving.canary if trial in (Trial.RELEASED, Trial.PUT_BACK) else serving.default


def _trial(serving: Serving, past: Past) -> Trial | None:
    """How the canary came, told by the act since which it has been one."""
    return _came(serving.canary, past.acts()) if serving.canary else None


def _came(canary: Release, acts: Iterable[Act]) -> Trial:
    """How a canary came that stands at the end of these acts, newest first."""
    older = iter(acts)
    came = next(act for act in older if _is_canary(canary, act.after) and not _is_canary(canary, act.before))
    if came.before and came.before.default.key == canary.key:
        return Trial.DEMOTED
    earlier = list(older)
    if _is_new(canary, earlier):
        return Trial.RELEASED
    went = next((at for at, act in enumerate(earlier) if _is_canary(canary, act.before)), None)
    if went is None or not _is_forward(earlier[went], earlier[went + 1 :]):
        return Trial.PUT_BACK
    return _came(canary, earlier[went + 1 :])  # a newer release had taken its place, and was taken back itself


def _is_canary(release: Release, serving: Serving | None) -> bool:
    return serving is not None and serving.canary is not None and serving.canary.key == release.key


def _held(now: str | None, served: str | None, newest: Act, past: Past) -> bool:
    """Whether the key stays away: a person's act did it, and the inputs are what they were then."""
    if past.key_at(newest.commit) != now:
        return False
    older = islice(past.acts(), 1, None)
    return not _is_forward(newest, older) and served not in past.keys_since(newest.commit)


def _is_forward(act: Act, older: Iterable[Act]) -> bool:
    """Whether an act is slipway's own step: a release that never was there before, or the promotion of such a one.

    A step that is younger than a change of the inputs which it does not answer was merged late, and holds nothing.
    Whatever brings back an earlier state is a person's doing.
    """
    if act.after is None:
        return False
    known = list(older)
    if act.before and act.before.canary and act.before.canary.key == act.after.default.key:
        return _came(act.before.canary, known) is Trial.RELEASED
    return any(release not in _releases(act.before) and _is_new(release, known) for release in _releases(act.after))


def _is_new(release: Release, older: Iterable[Act]) -> bool:
    """Whether no earlier state had this release: this key, asked for by this commit."""
    known = (r for act in older for r in _releases(act.after))
    return all((r.key, r.commit) != (release.key, release.commit) for r in known)


def _releases(serving: Serving | None) -> tuple[Release, ...]:
    if serving is None:
        return ()
    return (serving.default, serving.canary) if serving.canary else (serving.default,)


def _asked(now: str | None, serving: Serving | None, past: Past) -> Decision:
    source = past.source()
    if now is None:
        return Decision(wanted=Wanted.RETIRE, key=None, because=(Because(commit=source, what="deleted the model"),))
    if serving is None or serving.default.key != now:
        return _released(now, past)
    because = (Because(commit=source, what=f"went back to {now[:SHORT]}, which is served beside a canary"),)
    return Decision(wanted=Wanted.RESTORE, key=now, release=serving.default, because=because)


def _released(now: str, past: Past) -> Decision:
    source = past.source()
    for act in past.acts():
        if act.after and act.after.default.key == now:
            because: tuple[Because, ...] = (
                Because(commit=source, what=f"brought back key {now[:SHORT]}"),
                Because(commit=act.commit, what="served it with the full traffic"),
            )
            return Decision(wanted=Wanted.RESTORE, key=now, release=act.after.default, because=because)
    because = (Because(commit=source, what=f"changed the key to {now[:SHORT]}"),)
    return Decision(wanted=Wanted.RELEASE, key=now, because=because)


def _settled(serving: Serving, canary: Release, trial: Trial, newest: Act) -> Decision:
    """What makes an end of a canary that a person's act left there."""
    if trial is Trial.DEMOTED:
        because = (Because(commit=newest.commit, what=f"took back the promotion of {canary.key[:SHORT]}"),)
        return Decision(wanted=Wanted.ROLLBACK, key=canary.key, release=serving.default, because=because)
    because = (Because(commit=newest.commit, what=f"put {canary.key[:SHORT]} back"),)
    return Decision(wanted=Wanted.RESTORE, key=canary.key, release=canary, because=because)


def _took(key: str | None, act: Act) -> Because:
    """The act since which a key is held."""
    if key is not None and any(release.key == key for release in _releases(act.before)):
        left = f"{act.after.default.key[:SHORT]} runs" if act.after else "nothing runs"
        return Because(commit=act.commit, what=f"took {key[:SHORT]} away, and {left}")
    return _said(act)


def _said(act: Act) -> Because:
    """What an act did, in a few words."""
    match act.before, act.after:
        case _, None:
            return Because(commit=act.commit, what="removed the manifest")
        case before, after:
            if after.canary:
                return Because(commit=act.commit, what=f"put {after.canary.key[:SHORT]} on trial")
            known = before is not None and before.default.key == after.default.key
            what = f"left {after.default.key[:SHORT]}" if known else f"served {after.default.key[:SHORT]}"
            return Because(commit=act.commit, what=f"{what} with the full traffic")
