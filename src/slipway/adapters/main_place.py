"""Which branch is main: of which remote, and what it is called there. Read from what this clone knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.adapters.git import Git
from slipway.errors import InputError

REMOTE = "SLIPWAY_REMOTE"
"""The environment variable that names the remote."""
_USUAL = "origin"
_NAMES = ("main", "master")


@dataclass(frozen=True, kw_only=True)
class MainPlace:
    """Where main is."""

    remote: str | None
    """None in a repository without remotes."""
    name: str
    commit: str | None
    """Its newest commit as far as this clone knows, if it knows any."""

    @property
    def looked_for(self) -> tuple[str, ...]:
        """What people call the branches that could have been it."""
        remote = self.remote or _USUAL
        return tuple(place for name in _NAMES for place in (f"{remote}/{name}", name))


def find(git: Git, environ: Mapping[str, str] = os.environ) -> MainPlace:
    """The branch that the remote's HEAD names, else its `main`, else its `master`.

    The branches of this clone count where there is no remote, or where none of these was ever fetched from it.
    Raises `InputError` where it is not clear which remote is meant.
    """
    remote = _remote(git, environ.get(REMOTE, ""))
    places = [] if remote is None else [f"refs/remotes/{remote}/{name}" for name in _remote_names(git, remote)]
    for place in (*places, *(f"refs/heads/{name}" for name in _NAMES)):
        if (commit := git.resolve(place)) is not None:
            prefix = "refs/heads/" if place.startswith("refs/heads/") else f"refs/remotes/{remote}/"
            return MainPlace(remote=remote, name=place.removeprefix(prefix), commit=commit)
    return MainPlace(remote=remote, name=_NAMES[0], commit=None)


def _remote_names(git: Git, remote: str) -> tuple[str, ...]:
    prefix = f"refs/remotes/{remote}/"
    head = git.run("for-each-ref", "--format=%(symref)", f"{prefix}HEAD")
    named = (head.removeprefix(prefix),) if head.startswith(prefix) else ()
    return (*named, *_NAMES)


def _remote(git: Git, wanted: str) -> str | None:
    """The remote that is meant: the one that was named, else `origin`, else the only one there is."""
    remotes = git.run("remote").splitlines()
    if wanted:
        return _named(wanted, remotes)
    if _USUAL in remotes:
        return _USUAL
    if len(remotes) > 1:
        raise InputError(
            f"there are several remotes ({', '.join(remotes)}), and none is called {_USUAL}",
            hint=f"Set {REMOTE} to the one whose main is meant.",
        )
    return _named(remotes[0], remotes) if remotes else None


def _named(wanted: str, remotes: list[str]) -> str:
    if wanted.startswith("-"):
        raise InputError(f"the remote {wanted!r} would be read as an option", hint="Rename it: git remote rename.")
    if wanted not in remotes:
        known = f"it is one of: {', '.join(remotes)}" if remotes else "there is none; add one: git remote add"
        raise InputError(
            f"{REMOTE} is {wanted!r}, which is no remote of this repository", hint=f"Set it right: {known}."
        )
    return wanted
