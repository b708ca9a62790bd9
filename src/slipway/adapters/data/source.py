"""Where data come from before they are anybody's: one object in S3, which somebody else writes anew now and then."""

from __future__ import annotations

from pathlib import Path

from slipway.adapters.data import files, s3
from slipway.adapters.data.files import Sum, Told, untold
from slipway.adapters.data.remote import MissingDataError
from slipway.adapters.data.s3 import S3Options
from slipway.datasets.pointer import Source

_NO_VERSION = "null"
"""What S3 says of an object that is older than its bucket's versioning."""


def head(url: str) -> Source:
    """What is at an `s3://` address now, reached as boto3 reaches it; nothing of it is fetched.

    Raises `InputError` for another kind of address, `MissingDataError` where there is nothing, `StoreError` where S3
    does not answer.
    """
    bucket, key = s3.split(url)
    with s3.failing(url, absent=lambda: _missing(url)):
        found = S3Options().client().head_object(Bucket=bucket, Key=key)
    version = found.get("VersionId", _NO_VERSION)
    return Source(
        url=url,
        etag=found["ETag"].strip('"'),
        version_id="" if version == _NO_VERSION else version,
        size=found["ContentLength"],
    )


def fetch(source: Source, to: Path, told: Told = untold) -> Sum:
    """Write the state of the source that was looked at to a file: its checksum and its size.

    Raises as `head` does, and `OutsideError` where there is another state by now.
    """
    bucket, key = s3.split(source.url)
    which = {"Bucket": bucket, "Key": key}
    if source.version_id:
        which["VersionId"] = source.version_id
    elif source.etag:
        which["IfMatch"] = source.etag
    content = s3.download(S3Options().client(), source.url, lambda: _missing(source.url), **which)
    return files.write(content, to, expected=None, called=source.url, told=told)


def _missing(url: str) -> MissingDataError:
    return MissingDataError(f"there is nothing at {url}", hint="Check the address that the pointer's `deps` names.")
