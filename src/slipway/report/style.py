"""Where a report is read: how its pictures are drawn there, how long its tables may be, what stands elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Pictures(Enum):
    """How pictures are shown."""

    FILES = auto()
    """As PNG files beside the text."""
    CHARTS = auto()
    """Of letters, and as Mermaid where lines say it better: what GitHub shows in private repositories as well."""
    LETTERS = auto()
    """Of letters alone."""


class Origin(Enum):
    """Who trained what is shown."""

    OWN = auto()
    """The repository itself, or somebody it trusts: a merge ships these bytes."""
    FORK = auto()
    """Somebody else: a merge trains again."""
    UNTRUSTED = auto()
    """The repository itself, which ships only what main trained."""


class Detail(Enum):
    """What there is to say of what is as it should be."""

    FINDINGS = auto()
    """That it is."""
    ALL = auto()
    """Each of it, by itself."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a report is written."""

    pictures: Pictures
    elsewhere: str
    """Where the rest of a table is."""
    rows: int = 20
    """Of a table that is shown."""
    few: int = 10
    """Rows of a table of which the first ones say most."""
    lines: int = 200
    """Of a diff."""
    detail: Detail = Detail.FINDINGS
    origin: Origin = Origin.OWN


LOCAL = Style(pictures=Pictures.FILES, elsewhere="see report.html")
COMMENT = Style(pictures=Pictures.CHARTS, elsewhere="see the summary of the run")
CHECK = Style(pictures=Pictures.LETTERS, elsewhere="see the summary of the run")
EVERYTHING = Style(
    pictures=Pictures.CHARTS,
    elsewhere="see report.html",
    rows=1_000_000,
    few=1_000_000,
    lines=10_000,
    detail=Detail.ALL,
)
"""For a summary, which has room for sixteen comments."""
