"""The cache of fetched data: one fetches, nothing in it is believed, and nobody's edit reaches it."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.adapters.data import files
from slipway.adapters.data.cache import DataCache
from slipway.adapters.data.remote import place
from slipway.datasets.pointer import Pointer
from slipway.errors import OutsideError

DATA = b"width,label\n1,no\n"
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
POINTER = Pointer(path="train.csv", md5=MD5, size=len(DATA))
FETCHER = """
import sys, time
from pathlib import Path
from slipway.adapters.data.cache import DataCache
from slipway.datasets.pointer import Pointer

def fetch(to):
    with open(sys.argv[2], "a") as log:
        log.write("fetched\\n")
    time.sleep(0.4)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(b"width,label\\n1,no\\n")

DataCache(root=Path(sys.argv[1])).get(Pointer(path="train.csv", md5=sys.argv[3]), fetch)
"""


@pytest.fixture
def cache(tmp_path: Path) -> DataCache:
    return DataCache(root=tmp_path / "cache", others=(tmp_path / "other",))


def never(_to: Path) -> None:
    raise AssertionError("it was fetched")


def fetch(to: Path) -> None:
    files.write([DATA], to, expected=None, called="train.csv")


def put(root: Path, content: bytes) -> Path:
    file = root / place(MD5)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def test_what_is_there_is_not_fetched(cache: DataCache) -> None:
    assert cache.get(POINTER, fetch).read_bytes() == DATA
    assert cache.get(POINTER, never).read_bytes() == DATA


def test_what_another_folder_has_is_not_fetched(cache: DataCache) -> None:
    file = put(cache.others[0], DATA)
    assert cache.get(POINTER, never) == file
    assert not cache.root.exists()


@pytest.mark.parametrize("content", [b"", DATA[:-1], DATA.replace(b"1", b"2")])
def test_a_damaged_entry_is_fetched_again(cache: DataCache, content: bytes) -> None:
    put(cache.root, content)
    assert cache.get(POINTER, fetch).read_bytes() == DATA


def test_a_damaged_entry_of_another_folder_is_left_and_not_believed(cache: DataCache) -> None:
    other = put(cache.others[0], b"planted")
    assert cache.get(POINTER, fetch).read_bytes() == DATA
    assert other.read_bytes() == b"planted"


def test_an_entry_that_is_damaged_later_is_found_out(cache: DataCache) -> None:
    file = cache.get(POINTER, fetch)
    file.chmod(0o644)
    file.write_bytes(DATA.replace(b"1", b"2"))
    assert cache.find(MD5) is None


def test_of_processes_that_want_the_same_one_fetches(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", FETCHER, str(tmp_path / "cache"), str(log), MD5]
    running = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    assert log.read_text() == "fetched\n"


def test_who_waits_for_one_that_is_killed_fetches_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", FETCHER, str(tmp_path / "cache"), str(log), MD5]
    first = subprocess.Popen(command)
    until = time.monotonic() + 30
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.01)
    first.kill()
    first.wait()
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert log.read_text() == "fetched\n" * 2


def test_what_a_killed_one_left_is_removed(cache: DataCache) -> None:
    file = cache.root / place(MD5)
    file.parent.mkdir(parents=True)
    (file.parent / f".part-{file.name}-0123").write_bytes(b"half")
    assert cache.get(POINTER, fetch) == file
    assert list(file.parent.iterdir()) == [file]


def test_a_copy_is_nobodys_way_into_the_cache(cache: DataCache, tmp_path: Path) -> None:
    kept, copy = cache.get(POINTER, fetch), tmp_path / "model" / "train.csv"
    files.copy(kept, copy, called="train.csv", scratch=tmp_path / "scratch")
    with copy.open("r+b") as stream:
        stream.write(b"edited")
    assert kept.read_bytes() == DATA
    assert not list((tmp_path / "scratch").iterdir())


def test_a_copy_to_another_disk_is_whole(cache: DataCache, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")  # noqa: S108
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk alone here")
    there = elsewhere / f"slipway-{os.getpid()}.csv"
    try:
        files.copy(cache.get(POINTER, fetch), there, called="train.csv", scratch=tmp_path / "scratch")
        assert there.read_bytes() == DATA
    finally:
        there.unlink(missing_ok=True)


def test_a_copy_is_whole_where_the_disk_takes_it_piece_by_piece(
    cache: DataCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    monkeypatch.setattr(os, "write", lambda target, data: write(target, data[:3]))
    to = tmp_path / "train.csv"
    files.copy(cache.get(POINTER, fetch), to, called="train.csv", scratch=tmp_path / "scratch")
    assert to.read_bytes() == DATA


def test_a_cache_that_nobody_may_write_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="SLIPWAY_DATA_CACHE"):
        DataCache(root=tmp_path / "file" / "cache").get(POINTER, fetch)


def test_dvcs_own_cache_gets_what_is_used(tmp_path: Path) -> None:
    cache = DataCache(root=tmp_path / "cache", dvc=tmp_path / "dvc")
    file = cache.get(POINTER, fetch)
    assert (tmp_path / "dvc" / place(MD5)).samefile(file)
    assert file.stat().st_mode & 0o777 == 0o444
    assert cache.get(POINTER, never) == file
