"""What came back of a request, held against what the reviewed model said of the same rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.adapters.endpoint import Answer
from slipway.adapters.line import EndpointError, Kind
from slipway.results import ModelCard
from slipway.screen import plain

_SHOWN = 5
_LONGEST = 64
_SILENT = {Kind.TIMEOUT.value, Kind.CONNECTION.value, Kind.PROTOCOL.value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came back of one request."""

    asked: tuple[int, ...]
    """The golden requests in it, from 0."""
    key: str = ""
    largest: float = 0.0
    differing: tuple[int, ...] = ()
    mislabelled: tuple[int, ...] = ()
    error: str = ""
    """The kind of trouble, where there was no answer."""
    said: str = ""
    hint: str = ""
    seconds: float = 0.0
    """From the question to the end of the answer."""

    @property
    def is_silence(self) -> bool:
        """Whether not even an HTTP answer came."""
        return self.error in _SILENT


def judge(answer: Answer, card: ModelCard, asked: Sequence[int]) -> Told:
    """Hold an answer against what the reviewed model said of the same rows."""
    outputs = card.classes or (card.target,)
    expected = [card.golden[index].answer for index in asked]
    if answer.names != outputs or list(map(len, answer.rows)) != [len(outputs)] * len(asked):
        rows = "a row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
        said = f"answered with {rows} of {_listed(answer.names)}, not {len(asked)} of {_listed(outputs)}"
        return Told(asked=tuple(asked), key=_key(answer.key, card.key), error=Kind.FORM, said=said)
    off = [max(map(_off, row, then)) for row, then in zip(answer.rows, expected, strict=True)]
    return Told(
        asked=tuple(asked),
        key=_key(answer.key, card.key),
        largest=max(off),
        differing=tuple(index for index, far in zip(asked, off, strict=True) if far > card.parity.tolerance),
        mislabelled=_mislabelled(answer, card, asked),
    )


def failed(error: EndpointError, asked: Sequence[int]) -> Told:
    """A request that got no answer of a model."""
    return Told(asked=tuple(asked), error=error.kind, said=error.said, hint=error.hint)


def _off(now: float, then: float) -> float:
    return min(abs(now - then), sys.float_info.max)


def _mislabelled(answer: Answer, card: ModelCard, asked: Sequence[int]) -> tuple[int, ...]:
    """The rows whose label is not the likeliest class; of equally likely ones any will do."""
    if not card.classes:
        return ()
    if len(answer.labels) != len(asked):
        return tuple(asked)
    likeliest = [{name for name, p in zip(answer.names, row, strict=True) if p == max(row)} for row in answer.rows]
    rows = zip(asked, answer.labels, likeliest, strict=True)
    return tuple(index for index, label, right in rows if label not in right)


def _key(key: str, expected: str) -> str:
    """The key, if it is the expected one to the last character; else what can be shown of it, which never looks so."""
    if key == expected:
        return key
    shown = plain(key)[:_LONGEST] or "none"
    return f"{shown}…" if shown == expected else shown


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:_LONGEST]) for name in names[:_SHOWN])
    return shown + (", …" if len(names) > _SHOWN else "") if names else "nothing"
