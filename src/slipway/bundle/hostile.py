"""The files of a bundle from an archive or a folder that somebody else filled, perhaps while it is read.

Nothing is unpacked, nothing but the names of a bundle's own files is opened, and no file is read beyond its limit.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from slipway.bundle.folder import BUNDLE, MOST_BYTES, PLAN
from slipway.bundle.rejected import Rejected, named
from slipway.trained import CARD, ONNX

MOST_ONNX = 128 * 2**20
"""A larger model is not taken from a pull request: its merge trains it again."""
LIMITS: Mapping[str, int] = {PLAN: 2**20, BUNDLE: MOST_BYTES, ONNX: MOST_ONNX, CARD: 4 * 2**20}
"""Bytes of each file that there may be."""
MAX_BUNDLE = LIMITS[BUNDLE] + 2**16
"""Bytes of an archive with a plan or a bundle that are worth fetching."""
MAX_CHALLENGER = LIMITS[ONNX] + LIMITS[CARD] + 2**16
"""Bytes of an archive with a challenger that are worth fetching."""

_CHUNK = 2**16
_MOST_AT_ONCE = 2**17
"""The largest piece that an archive's reader asks for, its table of contents included: some hundred files."""
_FLAGS = 0x080E
"""How hard it was compressed, sizes behind the content, names in UTF-8: all that an ordinary archive has."""
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Others may ask for gigabytes before they give the first byte."""


def from_archive(archive: Path, names: Collection[str] = tuple(LIMITS)) -> Mapping[str, bytes]:
    """The files of a zip archive, all of which must be among `names`; `Rejected` if anything about it is odd."""
    size = archive.stat().st_size
    most = sum(LIMITS[name] for name in names) + 2**16
    if size > most:
        raise Rejected(f"the archive has {size:,} bytes; {most:,} are allowed")
    try:
        with _Careful(archive) as stream, zipfile.ZipFile(stream) as opened:
            entries = opened.infolist()
            _check_entries(entries, names)
            return {entry.filename: _content(opened, entry) for entry in entries}
    except Rejected:
        raise
    except Exception:  # noqa: BLE001  what zipfile raises for what is none has no class in common
        raise Rejected("the archive is damaged, or is no zip archive") from None


class _Careful(io.FileIO):
    """A file that is read in small pieces only, whatever sizes it claims to have parts of."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self.tell(), 0)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _MOST_AT_ONCE:
            raise Rejected("the archive's table of contents is far too long")
        pieces = bytearray()
        while len(pieces) < wanted and (piece := super().read(wanted - len(pieces))):
            pieces += piece
        return bytes(pieces)


def _check_entries(entries: list[zipfile.ZipInfo], names: Collection[str]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        if name not in names or entry.orig_filename != name:
            raise Rejected(f"the archive holds a file that no bundle has: {named(entry.orig_filename)}")
        if name in seen:
            raise Rejected(f"the archive holds {name} twice")
        seen.add(name)
        if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
            raise Rejected(f"{name} is no regular file in the archive")
        if entry.flag_bits & ~_FLAGS or entry.compress_type not in _METHODS:
            raise Rejected(f"{name} is encrypted in the archive, or compressed in a way that is not read here")
        if entry.file_size > LIMITS[name]:
            raise Rejected(f"{name} has {entry.file_size:,} bytes; {LIMITS[name]:,} are allowed")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        return _limited(iter(lambda: stream.read(_CHUNK), b""), entry.filename)


def from_folder(folder: Path, names: Collection[str]) -> Mapping[str, bytes]:
    """Those of the files that are there, by their names; `Rejected` if one, or a folder above it, is a link.

    Each is opened once, by its folder's handle, and what was opened is what is looked at and read.
    """
    handle = _open(folder)
    if handle is None:
        return {}
    try:
        contents = {name: _read(handle, name) for name in names}
    finally:
        os.close(handle)
    return {name: content for name, content in contents.items() if content is not None}


def _open(folder: Path) -> int | None:
    """A handle of the folder, every part of whose path is a folder and no link; None where there is none."""
    parts = Path(os.path.abspath(folder)).parts  # noqa: PTH100  resolve() would follow links
    handle = os.open(parts[0], _FOLDER)
    for part in parts[1:]:
        try:
            inner = os.open(part, _FOLDER, dir_fd=handle)
        except FileNotFoundError:
            return None
        except OSError:
            raise Rejected(f"the folder {named(part)} is a link, or cannot be read") from None
        finally:
            os.close(handle)
        handle = inner
    return handle


def _read(folder: int, name: str) -> bytes | None:
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Rejected(f"{name} is a link, or no regular file")  # and is not even opened: a device would notice
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        raise Rejected(f"{name} is a link, or cannot be read") from None
    with open(handle, "rb", buffering=0) as stream:  # noqa: PTH123  a handle has no path
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise Rejected(f"{name} is no regular file")
        if state.st_size > LIMITS[name]:
            raise Rejected(f"{name} has {state.st_size:,} bytes; {LIMITS[name]:,} are allowed")
        return _limited(iter(lambda: stream.read(_CHUNK), b""), name)


def _limited(pieces: Iterator[bytes], name: str) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > LIMITS[name]:
            raise Rejected(f"{name} has more than the {LIMITS[name]:,} bytes that are allowed")
    return bytes(content)
