"""A store in a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from slipway.adapters.store import SUMS, Files
from slipway.errors import StoreError


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Entries appear by a rename, so a reader sees all of one or nothing of it."""

    root: Path

    @classmethod
    def at(cls, path: str) -> Self:
        """The store in this folder, which is made when something is written."""
        return cls(root=Path(path))

    def sums(self, folder: str) -> bytes | None:
        """The `SHA256SUMS` of an entry, or None where there is no such entry."""
        return self._read(f"{folder}/{SUMS}")

    def read(self, folder: str, name: str, digest: str) -> bytes | None:  # noqa: ARG002  a bucket needs the digest
        """The bytes of an entry's file, or None where it is gone."""
        return self._read(f"{folder}/{name}")

    def _read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"the store cannot be read: {error}") from None

    def write_entry(self, folder: str, files: Files) -> bool:
        """Write an entry beside its place, then move it there; False if one is there already."""
        place = self.root / folder
        if (place / SUMS).exists():
            return False
        try:
            if place.exists():  # somebody took its sums away: it counts as absent
                shutil.rmtree(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=".writing-", dir=place.parent))
            try:
                for name, content in files.items():
                    _write(work / name, content)
                work.chmod(0o755)
                work.rename(place)
            except OSError:
                shutil.rmtree(work, ignore_errors=True)
                if place.exists():  # another writer was first
                    return False
                raise
        except OSError as error:
            raise StoreError(
                f"the store cannot be written: {error}",
                hint=f"Is there room on the disk, and may you write to {self.root}?",
            ) from None
        return True


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
