"""The store: everything that a key produced, immutable, at `<store>/<model>/<key>/<entry>/`.

An entry is a small folder of files with their SHA-256 in `SHA256SUMS`, as `sha256sum --check` reads it.
An entry is there whole or not at all, is written once, and is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from slipway.errors import InputError, StoreError

SUMS = "SHA256SUMS"

Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an entry is: of which model and key, and what it is."""

    model: str
    key: str
    entry: str

    @property
    def path(self) -> str:
        """The entry's folder, from the store's root."""
        return f"{self.model}/{self.key}/{self.entry}"


class Backend(Protocol):
    """A folder or a bucket."""

    def sums(self, folder: str) -> bytes | None:
        """The `SHA256SUMS` of an entry, or None where there is no such entry."""

    def read(self, folder: str, name: str, digest: str) -> bytes | None:
        """The bytes of an entry's file, or None where it is gone."""

    def write_entry(self, folder: str, files: Files) -> bool:
        """Write all the files of an entry, `SHA256SUMS` among them; False if it is there already."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """Entries by model and key."""

    backend: Backend

    def get(self, place: Place) -> Files | None:
        """The files of an entry, each checked; None where there is no such entry.

        Raises `StoreError` when a file is missing or is not what was put there.
        """
        sums = self.backend.sums(place.path)
        if sums is None:
            return None
        return {name: self._checked(place, name, digest) for name, digest in parse_sums(sums, place.path).items()}

    def put(self, place: Place, files: Files) -> Files:
        """Keep an entry, and return what is kept: the first that was written stays for ever."""
        sums = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items()))
        if self.backend.write_entry(place.path, {**files, SUMS: sums.encode()}):
            return files
        kept = self.get(place)
        if kept is None:
            raise StoreError(
                f"the store lost {place.path} while it was written",
                hint="Run the command again.",
            )
        return kept

    def _checked(self, place: Place, name: str, digest: str) -> bytes:
        content = self.backend.read(place.path, name, digest)
        hint = f"Delete {place.path} from the store and run the command again: the same key gives the same bytes."
        if content is None:
            raise StoreError(f"the store has lost {place.path}/{name}", hint=hint)
        if sha256(content) != digest:
            raise StoreError(f"{place.path}/{name} is damaged: its SHA-256 is not the recorded one", hint=hint)
        return content


def sha256(content: bytes) -> str:
    """The digest that entries are checked by."""
    return hashlib.sha256(content).hexdigest()


def parse_sums(sums: bytes, folder: str) -> dict[str, str]:
    """The digest of each file that a `SHA256SUMS` names; `StoreError` if it is none."""
    try:
        pairs = [line.split("  ", 1) for line in sums.decode().splitlines()]
        named = {name: digest for digest, name in pairs}
    except ValueError:
        named = {}
    if not named or any("/" in name or name.startswith(".") for name in named):
        raise StoreError(
            f"{folder}/{SUMS} is damaged",
            hint=f"Delete {folder} from the store and run the command again.",
        )
    return named


def open_store(url: str, environ: Mapping[str, str] | None = None) -> Store:
    """A store at a folder or at `s3://bucket/prefix`; with `AWS_*` of its own, where they are not this process's."""
    parts = urlsplit(url)
    match parts.scheme:
        case "s3":
            from slipway.adapters.store_s3 import Bucket

            return Store(backend=Bucket.connect(parts.netloc, parts.path.strip("/"), environ))
        case "" | "file":
            from slipway.adapters.store_folder import Folder

            return Store(backend=Folder.at(parts.path))
        case other:
            raise InputError(
                f"a store cannot be at {other}://",
                hint="Use a folder or s3://bucket/prefix for SLIPWAY_STORE or --store.",
            )
