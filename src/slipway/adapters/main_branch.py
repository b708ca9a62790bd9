"""Main, and how a commit gets there: nothing is checked out, and nothing is ever forced.

A commit is made of Git's objects on top of main's tip. It lands only if main still is that tip, so whoever lost
a race reads the new tip and decides again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from slipway.adapters.credentials import credentials, is_given
from slipway.adapters.git import Git
from slipway.adapters.git_log import ShallowError
from slipway.adapters.main_checkout import CheckedOut
from slipway.adapters.main_place import find
from slipway.adapters.own_git import AUTHOR, EMAIL, MODEL, Files, OwnGit
from slipway.errors import OutsideError, UnreachableError

__all__ = ["AUTHOR", "EMAIL", "Files", "Landing", "LostRaceError", "MainBranch"]

_MOVED = re.compile(r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value")
_FETCHES = 5
"""Where another command works in the same clone, it may have set main just now."""
_REJECTED = re.compile(r"^!\t\S+\t(.*)$", re.MULTILINE)


class LostRaceError(OutsideError):
    """Somebody else was faster; nothing was changed, and what they did can be read now."""


class Landing(StrEnum):
    """How a commit gets to main."""

    PUSH = "push"
    BRANCH = "branch"
    """By a pull request from a branch of its own, where main is protected."""


@dataclass(frozen=True, kw_only=True)
class MainBranch:
    """The main of a remote; in a repository without remotes, its own."""

    git: Git
    remote: str | None
    name: str
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, git: Git, environ: Mapping[str, str] = os.environ) -> MainBranch:
        """Find it; `InputError` where it is not clear which remote is meant."""
        place = find(git, environ)
        shown = _credentials(git, place.remote, environ) if place.remote else {}
        return cls(git=git, remote=place.remote, name=place.name, environ={**environ, **shown})

    def tip(self) -> str:
        """Main's newest commit, fetched from the remote; `UnreachableError` where that fails."""
        if self.remote is None:
            return self._local()
        fetch = ["fetch", "--quiet", "--no-tags", self.remote, f"+refs/heads/{self.name}:{self._place}"]
        for left in reversed(range(_FETCHES)):
            try:
                self._own.ask(fetch, hint=f"Is there a branch {self.name}, and may you read {self.remote}?")
            except OutsideError as error:
                if not left or not _MOVED.search(error.what):
                    raise UnreachableError(error.what, hint=error.hint) from None
            else:
                break
        return self.git.run("rev-parse", self._place)

    def known(self) -> str:
        """Main's newest commit as far as this clone knows, which has just fetched or pushed it."""
        return self._local() if self.remote is None else self.git.run("rev-parse", self._place)

    @property
    def _own(self) -> OwnGit:
        return OwnGit(root=self.git.root, environ=self.environ)

    @property
    def _place(self) -> str:
        return f"refs/remotes/{self.remote}/{self.name}"

    def deep[T](self, ask: Callable[[], T]) -> T:
        """What a question about history says; where a shallow clone cannot tell, the rest is fetched first."""
        try:
            return ask()
        except ShallowError:
            self._deepen()
            return ask()

    def _deepen(self) -> None:
        if self.remote is None:
            raise OutsideError(
                "this clone is shallow, and has no remote to fetch the rest of its history from",
                hint="Clone it again, without --depth.",
            )
        self._own.ask(
            ["fetch", "--quiet", "--no-tags", "--unshallow", self.remote],
            hint="In GitHub Actions, set fetch-depth: 0 for actions/checkout.",
        )

    def commit(self, parent: str, files: Files, message: str, when: datetime) -> str | None:
        """A commit on top of another; None if it would change nothing. No branch points to it yet."""
        return self._own.commit(parent, files, message, when)

    def land(self, commit: str, parent: str) -> bool:
        """Make a commit main's newest; False if main is no longer at its parent, and nothing was changed.

        Raises `OutsideError` when the remote refuses.
        """
        if self.remote is None:
            self._local()
            return CheckedOut(own=self._own, ref=f"refs/heads/{self.name}").forward(commit, parent)
        landed = self._push([f"{commit}:refs/heads/{self.name}"])
        held = self.git.resolve(self._place) or ""
        if landed and held in ("", parent):  # the fetch refspec of this clone leaves main out
            self._own.run(["update-ref", self._place, commit, held])
        return landed

    def propose(self, commit: str, branch: str) -> str:
        """Point a branch of slipway's own to a commit; the commit that waits there now.

        A commit that waits there and changes the same stays: a review of it is still worth something.
        Raises `LostRaceError` where another run was faster, `OutsideError` where somebody else's commit is the newest.
        """
        if self.remote is None:
            raise OutsideError("a promotion branch needs a remote", hint="Add one: git remote add origin URL")
        known = self.waiting(branch).get(branch, "")
        if known and not self.is_own(known):
            raise self._not_own(known, branch)
        if known and self._still_stands(known, commit):
            return known
        if not self._push([_lease(branch, known), f"{commit}:refs/heads/{branch}"]):
            raise LostRaceError(f"somebody else writes to {branch} just now", hint="Run the command again.")
        return commit

    def waiting(self, pattern: str) -> Mapping[str, str]:
        """The remote's branches of this name, or that match it, each with its commit."""
        if self.remote is None:
            return {}
        lines = self._own.ask(["ls-remote", self.remote, f"refs/heads/{pattern}"]).splitlines()
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in (line.split("\t") for line in lines)}

    def withdraw(self, branch: str) -> bool:
        """Delete a branch of slipway's own; False if there is none, or its newest commit is somebody else's."""
        known = self.waiting(branch).get(branch)
        if known is None or not self.is_own(known):
            return False
        return self._push([_lease(branch, known), f":refs/heads/{branch}"])

    def fetched(self, ref: str) -> str | None:
        """The commit of any ref of the remote, fetched with its files; None where there is no such ref."""
        if self.remote is None:
            return self.git.resolve(ref)
        place = f"refs/slipway/{ref.removeprefix('refs/')}"
        done = self._own.run(["fetch", "--quiet", "--no-tags", self.remote, f"+{ref}:{place}"])
        if done.returncode == 0:
            return self.git.run("rev-parse", place)
        said = done.stderr.decode(errors="replace").strip()
        if "couldn't find remote ref" in said:
            return None
        raise UnreachableError(f"git fetch failed: {said}", hint=f"May you read {self.remote}?")

    def brings_only(self, commit: str, tip: str, below: str) -> bool:
        """Whether it is slipway's own commit, right upon main, and changes files below a folder alone."""
        if not self.is_own(commit):
            return False
        parents = self.git.run("rev-list", "--parents", "-n", "1", commit).split()[1:]
        upon_main = len(parents) == 1 and not self._own.run(["merge-base", "--is-ancestor", parents[0], tip]).returncode
        names = self.git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", "--no-commit-id", commit)
        return upon_main and all(name.startswith(below) for name in names.split("\0") if name)

    def subject(self, commit: str) -> str:
        """The first line of the message of a commit that waits on a branch."""
        self._fetch(commit)
        return self.git.run("log", "-1", "--format=%s", commit)

    def _fetch(self, commit: str) -> None:
        if self.git.resolve(commit) is None:
            self._own.ask(["fetch", "--quiet", "--no-tags", str(self.remote), commit])

    def is_own(self, commit: str) -> bool:
        """Whether slipway made a commit of the remote, by its trailer."""
        self._fetch(commit)
        return bool(self.git.run("log", "-1", f"--format=%(trailers:key={MODEL},valueonly)", commit).strip())

    def _not_own(self, commit: str, branch: str) -> OutsideError:
        said = self.git.run("log", "-1", "--format=%an committed %h (%s)", commit)
        return OutsideError(
            f"{said} to {branch}, which is slipway's own branch: it was left as it is",
            hint=f"Merge that branch, or delete it (git push {self.remote} --delete {branch}); then run again.",
        )

    def _still_stands(self, waiting: str, wanted: str) -> bool:
        """Whether a commit that waits can be merged for the other; what a shallow clone denies is asked again."""
        if self._says(waiting, wanted):
            return True
        if self.git.run("rev-parse", "--is-shallow-repository") == "false":
            return False
        self._deepen()
        return self._says(waiting, wanted)

    def _says(self, waiting: str, wanted: str) -> bool:
        """Whether it changes the same files from the same to the same, and brings nothing but that to main."""
        changes = ("diff-tree", "-r", "-z", "--root", "--no-renames", "--no-commit-id")
        one, other = (self.git.run(*changes, commit) for commit in (waiting, wanted))
        behind = ("merge-base", "--is-ancestor", f"{waiting}^", f"{wanted}^")
        return one == other and self._own.run(behind).returncode == 0

    def _push(self, arguments: Sequence[str]) -> bool:
        done = self._own.run(["push", "--porcelain", "--quiet", str(self.remote), *arguments])
        if done.returncode == 0:
            return True
        said = f"{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
        if (rejected := _REJECTED.search(said)) and _MOVED.search(rejected[1]):
            return False
        told = [line.strip() for line in said.splitlines() if line.startswith(("remote:", "fatal:", "!"))]
        to_main = arguments[-1].endswith(f"refs/heads/{self.name}")
        protected = (
            f" Where {self.name} is protected, set SLIPWAY_LANDING=branch: "
            "each release then waits on a branch of its own for a pull request."
        )
        raise OutsideError(
            f"{self.remote} refuses the push: {' | '.join(told[:4]) or 'no reason given'}",
            hint=f"May you write to it?{protected if to_main else ''} Nothing was changed.",
        )

    def _local(self) -> str:
        tip = self.git.resolve(f"refs/heads/{self.name}")
        if tip is None:
            raise OutsideError("there is no branch main here, and no remote", hint="Commit something on main.")
        return tip


def _credentials(git: Git, remote: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The token for the remote, unless the clone has one of its own: two at once would be refused."""
    if not is_given(environ):
        return {}
    url = git.run("remote", "get-url", "--push", remote)
    known = OwnGit(root=git.root, environ=environ).run(["config", "--get-urlmatch", "http.extraHeader", url])
    return credentials(url, environ) if known.returncode else {}


def _lease(branch: str, known: str) -> str:
    """The option that lets a push change a branch only if it still is at this commit; empty: if there is none."""
    return f"--force-with-lease=refs/heads/{branch}:{known}"
