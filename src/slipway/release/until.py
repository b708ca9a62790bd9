"""How far a release goes."""

from __future__ import annotations

from enum import StrEnum


class Until(StrEnum):
    """The last thing that is done of what main asks for.

    Only the last lands anything. A verdict of no is exit code 1, and where the image is asked for it is none: there is
    nothing to build then, and whoever asks the verdict or lands is told it.
    """

    VERDICT = "verdict"
    """Nothing is built. A rebuild has none: its keys were judged."""
    IMAGE = "image"
    """Built and pushed, so that it can be signed before main names it."""
    COMMIT = "commit"
    """All of it: the commit is on main, or waits on its branch."""
