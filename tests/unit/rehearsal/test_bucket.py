"""The bucket of a rehearsal, read as any other in S3 is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from slipway.adapters.data import source as data_source
from slipway.adapters.data.remote import MissingDataError
from slipway.errors import OutsideError
from slipway.rehearsal.bucket import bucket


@pytest.fixture(autouse=True)
def nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def test_what_lies_in_a_folder_is_read_from_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a,b\n" * 100_000
    with bucket(tmp_path / "source") as one:
        for name, value in one.environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(MissingDataError, match=r"there is nothing at s3://source/train.csv"):
            data_source.head(one.url("train.csv"))
        (one.folder / "train.csv").write_bytes(content)
        found = data_source.head(one.url("train.csv"))
        assert (found.etag, found.size) == (hashlib.md5(content, usedforsecurity=False).hexdigest(), len(content))
        assert data_source.fetch(found, tmp_path / "fetched").size == len(content)
        assert (tmp_path / "fetched").read_bytes() == content
        (one.folder / "train.csv").write_bytes(content[4:])
        assert data_source.head(one.url("train.csv")).etag != found.etag
        with pytest.raises(OutsideError, match="changed while it was read"):
            data_source.fetch(found, tmp_path / "fetched")
        (tmp_path / "secret").write_text("not in the bucket")
        for name in ("../secret", "%2e%2e/secret", "folder/train.csv"):
            with pytest.raises(MissingDataError):
                data_source.head(one.url(name))
