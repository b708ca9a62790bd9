"""DVC's remotes and an import's source, over HTTP and in folders. Two seconds, most of them moto's start."""

from __future__ import annotations

import hashlib
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.s3_server import bucket, put, serving, use

from slipway.adapters.data import files as data_files
from slipway.adapters.data import source as data_source
from slipway.adapters.data.dvc_config import RemoteConfig
from slipway.adapters.data.files import DamagedError, Sum
from slipway.adapters.data.remote import DataRemote, MissingDataError, place
from slipway.datasets.pointer import Pointer, Source
from slipway.errors import InputError, OutsideError, StoreError

DATA = b"width,label\n1,no\n2,yes\n"
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
POINTER = Pointer(path="train.csv", md5=MD5, size=len(DATA))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A bucket of the test's own, that keeps versions."""
    use(server, monkeypatch)
    return bucket(re.sub("[^a-z0-9]+", "-", tmp_path.name).strip("-"), versions=True)


def configure(repo: Path, text: str, local: str = "") -> Path:
    (repo / ".dvc").mkdir(parents=True, exist_ok=True)
    (repo / ".dvc/config").write_text(text)
    (repo / ".dvc/config.local").write_text(local)
    return repo


def at(url: str, more: str = "") -> str:
    return f"[core]\n    remote = Storage\n['remote \"storage\"']\n    url = {url}\n{more}"


@pytest.fixture(params=["bucket", "folder"])
def remote(request: pytest.FixtureRequest, s3: str, tmp_path: Path) -> DataRemote:
    url = f"{s3}/some/prefix" if request.param == "bucket" else "../../kept"
    return DataRemote.of(configure(tmp_path / "repo", at(url)), os.environ)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_bytes(DATA)
    return path


def test_what_was_sent_is_fetched_and_sent_once(remote: DataRemote, file: Path, tmp_path: Path) -> None:
    told: list[int] = []
    assert not remote.has(MD5)
    assert remote.put(file, told.append) == Sum(md5=MD5, size=len(DATA))
    assert told[-1] == len(DATA)
    again: list[int] = []
    assert remote.put(file, again.append) == Sum(md5=MD5, size=len(DATA))
    assert not again
    remote.fetch(POINTER, tmp_path / "deep" / "there.csv")
    assert (tmp_path / "deep" / "there.csv").read_bytes() == DATA
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["there.csv"]


def test_what_dvc_2_sent_is_found(remote: DataRemote, file: Path, tmp_path: Path) -> None:
    remote.keeper.put(file, f"{MD5[:2]}/{MD5[2:]}", data_files.untold)
    remote.fetch(POINTER, tmp_path / "there.csv")
    assert (tmp_path / "there.csv").read_bytes() == DATA


def test_what_is_not_there_is_told_with_its_remote(remote: DataRemote, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=rf"{remote.url} does not have train.csv \(md5 {MD5}\)"):
        remote.fetch(POINTER, tmp_path / "there.csv")


@pytest.mark.parametrize("content", [b"something else, and longer than it should be", DATA[:-1], b""])
def test_what_is_not_what_its_name_says_gets_nowhere(remote: DataRemote, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other"
    other.write_bytes(content)
    remote.keeper.put(other, place(MD5), data_files.untold)
    with pytest.raises(DamagedError, match=r"train\.csv"):
        remote.fetch(POINTER, tmp_path / "there" / "there.csv")
    assert not list((tmp_path / "there").iterdir())


def test_a_file_that_changes_while_it_is_sent_is_not_kept(remote: DataRemote, file: Path) -> None:
    def meddle(_through: int) -> None:
        file.write_bytes(b"another")

    with pytest.raises(OutsideError, match="changed while it was sent"):
        remote.put(file, meddle)
    assert not remote.has(MD5)


def test_where_nothing_more_can_be_written_that_is_told_and_nothing_stays(
    remote: DataRemote, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(os.urandom(3_000_000))
    found = remote.put(file)
    pointer = Pointer(path="train.csv", md5=found.md5, size=found.size)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        with pytest.raises(OutsideError, match="there is no room on the disk for train"):
            remote.fetch(pointer, tmp_path / "there" / "there.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "there").iterdir())


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path: Path) -> None:
    remote = DataRemote.of(configure(tmp_path, at("x" * 300)), {})
    with pytest.raises(OutsideError, match=r"x cannot be read: File name too long\n.*\.dvc/config"):
        remote.fetch(POINTER, tmp_path / "there.csv")


def test_a_remote_that_nobody_may_read_is_told_with_what_to_do(s3: str, tmp_path: Path) -> None:
    del s3
    unreachable = DataRemote.of(configure(tmp_path, at("s3://other/x", "endpointurl = http://127.0.0.1:9\n")), {})
    with pytest.raises(StoreError, match=r"the DVC remote s3://other/x cannot be used.*\n.*endpointurl"):
        unreachable.has(MD5)
    gone = DataRemote.of(configure(tmp_path, at("s3://no-such-bucket-here/x")), {})
    with pytest.raises(StoreError, match="NoSuchBucket"):
        gone.fetch(POINTER, tmp_path / "there.csv")


def test_without_credentials_that_is_told(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(server, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(StoreError, match="wants credentials, and there are none"):
        DataRemote.of(configure(tmp_path, at("s3://some/x")), {}).has(MD5)
    public = bucket_without_keys(tmp_path)
    assert not public.has(MD5)


def bucket_without_keys(repo: Path) -> DataRemote:
    return DataRemote.of(configure(repo, at("s3://some/x", "allow_anonymous_login = true\n")), {})


def test_what_is_local_goes_before_what_is_shared(tmp_path: Path) -> None:
    shared = at("s3://bucket/prefix/", "    endpointurl = http://one\n    region = eu-west-1\n    sse = AES256\n")
    local = (
        "['remote \"storage\"']\n    access_key_id = ours\n    secret_access_key = hush\n    endpointurl = http://two\n"
    )
    found = RemoteConfig.read(configure(tmp_path, shared, local), {})
    assert (found.name, found.url) == ("storage", "s3://bucket/prefix")
    assert (found.s3.endpointurl, found.s3.region, found.s3.upload) == (
        "http://two", "eu-west-1", {"ServerSideEncryption": "AES256"},
    )  # fmt: skip
    assert (found.s3.access_key_id, found.s3.secret_access_key) == ("ours", "hush")
    assert "hush" not in repr(found) + repr(found.s3) + repr(DataRemote.of(tmp_path, {}))


def test_another_config_goes_before_the_working_trees(tmp_path: Path) -> None:
    configure(tmp_path, at("s3://theirs/x"))
    assert DataRemote.of(tmp_path, {}, config=at("s3://ours/x").encode()).url == "s3://ours/x"
    with pytest.raises(InputError, match="no DVC remote"):
        DataRemote.of(tmp_path, {}, config=b"")


@pytest.mark.parametrize(
    ("url", "place"), [("/srv/data", "/srv/data"), ("~/data", "/home/me/data"), ("file:///srv/data", "/srv/data")]
)
def test_a_folder_is_where_dvc_looks_for_it(tmp_path: Path, url: str, place: str) -> None:
    assert RemoteConfig.read(configure(tmp_path, at(url)), {"HOME": "/home/me"}).url == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no DVC remote"),
        ("[core]\nanalytics = false\n", "no DVC remote"),
        ("[core]\nremote = other\n", "no url for the remote 'other'"),
        (at("gs://bucket/x"), "at gs:// is not read"),
        (at("remote://other/x"), "at remote:// is not read"),
        (at("s3:///x"), "no place in S3"),
        (at("s3://"), "no place in S3"),
        (at("s3://[::1/x"), "no place in S3"),
        (at("a\0b"), "is no place"),
        (at("s3://b/x", "worktree = true\n"), "'storage' is worktree"),
        (at("s3://b/x", "version_aware = maybe\n"), "version_aware must be true or false"),
        (at("s3://b/x", "configpath = evil\n"), "configpath of a DVC remote is not read"),
        ("remote = x\n", "config cannot be read"),
        ("[core\n", "config cannot be read"),
        ("\udcff", "config cannot be read"),
        ("#" * 70_000, "it is too large"),
    ],
)
def test_a_remote_that_cannot_be_used_is_one_clear_fault(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        DataRemote.of(tmp_path, {}, config=text.encode(errors="surrogateescape"))


def test_a_source_is_looked_at_and_fetched_as_it_was(s3: str, tmp_path: Path) -> None:
    put(f"{s3}/in/x.csv", DATA)
    found = data_source.head(f"{s3}/in/x.csv")
    assert found == Source(url=f"{s3}/in/x.csv", etag=MD5, version_id=found.version_id, size=len(DATA))
    assert found.version_id
    put(f"{s3}/in/x.csv", b"newer")
    assert data_source.head(found.url).etag != found.etag
    assert data_source.fetch(found, tmp_path / "there.csv") == Sum(md5=MD5, size=len(DATA))
    assert (tmp_path / "there.csv").read_bytes() == DATA


def test_a_source_without_versions_that_changed_meanwhile_is_told(s3: str, tmp_path: Path) -> None:
    url = f"{bucket(f'{s3[5:]}-plain')}/in/x.csv"
    put(url, DATA)
    found = data_source.head(url)
    assert not found.version_id
    assert data_source.fetch(found, tmp_path / "there.csv").md5 == MD5
    put(url, b"newer")
    with pytest.raises(OutsideError, match="changed while it was read"):
        data_source.fetch(found, tmp_path / "other.csv")


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("https://example.org/x.csv", InputError, "is no place in S3"),
        ("s3://bucket/x.csv?versionId=1", InputError, "is no place in S3"),
        ("{s3}/nothing.csv", MissingDataError, "there is nothing at"),
    ],
)
def test_a_source_that_is_none_is_told(s3: str, url: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        data_source.head(url.format(s3=s3))
