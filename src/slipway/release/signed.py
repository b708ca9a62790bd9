"""The images that a run signed, as the jobs that signed them wrote it down for the one that commits."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from slipway.delivery.served import IMAGE
from slipway.errors import InputError
from slipway.training.faults import Fault

_MOST_FILES = 1000
"""An engine runs fewer jobs of one kind."""
_MOST_BYTES = 65_536
_IRREGULAR = "a link, or no regular file that can be read"
_HINT = "Each line is an image by its digest: name@sha256:<64 digits>."


def read(folder: Path) -> frozenset[str]:
    """What the files of a folder name, an image a line; nothing where there is no folder, for then nobody signed.

    Raises `InputError` for whatever else is there: other jobs wrote it, and what they ran may have been anything.
    """
    try:
        found = os.listdir(folder)  # noqa: PTH208  names alone: nothing is looked at before it is opened
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise InputError(f"{folder} is no folder that can be read: {error.strerror}") from None
    if len(found) > _MOST_FILES:
        raise InputError(f"{folder} has more than {_MOST_FILES:,} files", hint=_HINT)
    return frozenset(image for name in sorted(found) for image in _images(folder / name))


def _images(file: Path) -> list[str]:
    shown = ascii(str(file))[1:-1]
    try:
        lines = _content(file).decode().splitlines()
    except UnicodeDecodeError:
        raise InputError(Fault(file=shown, what="not UTF-8", hint=_HINT)) from None
    except ValueError as error:
        raise InputError(Fault(file=shown, what=str(error), hint=_HINT)) from None
    for number, line in enumerate(lines, start=1):
        if not IMAGE.fullmatch(line):
            raise InputError(Fault(file=shown, line=number, what="no image by its digest", hint=_HINT))
    return lines


def _content(file: Path) -> bytes:
    """The bytes of a small file; `ValueError` where it is something else, which is not waited for or followed."""
    try:
        with open(file, "rb", opener=_unfollowed) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ValueError(_IRREGULAR)
            content = stream.read(_MOST_BYTES + 1)
    except OSError:
        raise ValueError(_IRREGULAR) from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES:,} bytes")
    return content


def _unfollowed(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
