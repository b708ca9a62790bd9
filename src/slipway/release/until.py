"""How far a release goes."""

from __future__ import annotations

from enum import StrEnum


class Until(StrEnum):
    """The last thing that is done of what main asks for."""

    VERDICT = "verdict"
    IMAGE = "image"
    COMMIT = "commit"
