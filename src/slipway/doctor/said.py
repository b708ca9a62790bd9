"""How findings about GitHub are said."""

from __future__ import annotations

from slipway.doctor.facts import Unseen
from slipway.doctor.finding import Area, Finding, Need, State


def finding(name: str, ok: bool, what: str, how: str = "", *, need: Need = Need.NECESSARY) -> Finding:  # noqa: FBT001  its state
    """One about GitHub."""
    state = State.OK if ok else State.MISSING
    return Finding(area=Area.GITHUB, name=name, state=state, need=need, what=what, how="" if ok else how)


def unseen(name: str, why: Unseen, *, need: Need = Need.NECESSARY) -> Finding:
    """What could not be looked at is no fault."""
    return Finding(area=Area.GITHUB, name=name, state=State.UNKNOWN, need=need, what=why.why, how=why.how)
