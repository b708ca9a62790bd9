"""Git's objects, many of them quickly: one `git cat-file` process answers for all."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from slipway.errors import OutsideError

_CHUNK = 1 << 20
_WORDS = 3  # of an answer: id, kind and size
_TREE, _SUBMODULE = "40000", "160000"
_ID = re.compile(r"(?!0+$)(?:[0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name in a folder."""

    name: str
    mode: str
    id: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself."""
        return self.mode == _TREE

    @property
    def is_kept(self) -> bool:
        """Whether the repository has to have it; a submodule's commit is another repository's."""
        return self.mode != _SUBMODULE


class Objects:
    """What a repository keeps, by name: `<commit>:<path>`, or an object's id. To be closed after use.

    What a folder names and Git cannot find is lost, which is no deletion: whoever asks for it gets an `OutsideError`.
    """

    def __init__(self, root: Path) -> None:
        """Start nothing yet: the processes start when they are first asked."""
        self._root = root
        self._reader: subprocess.Popen[bytes] | None = None
        self._resolver: subprocess.Popen[bytes] | None = None
        self._id_bytes = 0  # 20, or 32 in a repository with SHA-256; each answer says
        self._sums: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for process in (self._reader, self._resolver):
            if process is not None:
                process.communicate()
        self._reader = self._resolver = None

    def id(self, name: str) -> str | None:
        """The id of an object, or None where there is none of that name."""
        found = self._resolved(name)
        if found is None:
            self._check_absent(name)
        return found

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None where there is no such file."""
        return b"".join(chunks) if (chunks := self._chunks(name, "blob")) is not None else None

    def sha256(self, name: str) -> str | None:
        """The SHA-256 of a file, or None where there is no such file. Files of any size do.

        It is computed once for a content, however many commits have it.
        """
        found = self.id(name)
        if found is None:
            return None
        if found not in self._sums:
            self._sums[found] = self._sum(found)
        return self._sums[found]

    def folder(self, name: str) -> tuple[Entry, ...]:
        """What stands in a folder; nothing where there is no such folder."""
        chunks = self._chunks(name, "tree")
        return tuple(_entries(b"".join(chunks), self._id_bytes)) if chunks is not None else ()

    def _chunks(self, name: str, kind: str) -> Iterator[bytes] | None:
        """The content of an object of this kind, which has to be read to its end."""
        self._reader = self._reader or self._start("--batch")
        header = _ask(self._reader, name).rsplit(" ", 2)
        if len(header) != _WORDS or not header[2].isdigit():  # missing, ambiguous, or a newer Git's "submodule"
            self._check_absent(name)
            return None
        self._id_bytes = len(header[0]) // 2
        content = _content(_stream(self._reader.stdout), int(header[2]))
        if header[1] == kind:
            return content
        for _ in content:
            pass
        return None

    def _sum(self, id_: str) -> str | None:
        chunks = self._chunks(id_, "blob")
        if chunks is None:
            return None
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
        return digest.hexdigest()

    def _resolved(self, name: str) -> str | None:
        self._resolver = self._resolver or self._start("--batch-check=%(objectname)")
        line = _ask(self._resolver, name)
        return None if " " in line else line

    def _check_absent(self, name: str) -> None:
        """See to it that what Git did not find is not there; `OutsideError` if it is lost.

        Git says "missing" of both, so the folder above is asked, which may be lost itself.
        """
        commit, colon, path = name.partition(":")
        above, _, last = path.rpartition("/")
        if "\n" in name:
            lost = False
        elif not colon:
            lost = _ID.fullmatch(name) is not None
        elif not path:
            lost = self._resolved(f"{commit}^{{commit}}") is not None
        else:
            lost = any(entry.name == last and entry.is_kept for entry in self.folder(f"{commit}:{above}"))
        if lost:
            raise OutsideError(
                f"git has lost {name}", hint="Run git fsck; then fetch it again (git fetch --refetch), or clone anew."
            )

    def _start(self, how: str) -> subprocess.Popen[bytes]:
        command = ["git", "-C", str(self._root), "--no-optional-locks", "cat-file", how]
        try:
            return subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except FileNotFoundError:
            raise OutsideError("git is not installed", hint="Install git, then try again.") from None


def _ask(process: subprocess.Popen[bytes], name: str) -> str:
    if "\n" in name:  # cannot be asked for in one line; nothing of ours has such a name
        return f"{name} missing"
    asked = _stream(process.stdin)
    try:
        asked.write(f"{name}\n".encode(errors="surrogateescape"))
        asked.flush()
    except BrokenPipeError:
        line = b""
    else:
        line = _stream(process.stdout).readline()
    if not line:
        raise OutsideError("git cat-file ended early", hint="Check the repository: git fsck")
    return line.decode(errors="replace").removesuffix("\n")


def _content(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        chunk = stream.read(min(size, _CHUNK))
        if not chunk:
            raise OutsideError("git cat-file ended early", hint="Check the repository: git fsck")
        size -= len(chunk)
        yield chunk
    stream.read(1)  # the line break behind the content


def _entries(tree: bytes, id_bytes: int) -> Iterator[Entry]:
    """The entries of a tree object: mode, a space, name, a NUL and the id, one after the other."""
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, _, name = tree[at:end].partition(b" ")
        at = end + 1 + id_bytes
        yield Entry(name=name.decode(errors="surrogateescape"), mode=mode.decode(), id=tree[end + 1 : at].hex())


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:  # pragma: no cover  every process here is started with pipes
        raise OutsideError("git cat-file has no pipe")
    return stream


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The files of one commit, for `key_inputs`. What was read of it once is not read again."""

    objects: Objects = field(repr=False)
    id: str
    _read: dict[str, bytes | None] = field(default_factory=dict, repr=False)
    _files: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _digests: dict[str, str | None] = field(default_factory=dict, repr=False)

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None where the commit has no such file."""
        if path not in self._read:
            self._read[path] = self.objects.read(f"{self.id}:{path}")
        return self._read[path]

    def files(self, prefix: str) -> dict[str, str]:
        """The files below a folder, each with the name of its Git object."""
        if prefix not in self._files:
            self._files[prefix] = dict(self._below(f"{self.id}:{prefix}", prefix))
        return self._files[prefix]

    def digest(self, path: str) -> str | None:
        """A file's SHA-256, or None where the commit has no such file."""
        if path not in self._digests:
            self._digests[path] = self.objects.sha256(f"{self.id}:{path}")
        return self._digests[path]

    def object(self, path: str) -> str | None:
        """The name of the Git object, file or folder, at a path."""
        return self.objects.id(f"{self.id}:{path}")

    def _below(self, name: str, path: str) -> Iterator[tuple[str, str]]:
        for entry in self.objects.folder(name):
            here = f"{path}/{entry.name}"
            if entry.is_folder:
                yield from self._below(entry.id, here)
            else:
                yield here, entry.id
