"""Main, and how a commit gets there: nothing is checked out, and nothing is ever forced.

A commit is made of Git's objects on top of main's tip. It lands only if main still is that tip, so whoever lost
a race reads the new tip and decides again.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from slipway.adapters.git import Git
from slipway.adapters.git_log import ShallowError
from slipway.errors import OutsideError

AUTHOR, EMAIL = "slipway", "slipway@localhost"
"""Who commits, unless GIT_AUTHOR_NAME and its like say otherwise."""
_NAMES = ("main", "master")
_MOVED = re.compile(r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value")
_FETCHES = 5
"""Where another command works in the same clone, it may have set main just now."""
_REJECTED = re.compile(r"^!\t\S+\t(.*)$", re.MULTILINE)

_NOTHING: Mapping[str, str] = MappingProxyType({})

Files = Mapping[str, bytes | None]
"""The files of a commit that differ from its parent's; None: removed."""


class Landing(StrEnum):
    """How a commit gets to main."""

    PUSH = "push"
    BRANCH = "branch"
    """By a pull request from a branch of its own, where main is protected."""


@dataclass(frozen=True, kw_only=True)
class MainBranch:
    """The main of the remote `origin`; in a repository without remotes, its own."""

    git: Git
    remote: str | None
    name: str
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, git: Git, environ: Mapping[str, str] = os.environ) -> MainBranch:
        """Find it; `OutsideError` where there is none."""
        remote = "origin" if "origin" in git.run("remote").splitlines() else None
        place = "refs/remotes/origin" if remote else "refs/heads"
        known = [name for name in _NAMES if git.resolve(f"{place}/{name}")]
        return cls(git=git, remote=remote, name=known[0] if known else _NAMES[0], environ=environ)

    def tip(self) -> str:
        """Main's newest commit, fetched from the remote."""
        if self.remote is None:
            return self._local()
        fetch = ["fetch", "--quiet", "--no-tags", self.remote, f"+refs/heads/{self.name}:{self._place}"]
        for left in reversed(range(_FETCHES)):
            try:
                self._git(fetch, hint=f"Is there a branch {self.name}, and may you read {self.remote}?")
            except OutsideError as error:
                if not left or not _MOVED.search(error.what):
                    raise
            else:
                break
        return self.git.run("rev-parse", self._place)

    def known(self) -> str:
        """Main's newest commit as far as this clone knows, which has just fetched or pushed it."""
        return self._local() if self.remote is None else self.git.run("rev-parse", self._place)

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
        self._git(
            ["fetch", "--quiet", "--no-tags", "--unshallow", self.remote],
            hint="In GitHub Actions, set fetch-depth: 0 for actions/checkout.",
        )

    def commit(self, parent: str, files: Files, message: str, when: datetime) -> str | None:
        """A commit on top of another; None if it would change nothing. No branch points to it yet."""
        with tempfile.TemporaryDirectory(prefix="slipway-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git(["read-tree", parent], environ=index)
            self._git(["update-index", "-z", "--index-info"], given=self._entries(files), environ=index)
            tree = self._git(["write-tree"], environ=index)
        if tree == self.git.run("rev-parse", f"{parent}^{{tree}}"):
            return None
        return self._git(
            ["commit-tree", tree, "-p", parent, "-F", "-"], given=message.encode(), environ=self._identity(when)
        )

    def land(self, commit: str, parent: str) -> bool:
        """Make a commit main's newest; False if main is no longer at its parent, and nothing was changed.

        Raises `OutsideError` when the remote refuses.
        """
        if self.remote is None:
            return self._land_here(commit, parent)
        return self._push([f"{commit}:refs/heads/{self.name}"])

    def propose(self, commit: str, branch: str) -> str:
        """Point a branch of slipway's own to a commit, whatever it was before; the commit that waits there now.

        A branch whose commit has the same parent and files stays as it is.
        """
        if self.remote is None:
            raise OutsideError("a promotion branch needs a remote", hint="Add one: git remote add origin URL")
        known = self.waiting(branch).get(branch, "")
        if known and self._same(known, commit):
            return known
        lease = f"--force-with-lease=refs/heads/{branch}:{known}"
        if not self._push([lease, f"{commit}:refs/heads/{branch}"]):
            raise OutsideError(f"somebody else writes to {branch} just now", hint="Run the command again.")
        return commit

    def waiting(self, pattern: str) -> Mapping[str, str]:
        """The remote's branches of this name, or that match it, each with its commit."""
        if self.remote is None:
            return {}
        lines = self._git(["ls-remote", self.remote, f"refs/heads/{pattern}"]).splitlines()
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in (line.split("\t") for line in lines)}

    def withdraw(self, branch: str) -> bool:
        """Delete a branch of slipway's own; False if there is none."""
        return bool(self.waiting(branch)) and self._push([f":refs/heads/{branch}"])

    def subject(self, commit: str) -> str:
        """The first line of the message of a commit that waits on a branch."""
        self._fetch(commit)
        return self.git.run("log", "-1", "--format=%s", commit)

    def _fetch(self, commit: str) -> None:
        if self.git.resolve(commit) is None:
            self._git(["fetch", "--quiet", "--no-tags", str(self.remote), commit])

    def _same(self, known: str, commit: str) -> bool:
        """Whether two commits stand on the same parent and hold the same files."""
        self._fetch(known)
        one, other = (self.git.run("log", "-1", "--format=%P %T", c) for c in (known, commit))
        return one == other

    def _push(self, arguments: Sequence[str]) -> bool:
        done = self._run(["push", "--porcelain", "--quiet", str(self.remote), *arguments])
        if done.returncode == 0:
            return True
        said = f"{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
        if (rejected := _REJECTED.search(said)) and _MOVED.search(rejected[1]):
            return False
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("To ", "Done"))]
        raise OutsideError(
            f"{self.remote} refuses the push: {' | '.join(line.strip() for line in lines[:4]) or 'no reason given'}",
            hint=f"May you write to it? Where {self.name} is protected, set SLIPWAY_LANDING=branch: "
            "each release then waits on a branch of its own for a pull request. Nothing was changed.",
        )

    def _local(self) -> str:
        tip = self.git.resolve(f"refs/heads/{self.name}")
        if tip is None:
            raise OutsideError("there is no branch main here, and no remote", hint="Commit something on main.")
        return tip

    def _land_here(self, commit: str, parent: str) -> bool:
        """Without a remote, main is the branch of this repository, which may be checked out."""
        if self._local() != parent:
            return False
        if self._run(["symbolic-ref", "--quiet", "HEAD"]).stdout.decode().strip() == f"refs/heads/{self.name}":
            hint = "Commit or set aside your changes of gitops/, then run the command again."
            self._git(["merge", "--ff-only", "--quiet", commit], hint=hint)
            return True
        return self._run(["update-ref", f"refs/heads/{self.name}", commit, parent]).returncode == 0

    def _entries(self, files: Files) -> bytes:
        return b"".join(self._entry(path, content) for path, content in files.items())

    def _entry(self, path: str, content: bytes | None) -> bytes:
        if content is None:
            return f"0 {'0' * 40}\t{path}\0".encode(errors="surrogateescape")
        blob = self._git(["hash-object", "-w", "--no-filters", "--stdin"], given=content)
        return f"100644 {blob}\t{path}\0".encode()

    def _identity(self, when: datetime) -> dict[str, str]:
        own = {"NAME": AUTHOR, "EMAIL": EMAIL, "DATE": f"{int(when.timestamp())} +0000"}
        names = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in own.items()}
        return names | {name: self.environ[name] for name in names if name in self.environ and "DATE" not in name}

    def _git(
        self, arguments: Sequence[str], *, given: bytes = b"", hint: str = "", environ: Mapping[str, str] = _NOTHING
    ) -> str:
        done = self._run(arguments, given=given, environ=environ)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise OutsideError(f"git {arguments[0]} failed: {said}", hint=hint)
        return done.stdout.decode(errors="replace").strip()

    def _run(
        self, arguments: Sequence[str], *, given: bytes = b"", environ: Mapping[str, str] = _NOTHING
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.git.root), *arguments]
        environment = {**self.environ, "LC_ALL": "C", **environ}
        return subprocess.run(  # noqa: S603
            command, input=given, capture_output=True, check=False, env=environment
        )
