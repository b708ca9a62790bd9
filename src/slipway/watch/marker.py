"""The first line of what `slipway watch` writes at a forge, which is not shown: whose it is, and what it is about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_DIGITS = 12
_MARKER = re.compile(
    r"\A<!-- slipway-watch model=(?P<model>[a-z0-9-]{1,40}) about=(?P<about>[0-9a-f,]*)(?P<over> over)? -->"
)
_END = "<!-- /slipway-watch -->"
_MOST = 1_000


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What a pull request or an issue is about."""

    model: str
    about: frozenset[str]
    """Digests of what was found. A person who closes it gives the answer to these."""
    is_over: bool = False
    """Whether it was closed because there is nothing to it any more, and not by a person."""

    @classmethod
    def of(cls, model: str, about: Iterable[str]) -> Marker:
        """Of what was found, in any words that stay the same from run to run."""
        digests = (hashlib.sha256(one.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS] for one in about)
        return cls(model=model, about=frozenset(sorted(digests)[:_MOST]))

    def __str__(self) -> str:
        """The line itself."""
        about = ",".join(sorted(self.about))
        return f"<!-- slipway-watch model={self.model} about={about}{' over' if self.is_over else ''} -->"


def read(body: str) -> Marker | None:
    """The marker that a text begins with; None if it has none."""
    found = _MARKER.match(body)
    if found is None:
        return None
    about = frozenset(one for one in found["about"].split(",") if one)
    return Marker(model=found["model"], about=about, is_over=bool(found["over"]))


def written(marker: Marker, text: str, before: str = "") -> str:
    """A text with its marker. What people wrote below the end of an earlier one stays."""
    _, end, theirs = before.replace("\r\n", "\n").rpartition(_END)
    return f"{marker}\n{text}\n{_END}{theirs if end and read(before) else ''}"
