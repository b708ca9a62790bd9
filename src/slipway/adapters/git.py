"""Git, through its own program."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from slipway.errors import InputError, OutsideError

_CHUNK = 1 << 20
_NO_SUCH_REF = 128


@dataclass(frozen=True, kw_only=True)
class Git:
    """A repository. Every call is one `git` process; the arguments never pass through a shell."""

    root: Path

    def run(self, *args: str) -> str:
        """The output of a git command, without its last line break; `OutsideError` if it fails."""
        done = self._run(args)
        if done.returncode:
            raise OutsideError(
                f"git {args[0]} failed: {done.stderr.decode(errors='replace').strip()}",
                hint=f"Try it by hand: git -C {self.root} {' '.join(args)}",
            )
        return done.stdout.decode(errors="replace").removesuffix("\n")

    def _run(self, args: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.root), "--no-optional-locks", *args]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
        except FileNotFoundError:
            raise OutsideError("git is not installed", hint="Install git, then try again.") from None
        if done.returncode and b"safe.directory" in done.stderr:  # else it would pass for a folder without history
            raise OutsideError(
                f"git does not read {self.root}: it belongs to another user",
                hint=f"If you trust it: git config --global --add safe.directory {self.root}",
            )
        return done

    def is_repository(self) -> bool:
        """Whether the folder lies in a Git repository that has a commit."""
        return self._run(("rev-parse", "--verify", "--quiet", "HEAD")).returncode == 0

    def resolve(self, ref: str) -> str | None:
        """The commit that a name stands for, or None."""
        done = self._run(("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"))
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def commit(self, ref: str) -> Commit:
        """The files of a commit; `InputError` if there is none of that name."""
        commit = self.resolve(ref)
        if commit is None:
            raise InputError(
                f"{ref!r} is not a commit of {self.root}",
                hint="Fetch it (git fetch origin), or name another with --base.",
            )
        return Commit(git=self, id=commit)

    def revert_of(self, *commits: str) -> str:
        """The command that takes commits back, newest first. Git has to be told which side of a merge stays."""
        merges = [self.resolve(f"{commit}^2") is not None for commit in commits]
        if len(set(merges)) > 1:
            return " && ".join(self.revert_of(commit) for commit in commits)
        side = "-m 1 " if any(merges) else ""
        return f"git revert {side}{' '.join(commit[:12] for commit in commits)}"

    def is_clean(self, paths: Sequence[str]) -> bool:
        """Whether these files and folders are as HEAD has them, with nothing new among them."""
        return not self.run("status", "--porcelain", "--untracked-files=all", "--", *paths)

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit that both histories share, or None (a shallow clone, say)."""
        done = self._run(("merge-base", one, other))
        return done.stdout.decode().strip() if done.returncode == 0 else None


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The files of one commit, read from Git's objects: nothing is checked out."""

    git: Git
    id: str

    def _object(self, path: str) -> str:
        return f"{self.id}:{path}"

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None where the commit has no such file."""
        done = self.git._run(("cat-file", "blob", self._object(path)))  # noqa: SLF001
        return done.stdout if done.returncode == 0 else None

    def files(self, prefix: str) -> dict[str, str]:
        """The files below a folder, each with the name of its Git object."""
        listing = self.git.run("ls-tree", "-r", "-z", "--full-tree", self.id, "--", f"{prefix}/")
        entries = (entry.split("\t", 1) for entry in listing.split("\0") if entry)
        return {path: meta.split()[2] for meta, path in entries}

    def digest(self, path: str) -> str | None:
        """A file's SHA-256, or None where the commit has no such file."""
        return _blob_digest(self.git.root, self._object(path))


@lru_cache(maxsize=4096)
def _blob_digest(root: Path, name: str) -> str | None:
    command = ["git", "-C", str(root), "cat-file", "blob", name]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        digest = hashlib.sha256()
        stream = process.stdout
        if stream is None:  # pragma: no cover
            return None
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() if process.returncode == 0 else None


@dataclass(frozen=True, kw_only=True)
class WorkTree:
    """The files as they are in a folder now, whether committed or not."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None where there is no such file."""
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def files(self, prefix: str) -> dict[str, str]:
        """The files below a folder; a file's size and time stand for its content."""
        folder = self.root / prefix
        found = (file for file in sorted(folder.rglob("*")) if file.is_file())
        return {
            file.relative_to(self.root).as_posix(): f"{(stat := file.stat()).st_size}-{stat.st_mtime_ns}"
            for file in found
        }

    def digest(self, path: str) -> str | None:
        """A file's SHA-256, or None where there is no such file."""
        file = self.root / path
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
