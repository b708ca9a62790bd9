"""Data that were fetched once: a folder of this machine, laid out as DVC lays out its own cache.

Nothing in it is believed: what is taken out is checked by its checksum first, once a process. So whoever can write to
it can make work for others, and nothing else.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from slipway.adapters.data import files
from slipway.adapters.data.files import Sum, sum_of
from slipway.adapters.data.remote import place
from slipway.datasets.pointer import Pointer
from slipway.errors import OutsideError

_READ_ONLY = 0o444
"""As DVC marks what nobody is to write to."""


@dataclass(frozen=True, kw_only=True)
class DataCache:
    """Where fetched data are kept, and other folders of the same layout that are only read."""

    root: Path
    others: tuple[Path, ...] = ()
    dvc: Path | None = None
    """DVC's own cache of the repository, which gets a hard link of all that is used: else `dvc status` misses it."""

    def get(self, pointer: Pointer, fetch: Callable[[Path], None]) -> Path:
        """A file of the cache with what the pointer names, checked; not to be written to.

        `fetch` writes it where nobody has it yet. Of several processes that want it one fetches, and the others wait.
        """
        if (found := self.find(pointer.md5)) is None:
            with self._locked(pointer.md5):
                if (found := self.find(pointer.md5)) is None:
                    found = self.root / place(pointer.md5)
                    files.clear(found)
                    fetch(found)
                    known = sum_of(found)
                    found.chmod(_READ_ONLY)
                    files.note(found, known)
        self._share(found, pointer.md5)
        return found

    def find(self, md5: str) -> Path | None:
        """The file of this checksum, if it is here. One that was damaged makes room for a better."""
        for file in self._places(md5):
            if sum_of(file).md5 == md5:
                return file
            if file.is_relative_to(self.root):
                file.unlink(missing_ok=True)
        return None

    def keep(self, file: Path, *, called: str) -> tuple[Path, Sum]:
        """Copy a file into the cache as it is now: what is sent from there cannot change meanwhile."""
        found = sum_of(file)
        pointer = Pointer(path=file.name, md5=found.md5, size=found.size)

        def copy(to: Path) -> None:
            files.write(files.chunks(file), to, expected=found, called=called)

        return self.get(pointer, copy), found

    def _share(self, file: Path, md5: str) -> None:
        if self.dvc is None or (link := self.dvc / place(md5)).exists():
            return
        known = sum_of(file)
        with suppress(OSError):  # another disk: DVC has to fetch for itself there
            link.parent.mkdir(parents=True, exist_ok=True)
            link.hardlink_to(file)
        files.note(file, known)

    def _places(self, md5: str) -> Iterator[Path]:
        for root in (self.root, *self.others):
            if (file := root / place(md5)).is_file():
                yield file

    @contextmanager
    def _locked(self, md5: str) -> Iterator[None]:
        """Held by one process at a time. The system lets go of it when the process ends, however it ends."""
        file = self.root / "locks" / md5
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutsideError(
                f"fetched data cannot be kept in {self.root}: {error.strerror}",
                hint="Name a folder where you may write: SLIPWAY_DATA_CACHE.",
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
