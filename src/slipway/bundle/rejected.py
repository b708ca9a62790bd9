"""What is said of a bundle that is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipway.errors import ExitCode, SlipwayError

_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,79}")
_LONGEST = 200
HINT = "Run the pull request's checks again; if it stays so, look at what the change does to slipway itself."


class Rejected(SlipwayError):  # noqa: N818  what is rejected is the bundle; nothing here failed
    """What a pull request's run handed on cannot be used: one sentence, in which nobody else speaks."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, what: str, *, hint: str = HINT) -> None:
        """Say what is wrong; the text is cleaned and cut, whoever wrote parts of it."""
        clean = " ".join("".join(mark if mark.isprintable() else " " for mark in what).split())
        super().__init__(clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…", hint=hint)


def named(name: str) -> str:
    """A file's name, if it is one that can be repeated without harm."""
    return name if _HARMLESS.fullmatch(name) else "a name that is not repeated here"


def place(parts: Sequence[int | str]) -> str:
    """Where in a document something is wrong; keys that the document's author chose are left out."""
    return ".".join(str(part) if _HARMLESS.fullmatch(str(part)) else "…" for part in parts) or "the whole"
