"""The store: whole or not at all, written once, checked at each read. In a folder and over HTTP in a bucket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from slipway.adapters.store import SUMS, Place, Store, open_store, sha256
from slipway.adapters.store_s3 import Bucket
from slipway.errors import InputError, StoreError

PLACE = Place(model="iris", key="ab" * 32, entry="challenger")
FILES = {"model.onnx": b"\x00\xff" * 500, "model.json": b"{}\n"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return bucket_store(s3, tmp_path.name.replace("_", "-").lower(), monkeypatch)


def bucket_store(s3: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket=name)
    return open_store(f"s3://{name}/some/prefix")


def damage(store: Store, name: str, content: bytes | None) -> None:
    """Change or remove a stored file behind the store's back."""
    backend = store.backend
    if isinstance(backend, Bucket):
        key = f"{backend.prefix}/{PLACE.path}/{name if name == SUMS else f'{sha256(FILES[name])}/{name}'}"
        if content is None:
            backend.client.delete_object(Bucket=backend.bucket, Key=key)
        else:
            backend.client.put_object(Bucket=backend.bucket, Key=key, Body=content)
        return
    file: Path = backend.root / PLACE.path / name  # type: ignore[attr-defined]
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def test_what_was_put_comes_back(store: Store) -> None:
    assert store.get(PLACE) is None
    assert store.put(PLACE, FILES) == FILES
    assert store.get(PLACE) == FILES


def test_the_first_that_was_written_stays(store: Store) -> None:
    store.put(PLACE, FILES)
    assert store.put(PLACE, {"model.onnx": b"another"}) == FILES
    assert store.get(PLACE) == FILES


@pytest.mark.parametrize("content", [b"\x00\xfe" * 500, b"", None])
def test_a_damaged_or_lost_file_is_found_at_the_next_read(store: Store, content: bytes | None) -> None:
    store.put(PLACE, FILES)
    damage(store, "model.onnx", content)
    with pytest.raises(StoreError, match=r"model\.onnx") as raised:
        store.get(PLACE)
    assert "run the command again" in raised.value.hint


@pytest.mark.parametrize("content", [b"", b"nonsense", b"aa  ../../etc/passwd\n", b"\xff\n"])
def test_damaged_sums_are_found(store: Store, content: bytes) -> None:
    store.put(PLACE, FILES)
    damage(store, SUMS, content)
    with pytest.raises(StoreError, match="SHA256SUMS is damaged"):
        store.get(PLACE)


def test_of_many_writers_one_wins_whole(store: Store) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> dict[str, bytes]:
        content = {"model.onnx": bytes([number]) * 1_000, "model.json": str(number).encode()}
        start.wait()
        return dict(store.put(PLACE, content))

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(write, range(8)))
    winner = store.get(PLACE)
    assert winner is not None
    assert all(one == winner for one in kept)
    assert winner["model.onnx"] == bytes([int(winner["model.json"])]) * 1_000


def test_a_writer_that_was_killed_leaves_nothing_that_is_read(store: Store) -> None:
    """Files without their sums are no entry, and the next writer is not held up by them."""
    backend = store.backend
    if isinstance(backend, Bucket):
        backend._put(f"{PLACE.path}/{sha256(b'half')}/model.onnx", b"half", only_new=False)
    else:
        half = backend.root / PLACE.model / PLACE.key / ".writing-x"  # type: ignore[attr-defined]
        half.mkdir(parents=True)
        (half / "model.onnx").write_bytes(b"half")
    assert store.get(PLACE) is None
    store.put(PLACE, FILES)
    assert store.get(PLACE) == FILES


def test_sums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    open_store(str(tmp_path)).put(PLACE, FILES)
    sums = (tmp_path / PLACE.path / SUMS).read_text().splitlines()
    assert sums == [f"{sha256(FILES[name])}  {name}" for name in sorted(FILES)]


def test_a_bucket_that_is_not_there_is_said(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket_store(s3, "there", monkeypatch)
    with pytest.raises(StoreError, match="s3://gone/x failed"):
        open_store("s3://gone/x").put(PLACE, FILES)


def test_a_server_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL"):
        open_store("s3://bucket").get(PLACE)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(str(tmp_path / "file")).put(PLACE, FILES)


def test_other_addresses_are_refused() -> None:
    with pytest.raises(InputError, match="ftp://"):
        open_store("ftp://host/x")


def test_credentials_do_not_show(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(bucket_store(s3, "shown", monkeypatch))
    assert "client" not in shown


def test_a_folder_that_lost_its_sums_is_written_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.put(PLACE, FILES)
    (tmp_path / PLACE.path / SUMS).unlink()
    assert store.get(PLACE) is None
    assert store.put(PLACE, FILES) == FILES
    assert store.get(PLACE) == FILES
