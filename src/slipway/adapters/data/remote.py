"""The DVC remote of a repository: files by their checksum, as DVC 3 lays them out, in S3 or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

from slipway.adapters.data import files, s3
from slipway.adapters.data.dvc_config import RemoteConfig
from slipway.adapters.data.files import Sum, Told, untold
from slipway.adapters.data.s3 import S3Options
from slipway.datasets.pointer import Pointer
from slipway.errors import OutsideError

LAYOUT = "files/md5"


class MissingDataError(OutsideError):
    """The data are not where they were looked for."""


def place(md5: str) -> str:
    """Where DVC 3 keeps a file, from the root of a remote or of a cache."""
    return f"{LAYOUT}/{md5[:2]}/{md5[2:]}"


class Keeper(Protocol):
    """A bucket or a folder, by names from its root."""

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def chunks(self, name: str, absent: Callable[[], Exception]) -> Iterator[bytes]:
        """A file's content, piece by piece; what `absent` makes is raised where there is none."""

    def put(self, file: Path, name: str, told: Told) -> None:
        """Put a file there, whole or not at all."""

    def remove(self, name: str) -> None:
        """Take a file away."""


@dataclass(frozen=True, kw_only=True)
class DataRemote:
    """Where data beyond Git are kept."""

    name: str
    url: str
    keeper: Keeper = field(repr=False)

    @classmethod
    def of(cls, repo: Path, environ: Mapping[str, str], *, config: bytes | None = None) -> Self:
        """The default remote that `.dvc/config` names; nothing is asked of it yet.

        A trusted run that fetches what a pull request names gives main's `config`: the pull request's own could
        name any place that the credentials reach. Raises `InputError` where there is no remote that can be read.
        """
        found = RemoteConfig.read(repo, environ, config=config)
        keeper: Keeper = Folder(root=Path(found.url))
        if found.url.startswith("s3://"):
            bucket, prefix = s3.split(found.url)
            keeper = Bucket(bucket=bucket, prefix=prefix, options=found.s3)
        return cls(name=found.name, url=found.url, keeper=keeper)

    def has(self, md5: str) -> bool:
        """Whether the data are there; `OutsideError` where that cannot be told."""
        return self.keeper.has(place(md5))

    def keeps(self, pointer: Pointer) -> bool:
        """Whether what a pointer names can be fetched, wherever DVC put it; as `has`."""
        return self.keeper.has(self._name(pointer))

    def put(self, file: Path, told: Told = untold) -> Sum:
        """Send a file, unless it is there already: its checksum and its size.

        Raises `StoreError` where it cannot be sent, `OutsideError` where it changed meanwhile; it is not there then.
        """
        found = files.sum_of(file)
        if self.has(found.md5):
            return found
        self.keeper.put(file, place(found.md5), told)
        if files.sum_of(file) != found:
            self.keeper.remove(place(found.md5))
            raise OutsideError(f"{file} changed while it was sent", hint="Run the command again.")
        return found

    def fetch(self, pointer: Pointer, to: Path, told: Told = untold) -> None:
        """Write what a pointer names to a file, checked.

        Raises `MissingDataError` where it is not there, `DamagedError` where it is not what its name says,
        `StoreError` where the remote does not answer.
        """
        name = self._name(pointer)
        content = self.keeper.chunks(name, lambda: self._missing(pointer))
        called = f"{pointer.path} ({self.url}/{name})"
        files.write(content, to, expected=Sum(md5=pointer.md5, size=pointer.size), called=called, told=told)

    def _name(self, pointer: Pointer) -> str:
        here, before = place(pointer.md5), f"{pointer.md5[:2]}/{pointer.md5[2:]}"
        return before if not self.keeper.has(here) and self.keeper.has(before) else here  # DVC 2 had no `files/md5`

    def _missing(self, pointer: Pointer) -> MissingDataError:
        return MissingDataError(
            f"{self.url} does not have {pointer.path} (md5 {pointer.md5})",
            hint="Whoever has the file sends it there: slipway data push, or dvc push.",
        )


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder, such as one that several machines have mounted."""

    root: Path

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; `OutsideError` where that cannot be told."""
        try:
            return (self.root / name).is_file()
        except OSError as error:
            hint = "Check the url in .dvc/config. May you read there?"
            raise OutsideError(f"the DVC remote {self.root} cannot be read: {error.strerror}", hint=hint) from None

    def chunks(self, name: str, absent: Callable[[], Exception]) -> Iterator[bytes]:
        """A file's content."""
        if not self.has(name):
            raise absent()
        yield from files.chunks(self.root / name)

    def put(self, file: Path, name: str, told: Told) -> None:
        """Copy a file there."""
        files.write(files.chunks(file), self.root / name, expected=None, called=str(file), told=told)

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.root / name).unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket's prefix."""

    bucket: str
    prefix: str
    options: S3Options = field(repr=False)

    def has(self, name: str) -> bool:
        """Whether there is an object of this name."""
        try:
            with s3.failing(self._where, absent=FileNotFoundError):
                self._client.head_object(**self._which(name))
        except FileNotFoundError:
            return False
        return True

    def chunks(self, name: str, absent: Callable[[], Exception]) -> Iterator[bytes]:
        """An object's content."""
        yield from s3.download(self._client, self._where, absent, **self._which(name))

    def put(self, file: Path, name: str, told: Told) -> None:
        """Upload a file."""
        s3.upload(self._client, file, self._where, self.options, told, **self._which(name))

    def remove(self, name: str) -> None:
        """Take an object away."""
        with s3.failing(self._where):
            self._client.delete_object(**self._which(name))

    @property
    def _where(self) -> str:
        return f"the DVC remote s3://{self.bucket}/{self.prefix}"

    def _which(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{name}" if self.prefix else name}

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  boto3 has no types
        return self.options.client()
