"""Archives and folders that somebody else filled."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.hostile_bundles import ARCHIVES, HEAD, NUMBER, archive, bomb, deflated, zeros

from slipway.bundle import hostile, read
from slipway.bundle.hostile import LIMITS, from_archive, from_folder
from slipway.bundle.rejected import Rejected

NAMES = ("bundle.json",)
FILES = {"bundle.json": b'{"model": "toy"}' * 10}
EXPECTED = read.Expected(pull_request=NUMBER, head=HEAD)


def put(folder: Path, content: bytes) -> Path:
    file = folder / "artefact.zip"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_archive_is_read(method: int, tmp_path: Path) -> None:
    files = {"model.onnx": os.urandom(200_000), "model.json": b"{}" * 100_000}
    assert from_archive(put(tmp_path, archive(files, method))) == files


def test_an_archive_that_was_written_as_a_stream_is_read(tmp_path: Path) -> None:
    """Sizes then come behind each file's content: so GitHub's own uploader writes them."""
    file = tmp_path / "artefact.zip"
    with file.open("wb") as stream:
        stream.seekable = lambda: False  # type: ignore[method-assign]
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("bundle.json", FILES["bundle.json"])
    assert from_archive(file) == FILES


@pytest.mark.parametrize("attack", sorted(ARCHIVES))
def test_a_hostile_archive_is_rejected(attack: str, tmp_path: Path) -> None:
    file = put(tmp_path, ARCHIVES[attack].make(FILES))
    with pytest.raises(Rejected, match=ARCHIVES[attack].says) as caught:
        read.bundle(from_archive(file, NAMES), "toy", EXPECTED)
    assert len(caught.value.what) <= 200
    assert caught.value.what.isprintable()


def test_an_archive_holds_only_what_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"no bundle has: model\.onnx"):
        from_archive(put(tmp_path, archive({"model.onnx": b"x"})), NAMES)


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_a_file_may_be_as_large_as_its_limit(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "LIMITS", dict.fromkeys(LIMITS, 1_000))
    file = put(tmp_path, archive({limit: b"x" * 1_000}, zipfile.ZIP_STORED))
    assert len(from_archive(file, [limit])[limit]) == 1_000
    with pytest.raises(Rejected, match=r"has 1,001 bytes; 1,000 are allowed"):
        from_archive(put(tmp_path, archive({limit: b"x" * 1_001}, zipfile.ZIP_STORED)), [limit])


_MEASURED = """
import sys, time
from pathlib import Path
from slipway.bundle.hostile import from_archive
from slipway.bundle.rejected import Rejected
began = time.process_time()
try:
    from_archive(Path(sys.argv[1]))
except Rejected as error:
    took = time.process_time() - began
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(status["VmHWM"].split()[0], took, error.what)
"""


def _sparse(file: Path) -> None:
    """Two gigabytes of nothing, which end as an archive does."""
    with file.open("wb") as stream:
        stream.truncate(2**31)
        stream.seek(0, os.SEEK_END)
        stream.write(archive(FILES))


def _bomb(file: Path) -> None:
    file.write_bytes(bomb("model.onnx", 2**31))


def _lying(file: Path) -> None:
    """It says that it is as large as may be, and is twice that."""
    file.write_bytes(deflated("model.onnx", zeros(2 * LIMITS["model.onnx"]), LIMITS["model.onnx"]))


def _empty_blocks(file: Path) -> None:
    """A compressed stream as long as may be that says nothing at all, block after block."""
    file.write_bytes(deflated("model.onnx", b"\x00\x00\x00\xff\xff" * (100 * 2**20 // 5), 1_000))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the most memory that was used is asked of Linux")
@pytest.mark.parametrize("make", [_sparse, _bomb, _lying, _empty_blocks], ids=lambda make: make.__name__)
def test_neither_memory_nor_time_can_be_used_up(make: Callable[[Path], None], tmp_path: Path) -> None:
    file = tmp_path / "artefact.zip"
    make(file)
    done = subprocess.run([sys.executable, "-c", _MEASURED, file], capture_output=True, text=True, check=True)
    memory, seconds, *_ = done.stdout.split()
    assert int(memory) < 300_000
    assert float(seconds) < 5


# ---- folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run" / "toy"
    made.mkdir(parents=True)
    (made / "bundle.json").write_bytes(FILES["bundle.json"])
    return made


def test_an_honest_folder_is_read(folder: Path) -> None:
    (folder / "else").mkdir()
    assert from_folder(folder, NAMES) == FILES


def test_what_is_not_there_is_left_out(folder: Path) -> None:
    assert from_folder(folder, ("model.onnx", "model.json")) == {}
    assert from_folder(folder / "challenger", ("model.onnx", "model.json")) == {}


def _link(folder: Path, secret: Path) -> None:
    (folder / "bundle.json").unlink()
    (folder / "bundle.json").symlink_to(secret)


def _dangling(folder: Path, secret: Path) -> None:
    _link(folder, secret / "nothing")


def _linked_folder(folder: Path, secret: Path) -> None:
    folder.rename(folder.parent / "moved")
    folder.symlink_to(secret.parent)


def _linked_above(folder: Path, secret: Path) -> None:
    elsewhere = secret.parent / "toy"
    folder.rename(elsewhere)
    folder.parent.rmdir()
    folder.parent.symlink_to(secret.parent)


def _pipe(folder: Path, secret: Path) -> None:  # noqa: ARG001
    (folder / "bundle.json").unlink()
    os.mkfifo(folder / "bundle.json")


def _directory(folder: Path, secret: Path) -> None:  # noqa: ARG001
    (folder / "bundle.json").unlink()
    (folder / "bundle.json").mkdir()


def _file_for_folder(folder: Path, secret: Path) -> None:  # noqa: ARG001
    (folder / "bundle.json").unlink()
    folder.rmdir()
    folder.write_text("x")


def _sparse_file(folder: Path, secret: Path) -> None:  # noqa: ARG001
    with (folder / "bundle.json").open("wb") as stream:
        stream.truncate(2**40)


ATTACKS: Mapping[str, tuple[Callable[[Path, Path], None], str]] = {
    "link": (_link, "is a link"),
    "dangling": (_dangling, "is a link"),
    "linked-folder": (_linked_folder, "folder toy is a link"),
    "linked-above": (_linked_above, "folder run is a link"),
    "pipe": (_pipe, "no regular file"),
    "directory": (_directory, "no regular file"),
    "file-for-folder": (_file_for_folder, "folder toy is a link, or cannot be read"),
    "sparse": (_sparse_file, "are allowed"),
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_a_hostile_folder_is_rejected(attack: str, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "bundle.json"
    secret.parent.mkdir()
    secret.write_text("secret")
    make, says = ATTACKS[attack]
    make(folder, secret)
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir())) if handles.exists() else 0
    with pytest.raises(Rejected, match=says):
        from_folder(folder, NAMES)
    assert before == (len(list(handles.iterdir())) if handles.exists() else 0)


def test_a_device_is_not_opened() -> None:
    with pytest.raises(Rejected, match="no regular file"):
        hostile._read(os.open("/dev", os.O_RDONLY), "null")


def test_a_file_that_grows_is_read_up_to_its_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size was right when it was asked for."""
    monkeypatch.setattr(hostile, "LIMITS", {"bundle.json": 1_000})
    state = os.fstat

    def before(handle: int) -> os.stat_result:
        found = state(handle)
        with (folder / "bundle.json").open("ab") as stream:
            stream.write(bytes(10_000))
        return found

    monkeypatch.setattr(os, "fstat", before)
    with pytest.raises(Rejected, match="more than the 1,000 bytes"):
        from_folder(folder, NAMES)
