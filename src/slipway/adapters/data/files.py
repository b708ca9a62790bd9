"""Data on their way into a file: counted, checked, and there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import OutsideError

CHUNK = 1 << 20
Told = Callable[[int], None]
"""Takes the number of bytes that are through so far."""


def untold(_bytes: int) -> None:
    """Tell nobody how far it is."""


class DamagedError(OutsideError):
    """What was read is not what its checksum names."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What tells one file's content from another's. `size` is in bytes, and None where nobody noted it."""

    md5: str
    size: int | None


def chunks(file: Path) -> Iterator[bytes]:
    """A file's content, piece by piece; `OutsideError` where it cannot be read."""
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except OSError as error:
        raise OutsideError(f"{file} cannot be read: {error.strerror}") from None


def sum_of(file: Path) -> Sum:
    """The checksum of a file as it is now. What was not touched since is not read again by this process.

    A gigabyte takes about two seconds, and a stage takes longer to parse it: so nothing is noted for the next
    process, where a note could be forged or grow stale.
    """
    state = _state(file)
    if state not in _KNOWN:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        for chunk in chunks(file):
            digest.update(chunk)
            size += len(chunk)
        _KNOWN[state] = Sum(md5=digest.hexdigest(), size=size)
    return _KNOWN[state]


def note(file: Path, known: Sum) -> None:
    """Remember the checksum of a file whose content was just seen: only its name, mode or links changed since."""
    _KNOWN[_state(file)] = known


_KNOWN: dict[tuple[object, ...], Sum] = {}
"""What this process has read or written itself, by what changes whenever a file does."""


def _state(file: Path) -> tuple[object, ...]:
    try:
        found = file.stat()
    except OSError as error:
        raise OutsideError(f"{file} cannot be read: {error.strerror}") from None
    return file, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def copy(file: Path, to: Path, *, called: str, scratch: Path) -> None:
    """Copy a file whose checksum is known, by way of `scratch`; where the disk can, no byte of it is written anew.

    Never a hard link: whoever edits the copy would edit the cache.
    """
    part = _part(scratch, to.name)
    known = sum_of(file)
    try:
        for folder in (scratch, to.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if scratch.stat().st_dev != to.parent.stat().st_dev:
            part = _part(to.parent, to.name)
        with file.open("rb") as source, os.fdopen(_new(part), "wb") as target:
            _copy(source.fileno(), target.fileno())
            os.fsync(target.fileno())
        part.replace(to)
        _settle(to.parent)
    except OSError as error:
        raise _failed(error, called, to) from None
    finally:
        part.unlink(missing_ok=True)
    note(to, known)


def _copy(source: int, target: int) -> None:
    """The kernel copies, by reference on a file system that can (Btrfs, XFS)."""
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}:
            raise
        while chunk := os.read(source, CHUNK):  # from where it stopped: nothing was copied twice
            rest = memoryview(chunk)
            while rest:  # a disk that is nearly full takes a part of it, and says so only when asked again
                rest = rest[os.write(target, rest) :]


def _part(folder: Path, name: str) -> Path:
    return folder / f".part-{name}-{secrets.token_hex(8)}"


def clear(to: Path) -> None:
    """Remove what was left of a file by writers that were killed. Whoever calls knows that nobody writes it now."""
    for part in to.parent.glob(f".part-{to.name}-*"):
        part.unlink(missing_ok=True)


def _new(part: Path) -> int:
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def write(
    content: Iterable[bytes],
    to: Path,
    *,
    expected: Sum | None,
    called: str,
    told: Told = untold,
) -> Sum:
    """Write a file by way of another beside it. It is on the disk when this returns.

    Raises `DamagedError` where it is not `expected`, of which no more is read than it has; `OutsideError` where there
    is no room. `called` is what people know the content by.
    """
    part = _part(to.parent, to.name)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        found = _write(_bounded(content, expected, called), part, told)
        if expected is not None and found.md5 != expected.md5:
            raise DamagedError(f"{called} is not what its checksum names: its md5 is {found.md5}, not {expected.md5}")
        part.replace(to)
        _settle(to.parent)
    except OSError as error:
        raise _failed(error, called, to) from None
    finally:
        part.unlink(missing_ok=True)
    note(to, found)
    return found


def _write(content: Iterable[bytes], part: Path, told: Told) -> Sum:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with os.fdopen(_new(part), "wb") as stream:
        for chunk in content:
            stream.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            told(size)
        stream.flush()
        os.fsync(stream.fileno())
    return Sum(md5=digest.hexdigest(), size=size)


def _bounded(content: Iterable[bytes], expected: Sum | None, called: str) -> Iterator[bytes]:
    """The content, as long as it is no longer than it should be: the rest would only fill the disk."""
    most = expected.size if expected else None
    size = 0
    for chunk in content:
        size += len(chunk)
        if most is not None and size > most:
            raise DamagedError(f"{called} is longer than the {most:,} bytes that its pointer names")
        yield chunk


def _settle(folder: Path) -> None:
    """Have the disk keep the new name, so that a machine that dies now finds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(error: OSError, called: str, to: Path) -> OutsideError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutsideError(
            f"there is no room on the disk for {called} in {to.parent}",
            hint="Make room, or have fetched data kept elsewhere: SLIPWAY_DATA_CACHE names the folder.",
        )
    return OutsideError(f"{called} cannot be written to {to}: {error.strerror}", hint="May you write there?")
