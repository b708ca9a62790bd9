"""The first-parent history of a commit: what each commit changed of the paths that matter, newest first."""

from __future__ import annotations

import subprocess
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import InputError, OutsideError

_CHUNK = 1 << 16
_ABSENT = frozenset("0")


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A file that a commit changed: the names of its Git object before and after; None where it is absent."""

    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """A commit, and what it changed against its first parent."""

    commit: str
    when: int
    """Seconds since 1970."""
    author: str
    subject: str
    changed: Mapping[str, Changed] = field(repr=False)


class ShallowError(InputError):
    """The history that this clone has ends before the answer."""


@dataclass(kw_only=True)
class GitLog:
    """Read as far as somebody asks, and only once."""

    root: Path
    tip: str
    paths: Sequence[str]
    _entries: list[LogEntry] = field(default_factory=list, init=False)
    _by_path: dict[str, list[int]] = field(default_factory=dict, init=False)
    _source: Iterator[LogEntry] | None = field(default=None, init=False)
    _cut: ShallowError | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[LogEntry]:
        """Every commit of the history that changed one of the paths, newest first.

        Raises `ShallowError` where a shallow clone ends.
        """
        at = 0
        while at < len(self._entries) or self._more():
            yield self._entries[at]
            at += 1

    def touching(self, *paths: str) -> Iterator[LogEntry]:
        """Every commit that changed one of these files, newest first; `ShallowError` as above."""
        at = -1
        while True:
            later = (self._next(path, at) for path in paths)
            found = min((place for place in later if place is not None), default=None)
            if found is not None:
                yield self._entries[found]
                at = found
            elif not self._more():
                return

    def _next(self, path: str, at: int) -> int | None:
        """The place of the first entry behind this one, of those that were read, which changed a file."""
        places = self._by_path.get(path, [])
        found = bisect_right(places, at)
        return places[found] if found < len(places) else None

    def trailers(self, *names: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each commit below the tip, on any line, that has all these trailers, with what they say; newest first."""
        values = "".join(f"%(trailers:key={name},valueonly,separator=%x20)%x00" for name in names)
        grep = [f"--grep=^{name}: " for name in names]
        how = ["--no-show-signature", "--basic-regexp", "--all-match"]  # whatever grep.patternType says
        tokens = _tokens(["log", *how, *grep, f"--format=%H%x00{values}", self.tip], self.root)
        for commit in tokens:
            if commit.strip():
                yield commit.strip(), tuple(next(tokens) for _ in names)

    def _more(self) -> bool:
        """Read one more commit; False at the history's beginning."""
        if self._cut:  # whoever asks again must not take the cut for the beginning
            raise self._cut
        self._source = self._source or self._read()
        try:
            entry = next(self._source, None)
        except ShallowError as error:
            self._cut = error
            raise
        if entry is None:
            return False
        self._entries.append(entry)
        for path in entry.changed:
            self._by_path.setdefault(path, []).append(len(self._entries) - 1)
        return True

    def _read(self) -> Iterator[LogEntry]:
        cut = shallow(self.root)
        for entry in _parse(_tokens(self._command(), self.root)):
            if entry.commit in cut:
                break
            yield entry
        if cut & self._roots():
            raise ShallowError(
                f"this clone is shallow: its history ends before it says what is asked of {self.tip[:12]}",
                hint="Fetch the rest: git fetch --unshallow (in GitHub Actions: fetch-depth: 0 for actions/checkout).",
            )

    def _roots(self) -> frozenset[str]:
        """Where the first-parent history begins, as far as this clone knows."""
        command = ["rev-list", "--first-parent", "--max-parents=0", self.tip]
        return frozenset(_tokens(command, self.root, end=b"\n"))

    def _command(self) -> list[str]:
        how = ["--first-parent", "--diff-merges=first-parent", "--raw", "-z", "--no-renames", "--no-abbrev"]
        return [
            "log",
            *how,
            "--root",
            "--no-show-signature",
            "--format=%x01%H%x00%ct%x00%an%x00%s",
            self.tip,
            "--",
            *self.paths,
        ]


def shallow(root: Path) -> frozenset[str]:
    """The commits at which a shallow clone ends; none in a whole one."""
    git = ["git", "-C", str(root), "rev-parse", "--git-path", "shallow"]
    found = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603
    file = root / found.stdout.strip()
    return frozenset(file.read_text().split()) if found.returncode == 0 and file.is_file() else frozenset()


def _tokens(arguments: Sequence[str], root: Path, *, end: bytes = b"\0") -> Iterator[str]:
    """What a git command prints, in parts that end with `end`."""
    command = ["git", "-C", str(root), "--no-optional-locks", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        if process.stdout is None or process.stderr is None:  # pragma: no cover  both are pipes
            return
        rest = b""
        while chunk := process.stdout.read1(_CHUNK):  # type: ignore[attr-defined]  # a buffered pipe has it
            *whole, rest = (rest + chunk).split(end)
            yield from (token.decode(errors="surrogateescape") for token in whole)
        errors = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise OutsideError(f"git log failed: {errors}", hint="Check the repository: git fsck")


def _parse(tokens: Iterator[str]) -> Iterator[LogEntry]:
    token = next(tokens, None)
    while token is not None:
        commit, when, author, subject = token.lstrip("\n\1"), next(tokens), next(tokens), next(tokens)
        changed: dict[str, Changed] = {}
        while (token := next(tokens, None)) is not None and token.lstrip("\n").startswith(":"):
            _, _, before, after, _ = token.lstrip("\n:").split(" ")
            changed[next(tokens)] = Changed(before=_name(before), after=_name(after))
        yield LogEntry(commit=commit, when=int(when), author=author, subject=subject, changed=changed)


def _name(object_id: str) -> str | None:
    return None if set(object_id) == _ABSENT else object_id
