"""Memory that processes share: made before they are forked, written without a lock.

The memory is a file without a name. What is promised rests on two things. The kernel releases a byte-range
lock of `fcntl` when the process that holds it ends, however it ends. And a number of 64 bits at an address
that is a multiple of 8 is stored at once on the platforms that are served (x86-64, aarch64, ppc64le, s390x):
a reader sees it as it was or as it is, never half of each.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SLOTS = 64
_TOGETHER = 0
"""The slot of all processes that found no other."""
_HELD = (errno.EACCES, errno.EAGAIN)


class Shared:
    """So many bytes, nought at first, that a process and those forked from it read and write."""

    def __init__(self, size: int) -> None:
        """Raises `OSError` where there is neither `memfd_create` nor a folder for temporary files."""
        self._file = _nameless_file()
        os.ftruncate(self._file, size)
        self.memory = mmap.mmap(self._file, size)
        # Whoever closes a file loses the locks it holds on it, so it stays open until the process has ended.
        weakref.finalize(self, os.close, self._file).atexit = False
        self._threads = threading.Lock()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (renew := forked()) and renew())

    @contextmanager
    def locked(self, place: int = 0) -> Iterator[None]:
        """Alone among all threads of all processes that ask for the same place."""
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def claim(self, place: int) -> bool:
        """Hold a place until this process ends; False if another process does."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise
        return True

    def _forked(self) -> None:
        self._threads = threading.Lock()


class Slots:
    """Counters that many processes add to, each in a slot of its own.

    A process claims a slot when it first adds. One that starts after another's death takes up the dead one's
    slot and adds to what stands there: sums never go backwards, and workers may die as often as they like.
    Where all slots are held, the processes left over add to one that they share, each time behind a lock
    (microseconds more); nothing is lost.
    """

    def __init__(self, width: int, *, slots: int = SLOTS) -> None:
        """Raises `OSError` as `Shared` does."""
        self._shared = Shared((slots + 1) * (width + 1) * np.dtype(np.float64).itemsize)
        rows = np.frombuffer(self._shared.memory, dtype=np.float64).reshape(slots + 1, width + 1)
        # Memory is taken up where it is first looked at, so that a slot nobody has used is passed over by its first.
        self._used, self._cells = rows[:, 0], rows[:, 1:]
        self._owner = 0
        self._mine = _TOGETHER

    def add(self, increments: Floats) -> None:
        """Add to this process's counters; from one thread at a time."""
        if self._owner != os.getpid():
            self._mine = next((slot for slot in range(1, len(self._cells)) if self._shared.claim(slot)), _TOGETHER)
            self._owner = os.getpid()
        self._used[self._mine] = 1
        if self._mine != _TOGETHER:
            self._cells[self._mine] += increments
            return
        with self._shared.locked(_TOGETHER):
            self._cells[_TOGETHER] += increments

    def total(self) -> Floats:
        """The sums over all processes, dead ones included.

        What another process is just adding may be in some counters and not yet in others.
        """
        total: Floats = self._cells[self._used > 0].sum(axis=0)
        return total


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("slipway")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
