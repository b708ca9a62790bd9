"""`settle`: a release on trial is asked and looked at once, and what follows is decided in `trial`.

Every effect comes in as an argument. Prometheus that does not answer is no error here: the trial goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from slipway.errors import OutsideError
from slipway.live import traffic
from slipway.live.selector import Selector
from slipway.live.traffic import Asks, Side, Window
from slipway.results import ModelCard
from slipway.trial.answers import Answers, Heard, hear
from slipway.trial.decision import Blind, Live, Outcome, decide
from slipway.trial.subject import Subject
from slipway.verification.document import Verification

_DEFAULT = "default"
_FURTHEST = 2.0
"""So many times its patience back: nothing that lies further back decides anything."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """The cluster, Prometheus and the time."""

    ask: Callable[[str, ModelCard], Verification]
    """Verify what an address serves; `OutsideError` where nobody answers."""
    is_up: Callable[[str], bool]
    """Whether anybody answers at an address."""
    prometheus: Asks
    now: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the release is, and the one beside it."""

    own: str
    beside: str | None


def run(subject: Subject, card: ModelCard, addresses: Addresses, effects: Effects) -> Outcome:
    """Ask, look, decide."""
    heard = _heard(card, addresses, effects)
    now = effects.now()
    return decide(subject, heard, _seen(subject, effects.prometheus, now), now)


def _heard(card: ModelCard, addresses: Addresses, effects: Effects) -> Heard:
    try:
        heard = hear(effects.ask(addresses.own, card))
        if heard.answers in (Answers.WRONG, Answers.REFUSED):  # one bad moment takes no release back
            heard = hear(effects.ask(addresses.own, card))
    except OutsideError as error:
        heard = Heard(answers=Answers.SILENT, said=error.what, hint=error.hint)
    if heard.answers is not Answers.SILENT or addresses.beside is None:
        return heard
    return replace(heard, is_beside_up=effects.is_up(addresses.beside))


def _seen(subject: Subject, prometheus: Asks, now: datetime) -> Live | Blind:
    """What Prometheus saw since the release was committed."""
    end = now.timestamp()
    window = Window(start=end - min(subject.age(now), _FURTHEST * subject.patience), end=end)
    selector = Selector(model=subject.model, namespace=subject.namespace)
    try:
        looked = traffic.look(prometheus, selector, window)

        def side(predictor: str, key: str) -> Side:
            times = traffic.times(prometheus, selector, window, predictor=predictor, key=key)
            return replace(looked.side(predictor, key), buckets=times)

        beside = side(_DEFAULT, subject.beside) if subject.beside else None
        return Live(own=side(subject.predictor, subject.key), beside=beside)
    except OutsideError as error:
        return Blind(said=error.what)
