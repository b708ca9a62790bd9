"""Programs that slipway runs: found by their name, and quoted by the last thing that they said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from slipway.errors import OutsideError

_TAIL = 12
"""Lines of a failed program's output that an error shows."""
_LONGEST = 3600.0
"""Seconds for one program: a large image over a slow line takes minutes."""
_SECRET = re.compile(r"(?<=//)[^\s/@\"']+@")

type Which = Callable[[str], str | None]


def find(name: str, hint: str, *, which: Which = shutil.which) -> str:
    """The program of this name; `OutsideError` with the hint where there is none."""
    found = which(name)
    if found is None:
        raise OutsideError(f"{name} was looked for on the PATH, and is not there", hint=hint)
    return found


def run(command: Sequence[str], *, cwd: Path | None = None, seconds: float = _LONGEST) -> bytes:
    """What a program printed; `OutsideError` with the end of what it said if it failed."""
    done = attempt(command, cwd=cwd, seconds=seconds)
    if done.returncode:
        said = tail(done)
        raise OutsideError(f"{_name(command)} failed with {done.returncode}" + (f":\n{said}" if said else ""))
    return done.stdout


def attempt(
    command: Sequence[str], *, cwd: Path | None = None, seconds: float = _LONGEST
) -> subprocess.CompletedProcess[bytes]:
    """Run a program, whatever comes of it; `OutsideError` if it cannot be run or does not end."""
    try:
        return subprocess.run(  # noqa: S603  never through a shell
            command, cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise OutsideError(f"{_name(command)} did not end within {seconds:.0f} s") from None
    except OSError as error:
        raise OutsideError(f"{_name(command)} cannot be run: {error}") from None


def tail(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last lines of what a program said, without the passwords of addresses."""
    lines = (done.stdout + b"\n" + done.stderr).decode(errors="replace").splitlines()
    return _SECRET.sub("", "\n".join([line.rstrip() for line in lines if line.strip()][-_TAIL:]))


def _name(command: Sequence[str]) -> str:
    """The program and what it was to do, as in `buildah bud`."""
    words = [word for word in command[1:2] if word.isalpha()]
    return " ".join([os.path.basename(command[0]), *words])  # noqa: PTH119  a name, not a path
