"""What main's history asks for, for one model in one environment. Pure: the past is handed in.

Two things happen on main: a commit changes a model's key, or a commit changes what its manifest serves (an *act*:
of slipway, which puts in a release that was not there before or promotes the canary; or of a person, who reverts
or edits). The rule, in full:

1. What the newest act aims at is served: the canary's key while one is on trial, else the default's.
   A canary that a person made out of the default (reverting a promotion) is to be rolled back: the default is aimed
   at. A canary that a person put back (reverting a revert) is to get the full traffic.
2. If the key is what is aimed at, nothing is wanted but to bring that about.
3. Else the key is **held** if it is the one that the model had when a person's act left something else there: what
   a person took away does not come back by itself. A key that was away and came back is held still, and whatever
   slipway does in between changes nothing about it; a hold ends when the model has the key that is aimed at: what
   comes then was made afresh. Inputs that cannot be read are passed over, as manifests are.
4. Else the key is wanted: restored if it had the full traffic before, released if not, retired if the model is gone.
   Before a release, which may be refused, an end is made of a canary that a person left there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.delivery.manifest import Release, Serving
from slipway.key import SHORT
from slipway.plan.acts import Act, Past, Trial, has, is_step, trial_of
from slipway.spec import DeploymentMode, Platform, ServingTable


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
class Because:
    """A commit that says so, and what it did."""

    commit: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a model is to be served."""

    replicas: int
    canary_percent: int | None
    platform: Platform = Platform.SELDON
    mode: DeploymentMode = DeploymentMode.STANDARD

    @classmethod
    def of(cls, table: ServingTable) -> Shape:
        """As `[serving]` says."""
        return cls(
            replicas=table.replicas,
            canary_percent=table.canary_percent,
            platform=table.platform,
            mode=table.deployment_mode,
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What history asks for, the key that it is about, and the commits that say so."""

    wanted: Wanted
    key: str | None
    because: tuple[Because, ...] = ()
    release: Release | None = None
    """What is to be restored; and what is to be released, where the environment before verified it."""
    problem: str = ""
    """Why nothing can be said of a faulty one."""


def decide(now: str | None, past: Past) -> Decision:
    """What is wanted of a model whose inputs have the key `now`; None: its folder is gone."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    if newest is None or (serving is None and now is None):
        return Decision(wanted=Wanted.NONE, key=None) if now is None else _released(now, past)
    trial = _trial(serving, past) if serving else None
    aim = _aim(serving, trial)
    key = aim.key if aim else None
    held = _held(now, past) if now != key else None
    asked = _asked(now, serving, past) if now != key and not held else None
    if asked and asked.wanted is not Wanted.RELEASE:
        return asked
    if serving and serving.canary and trial in (Trial.DEMOTED, Trial.PUT_BACK):
        return _settled(serving, serving.canary, trial, newest)  # first, since a release may be refused
    if asked:
        return asked
    if held:
        return Decision(wanted=Wanted.HELD, key=now, because=(_took(now, held, past),))
    return Decision(wanted=Wanted.NONE, key=now, because=(_said(newest),))


def aimed(past: Past) -> str | None:
    """The key that is to have the full traffic in the end, as things stand."""
    newest = next(iter(past.acts()), None)
    serving = newest.after if newest else None
    aim = _aim(serving, _trial(serving, past)) if serving else None
    return aim.key if aim else None


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
    return trial_of(serving.canary, past.acts(), past) if serving.canary else None


def _held(now: str | None, past: Past) -> Act | None:
    """The person's act that keeps the key away, unless the model had in between the key that was aimed at then."""
    acts = list(past.acts())
    until: str | None = None
    for at, act in enumerate(acts):
        canary = act.after.canary if act.after else None
        aim = _aim(act.after, trial_of(canary, acts[at:], past) if canary else None)
        key = past.key_at(act.commit)
        served = aim.key if aim else None
        if key == served or served in past.keys_since(act.commit, until):
            return None
        if not is_step(act, acts[at + 1 :], past):
            return act if key == now else None
        until = act.commit
    return None


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


def _took(key: str | None, held: Act, past: Past) -> Because:
    """The act that took away a key which is held, or since which it is held."""
    for act in past.acts():
        if key is not None and has(key, act.before) and not has(key, act.after):
            left = f"{act.after.default.key[:SHORT]} runs" if act.after else "nothing runs"
            return Because(commit=act.commit, what=f"took {key[:SHORT]} away, and {left}")
        if act is held:
            break
    return _said(held)


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
