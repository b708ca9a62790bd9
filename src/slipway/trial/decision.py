"""How a trial ends now, or why it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slipway.live.traffic import Side
from slipway.trial.answers import Answers, Heard
from slipway.trial.comparison import ANY, credited, more_errors, own_faults, seeming_errors, share, slower_answers
from slipway.trial.subject import HOUR, MINUTE, Goal, Subject

_STARTING = 600.0
"""Seconds in which nobody wonders that a release does not answer yet: Argo CD, an image to pull, a pod to start."""
_SEEN = 0.9
"""So much of its patience a release must have been seen: an hour without the cluster is none."""
_LONGEST = 2.0
"""So many times its patience end it all the same: a Prometheus forgets, OpenShift's after a day."""
_WORSE = "it does worse than the default"


class End(StrEnum):
    """What is to be committed, if anything is."""

    PROMOTE = "promote"
    CONFIRM = "confirm"
    REVERT = "revert"
    KEEP = "keep"
    """The trial has ended well, and there is nothing to commit."""
    WAIT = "wait"


@dataclass(frozen=True, kw_only=True)
class Live:
    """What Prometheus saw of a release, and of the one beside it."""

    own: Side
    beside: Side | None = None


@dataclass(frozen=True, kw_only=True)
class Blind:
    """Why Prometheus says nothing."""

    said: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is to be done, and why."""

    end: End
    reasons: tuple[str, ...]
    short: str = ""
    """Why it is reverted, for a commit's subject."""
    is_outside: bool = False
    """Whether it waits for something that does not answer, and should."""
    seen: Live | None = None

    @property
    def said(self) -> str:
        """The reasons as sentences."""
        return " ".join(f"{reason[:1].upper()}{reason[1:]}." for reason in self.reasons)


def decide(subject: Subject, heard: Heard, seen: Live | Blind, now: datetime) -> Outcome:
    """What comes of a trial, by what it answers and what was seen of it."""
    if heard.answers is Answers.WRONG:
        return _reverted(heard.said, short="its answers are wrong")
    if isinstance(seen, Live) and (found := _worse(subject, seen)):
        return _reverted(*found, short=_WORSE, seen=seen)
    match heard.answers:
        case Answers.REFUSED:
            return _refused(heard, seen)
        case Answers.SILENT:
            return _silent(subject, heard, seen, now)
        case Answers.ANOTHER | Answers.UNSTEADY:
            return _unsettled(subject, heard, now)
        case _:
            return _right(subject, heard, seen, now)


def _worse(subject: Subject, seen: Live) -> tuple[str, ...]:
    if not subject.is_asked or seen.beside is None:
        return ()
    found = [more_errors(seen.own, seen.beside, subject.gate)]
    if seen.own.seconds >= subject.least_seconds:  # the first answers of many workers are slow together
        found.append(slower_answers(seen.own, seen.beside, subject.gate))
    return tuple(said for said in found if said)


def _refused(heard: Heard, seen: Live | Blind) -> Outcome:
    """It is the release that refuses only if no other is behind its name."""
    if isinstance(seen, Live) and seen.own.is_alone:
        return _reverted(heard.said, short="it refuses its golden requests", seen=seen)
    return _waits(heard.said, "nobody can tell yet whether it is this release that says so")


def _unsettled(subject: Subject, heard: Heard, now: datetime) -> Outcome:
    """Its pods come and go, or another release's do: that says nothing of it, however long it lasts."""
    age = subject.age(now)
    if age <= max(_STARTING, subject.patience):
        return _waits(heard.said)
    return _waits(heard.said, f"it is on trial for {_time(age)} already: look at its pods", is_outside=True)


def _silent(subject: Subject, heard: Heard, seen: Live | Blind, now: datetime) -> Outcome:
    """Nobody answers: the release, or the whole cluster, or the way there."""
    age = subject.age(now)
    if isinstance(seen, Live) and age > subject.patience and seen.beside and seen.beside.seconds and heard.is_beside_up:
        if seen.own.seconds < subject.least_seconds:
            never = f"it did not come up within {_time(age)}, while the default beside it answers"
            return _reverted(never, heard.said, short="it did not come up", seen=seen)
        return _waits(heard.said, "Prometheus sees it: can it be reached from here?", is_outside=True)
    hint = (heard.hint,) if heard.hint else ()
    return _waits(heard.said, *hint, is_outside=age > _STARTING)


def _right(subject: Subject, heard: Heard, seen: Live | Blind, now: datetime) -> Outcome:
    """It answers as in its review; how it does with what others ask is told by Prometheus alone."""
    if isinstance(seen, Live) and (faults := _alone(subject, seen)):
        return _waits(heard.said, faults, is_outside=subject.age(now) > _STARTING, seen=seen)
    if subject.goal is Goal.KEEP:
        return Outcome(end=End.KEEP, reasons=(heard.said,))
    if isinstance(seen, Blind):
        return _waits(heard.said, f"{seen.said}: it stays on trial until Prometheus says how it does", is_outside=True)
    return _not_yet(subject, heard, seen, now) or _through(subject, heard, seen, now)


def _alone(subject: Subject, seen: Live) -> str:
    """What it does wrong by itself, where it is not compared; what the release beside it does wrong too is not its."""
    if subject.is_asked and seen.beside is not None:
        return ""
    is_beside_too = seen.beside is not None and own_faults(seen.beside, subject.gate)
    return "" if is_beside_too else own_faults(seen.own, subject.gate)


def _not_yet(subject: Subject, heard: Heard, seen: Live, now: datetime) -> Outcome | None:
    """Why it is too early, before anybody's requests are counted."""
    own, beside = seen.own, seen.beside
    if not own.seconds or (subject.is_asked and beside is not None and not beside.seconds):
        which = "the default beside it" if own.seconds else "it"
        late = subject.age(now) > _STARTING
        loud = "; it stays on trial until there are some: is it scraped?" if late else ""
        return _waits(heard.said, f"Prometheus has no data of {which} yet{loud}", is_outside=late, seen=seen)
    if own.seconds < subject.least_seconds:
        left = subject.least_seconds - own.seconds
        return _waits(heard.said, f"it is watched for {_time(left)} more", _figures(subject, seen), seen=seen)
    return None


def _through(subject: Subject, heard: Heard, seen: Live, now: datetime) -> Outcome:
    """It was watched for long enough; whether it was asked enough."""
    own, beside = seen.own, seen.beside
    if not subject.is_asked or beside is None:
        end = End.CONFIRM if subject.goal is Goal.CONFIRM else End.PROMOTE
        return Outcome(end=end, reasons=(heard.said, f"it was seen for {_time(own.seconds)}"), seen=seen)
    enough, wanted = credited(own, beside, subject.percent or 0), subject.table.canary_requests
    figures = _figures(subject, seen)
    if enough < wanted and not _is_patience_over(subject, own, now):
        return _waits(heard.said, f"it waits for {wanted - enough:,} more requests", figures, seen=seen)
    if doubtful := _doubtful(subject, seen, beside, now):
        return doubtful
    if enough >= wanted:
        return Outcome(end=End.PROMOTE, reasons=(heard.said, figures), seen=seen)
    few = f"in {_time(own.seconds)} {enough or 'none'} of the {wanted} requests came that it waits for"
    return Outcome(end=End.PROMOTE, reasons=(few, f"only that decides: {heard.said}", figures), seen=seen)


def _doubtful(subject: Subject, seen: Live, beside: Side, now: datetime) -> Outcome | None:
    """Why it does not get the full traffic, though it has waited: it looks worse, in however few requests."""
    if found := more_errors(seen.own, beside, subject.gate, ANY):
        return _reverted(found, short=_WORSE, seen=seen)
    doubts = [seeming_errors(seen.own, beside, subject.gate), slower_answers(seen.own, beside, subject.gate, ANY)]
    if not any(doubts):
        return None
    is_over = _is_patience_over(subject, seen.own, now)
    what = f"it is on trial for {_time(subject.age(now))} already: promote it by hand, or revert it"
    chance = f"that may be chance: {what if is_over else 'it waits for more requests'}"
    return _waits(*filter(None, doubts), chance, is_outside=is_over, seen=seen)


def _is_patience_over(subject: Subject, own: Side, now: datetime) -> bool:
    age, patience = subject.age(now), subject.patience
    return age >= patience and (own.seconds >= _SEEN * patience or age >= _LONGEST * patience)


def _figures(subject: Subject, seen: Live) -> str:
    """What both sides were asked, and how they answered."""
    own = f"it answered {_side(seen.own)} in {_time(seen.own.seconds)}"
    if seen.beside is None or not subject.is_asked:
        return own
    return f"{own}; the default {_side(seen.beside)}"


def _side(side: Side) -> str:
    p99 = "" if side.p99_ms is None else f", p99 {side.p99_ms:.3g} ms"
    return f"{side.requests:,} requests ({share(side):.2%} errors{p99})"


def _time(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} minutes"
    return f"{seconds / HOUR:.0f} hours"


def _waits(*reasons: str, is_outside: bool = False, seen: Live | None = None) -> Outcome:
    return Outcome(end=End.WAIT, reasons=reasons, is_outside=is_outside, seen=seen)


def _reverted(*reasons: str, short: str, seen: Live | None = None) -> Outcome:
    return Outcome(end=End.REVERT, reasons=reasons, short=short, seen=seen)
