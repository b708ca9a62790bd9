"""How far a release goes, and where it begins."""

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


class Since(StrEnum):
    """The first thing that is done of what main asks for.

    A job that commits what other jobs made may have no cores to train, nothing to build with, and a token that ends.
    So what came meanwhile waits for the next run, and holds up nothing that is ready.
    """

    START = "start"
    """Whatever it takes: a model of a new key is trained, an image is built."""
    IMAGE = "image"
    """Nothing is trained or built: what has its image is committed, what is refused is told, and the rest is left."""
