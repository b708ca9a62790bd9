"""Main of a repository without remotes: a branch that may be checked out, here or in another work tree."""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from slipway.adapters.own_git import OwnGit
from slipway.errors import OutsideError

_LOCKED = re.compile(r"index\.lock|cannot lock ref")
_TRIES, _PAUSE = 20, 0.05
"""A merge that another command is at takes less than this second; what still stands then was left behind."""


@dataclass(frozen=True, kw_only=True)
class CheckedOut:
    """A branch of this repository, with the files of whoever has it checked out."""

    own: OwnGit
    ref: str

    def forward(self, commit: str, parent: str) -> bool:
        """Move it from the parent to the commit, with the files; False if it is no longer at the parent.

        Raises `OutsideError` where files are in the way.
        """
        tree = self._tree()
        if tree is None:
            return self.own.run(["update-ref", self.ref, commit, parent]).returncode == 0
        if not tree.is_dir():
            raise OutsideError(
                f"{self.ref} is checked out in {tree}, which is not there",
                hint="Bring it back, or forget it: git worktree unlock, then git worktree prune.",
            )
        with self._alone():
            return self._merge(replace(self.own, root=tree), commit, parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time.

        Git writes a merge's files before it moves the branch, and another merge takes such files for edits.
        """
        folder = Path(self.own.root, self.own.ask(["rev-parse", "--git-common-dir"]))
        try:
            lock = (folder / "slipway.lock").open("wb")
        except OSError as error:
            raise OutsideError(f"main cannot be moved: {error}", hint=f"May you write to {folder}?") from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _merge(self, own: OwnGit, commit: str, parent: str) -> bool:
        for _ in range(_TRIES):
            if self._tip() != parent:
                return False
            done = own.run(["merge", "--ff-only", "--quiet", commit])
            if done.returncode == 0:
                return True
            said = done.stderr.decode(errors="replace").strip()
            if not _LOCKED.search(said):
                if self._tip() != parent:
                    return False
                hint = f"Commit or set aside your changes of gitops/ in {own.root}, then run the command again."
                raise OutsideError(f"git merge failed: {said}", hint=hint)
            time.sleep(_PAUSE)
        raise OutsideError(f"git merge failed: {said}", hint="Once nobody else works there, run the command again.")

    def _tip(self) -> str:
        return self.own.ask(["rev-parse", "--verify", self.ref])

    def _tree(self) -> Path | None:
        """The work tree that has the branch checked out, if one has."""
        for block in self.own.ask(["worktree", "list", "--porcelain"]).split("\n\n"):
            lines = block.splitlines()
            if f"branch {self.ref}" in lines and "bare" not in lines:
                return Path(lines[0].removeprefix("worktree "))
        return None
