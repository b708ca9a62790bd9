"""The list of what a run signed: files that other jobs wrote, read as what they may be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.errors import InputError
from slipway.release import signed

ONE, OTHER = (f"ghcr.io/acme/models/{name}@sha256:{digit * 64}" for name, digit in (("iris", "1"), ("fraud", "2")))


def test_each_file_is_a_list_and_a_folder_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "signed"
    assert signed.read(folder) == frozenset()
    folder.mkdir()
    assert signed.read(folder) == frozenset()
    (folder / "iris").write_text(f"{ONE}\n")
    (folder / "fraud").write_text(f"{OTHER}\n{ONE}\n")
    (folder / "empty").touch()
    assert signed.read(folder) == {ONE, OTHER}


def _lines(text: str) -> Callable[[Path], object]:
    return lambda file: file.write_text(text)


HOSTILE: list[tuple[str, Callable[[Path], object], str]] = [
    ("tag", _lines("ghcr.io/acme/iris:latest\n"), "iris:1: no image by its digest"),
    ("second", _lines(f"{ONE}\n{ONE}0\n"), "iris:2: no image by its digest"),
    ("blank", _lines(f"{ONE}\n\n"), "iris:2: no image by its digest"),
    ("command", _lines("$(touch owned)\n"), "iris:1: no image by its digest"),
    ("control", _lines(f"\x1b[31m{ONE}\n"), "iris:1: no image by its digest"),
    ("bytes", lambda file: file.write_bytes(b"\xff\xfe"), "iris: not UTF-8"),
    ("large", _lines(f"{ONE}\n" * 10_000), "iris: more than 65,536 bytes"),
    ("endless", lambda file: file.symlink_to("/dev/zero"), "iris: a link, or no regular file"),
    ("link", lambda file: file.symlink_to("/etc/hostname"), "iris: a link, or no regular file"),
    ("folder", Path.mkdir, "iris: a link, or no regular file"),
    ("pipe", os.mkfifo, "iris: a link, or no regular file"),
]


@pytest.mark.parametrize(("make", "said"), [one[1:] for one in HOSTILE], ids=[one[0] for one in HOSTILE])
def test_what_is_no_list_is_refused_and_not_shown(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    make(tmp_path / "iris")
    with pytest.raises(InputError) as failure:
        signed.read(tmp_path)
    assert said in str(failure.value)
    assert "\x1b" not in str(failure.value)


def test_more_files_than_there_are_jobs_are_refused(tmp_path: Path) -> None:
    for number in range(1001):
        (tmp_path / f"{number}").touch()
    with pytest.raises(InputError, match="more than 1,000 files"):
        signed.read(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signed").touch()
    with pytest.raises(InputError, match="is no folder that can be read"):
        signed.read(tmp_path / "signed")
