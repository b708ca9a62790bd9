"""A store in an S3 bucket, or in whatever speaks S3's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from slipway.adapters.store import SUMS, Files, parse_sums
from slipway.errors import StoreError

_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_TAKEN = frozenset({"PreconditionFailed", "412"})
_HINT = "Check the bucket's name, AWS_ENDPOINT_URL, and the credentials' right to read and write there."


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An entry is there once its `SHA256SUMS` is, which is written last and only where there is none.

    The digest is part of each file's place, `<entry>/<digest>/<name>`: so two writers at once, or one that was
    killed, cannot replace what another's `SHA256SUMS` names.
    """

    bucket: str
    prefix: str
    client: Any = field(repr=False)

    @classmethod
    def connect(cls, bucket: str, prefix: str, environ: Mapping[str, str] | None = None) -> Self:
        """Connect as boto3 does: credentials, region and endpoint from the environment; or as these variables say."""
        config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=10,
            read_timeout=60,
            ignore_configured_endpoint_urls=environ is not None,
        )
        try:
            client = boto3.client("s3", config=config, **({} if environ is None else _said(environ)))
        except (BotoCoreError, ValueError) as error:
            raise StoreError(f"S3 cannot be used: {error}", hint=_HINT) from None
        return cls(bucket=bucket, prefix=prefix, client=client)

    def sums(self, folder: str) -> bytes | None:
        """The `SHA256SUMS` of an entry, or None where there is no such entry."""
        return self._read(f"{folder}/{SUMS}")

    def read(self, folder: str, name: str, digest: str) -> bytes | None:
        """The bytes of an entry's file, or None where it is gone."""
        return self._read(f"{folder}/{digest}/{name}")

    def _read(self, path: str) -> bytes | None:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(path))
            content: bytes = answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise self._failed(error) from None
        except BotoCoreError as error:
            raise self._failed(error) from None
        return content

    def write_entry(self, folder: str, files: Files) -> bool:
        """Write an entry's objects, `SHA256SUMS` last; False if an entry is there already."""
        if self.sums(folder) is not None:
            return False
        for name, digest in parse_sums(files[SUMS], folder).items():
            self._put(f"{folder}/{digest}/{name}", files[name], only_new=False)
        return self._put(f"{folder}/{SUMS}", files[SUMS], only_new=True)

    def _put(self, path: str, content: bytes, *, only_new: bool) -> bool:
        condition = {"IfNoneMatch": "*"} if only_new else {}
        try:
            self.client.put_object(Bucket=self.bucket, Key=self._key(path), Body=content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                return False
            raise self._failed(error) from None
        except BotoCoreError as error:
            raise self._failed(error) from None
        return True

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(f"the store s3://{self.bucket}/{self.prefix} failed: {error}", hint=_HINT)


def _said(environ: Mapping[str, str]) -> dict[str, str | None]:
    """What boto3 would read of these variables. Without keys, it has those of this process."""
    return {
        "aws_access_key_id": environ.get("AWS_ACCESS_KEY_ID"),
        "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY"),
        "aws_session_token": environ.get("AWS_SESSION_TOKEN"),
        "region_name": environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        "endpoint_url": environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL"),
    }
