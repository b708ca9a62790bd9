"""A `.dvc` pointer: the few lines in Git that name data which are kept elsewhere, by their checksum.

The form is DVC 3's own (https://doc.dvc.org/user-guide/project-structure/dvc-files), so that `dvc pull`, `dvc status`
and `dvc update` read what is written here, and what `dvc add` and `dvc import-url` write is read here. Anybody can
propose one in a pull request, so it names one file beside itself, and nothing that lies elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import yaml

from slipway.delivery import document
from slipway.delivery.document import Document, Scalar, Table
from slipway.errors import InputError
from slipway.training.faults import Fault

SUFFIX = ".dvc"
MAX_BYTES = 65_536
"""Far more than a pointer to one file has, though people may describe the data in it."""
_MAX_SIZE = 2**63 - 1
_MAX_TEXT = 2_000
_MD5 = re.compile(r"[0-9a-f]{32}")
_SIZE = re.compile(r"[0-9]{1,19}")
_NUMBER = re.compile(r"[-+.0-9_]+(e[-+]?[0-9_]+)?|0[xo][0-9a-f_]+", re.IGNORECASE)
"""What YAML 1.1 or 1.2 could take for a number: a checksum can look like one."""
_HINT = "Write it anew from the file itself (slipway data push, or dvc add), or take a version from Git."


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where data were imported from, and which state of it that was."""

    url: str
    etag: str = ""
    version_id: str = ""
    """Of a bucket that keeps versions; else empty."""
    size: int | None = None
    """In bytes."""


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """One file that lies beside its pointer when it is here."""

    path: str
    md5: str
    size: int | None = None
    """In bytes."""
    source: Source | None = None

    @classmethod
    def parse(cls, content: bytes, file: str) -> Pointer:
        """Read the pointer `file`, such as `data/iris/train.csv.dvc`; `InputError` with the line of what is wrong."""
        return _parsed(content, file)

    @property
    def digest(self) -> str:
        """What a key says of these data."""
        return f"md5:{self.md5}"

    def to_bytes(self) -> bytes:
        """The file as DVC 3 would write it."""
        out = {"md5": self.md5, "size": self.size, "hash": "md5", "path": self.path}
        if self.source is None:
            return "".join(_entry("outs", out)).encode()
        deps = {
            "etag": self.source.etag or None,
            "size": self.source.size,
            "version_id": self.source.version_id or None,
            "hash": "md5",
            "path": self.source.url,
            "fs_config": {"version_aware": True} if self.source.version_id else None,
        }
        lines = (f"md5: {_text(_stage_md5(out, deps))}\nfrozen: true\n", *_entry("deps", deps), *_entry("outs", out))
        return "".join(lines).encode()


def _entry(name: str, fields: dict[str, Any]) -> list[str]:
    """A list with one mapping in it."""
    lines: list[str] = []
    for key, value in fields.items():
        match value:
            case None:
                continue
            case dict():
                lines += [f"{key}:", *(f"  {inner}: {json.dumps(said)}" for inner, said in value.items())]
            case _:
                lines.append(f"{key}: {_text(value) if isinstance(value, str) else value}")
    return [f"{name}:\n", *(f"{'  ' if at else '- '}{line}\n" for at, line in enumerate(lines))]


def _text(value: str) -> str:
    """A text in YAML that no reader takes for a number."""
    if _NUMBER.fullmatch(value):
        return f"'{value}'"
    written: str = yaml.safe_dump(value, width=_MAX_TEXT * 10, allow_unicode=True)
    return written.removesuffix("...\n").rstrip("\n")


def _stage_md5(*parts: dict[str, Any]) -> str:
    """By what DVC sees whether an import was edited: `dvc.stage.utils.compute_md5`, which leaves sizes out."""
    out, deps = ({key: value for key, value in part.items() if key != "size" and value is not None} for part in parts)
    stage = json.dumps({"deps": [deps], "outs": [out]}, sort_keys=True)
    return hashlib.md5(stage.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=1024)
def _parsed(content: bytes, file: str) -> Pointer:
    """A history names the same pointer again and again."""
    if len(content) > MAX_BYTES:
        raise InputError(Fault(file=file, what=f"the pointer is larger than {MAX_BYTES:,} bytes", hint=_HINT))
    read = _document(content, file)
    root = read.root
    if not isinstance(root, Table):
        raise read.refused(root, "the pointer must be a mapping with `outs`", _HINT)
    if isinstance(where := root.get("wdir"), Scalar) and where.text != ".":
        raise read.refused(where, "wdir is not taken: the data lie beside their pointer", _HINT)
    out = _only(read, root, "outs", "a pointer names one file")
    return Pointer(
        path=_path(read, out),
        md5=_md5(read, out),
        size=_size(read, out),
        source=_source(read, root) if "deps" in root.entries else None,
    )


def _document(content: bytes, file: str) -> Document:
    try:
        return document.parse(content, file)
    except InputError as error:
        faults = [
            replace(one, what=one.what.replace("the manifest", "the pointer"), hint=_HINT) for one in error.faults
        ]
        raise InputError(faults) from None


def _only(read: Document, root: Table, name: str, why: str) -> Table:
    """The one mapping of a list."""
    tables = read.tables(root, name)
    if len(tables) > 1:
        raise read.refused(tables[1], f"{name} has {len(tables)} entries: {why}", _HINT)
    return tables[0]


def _path(read: Document, out: Table) -> str:
    """The file's name, which the pointer's own name says as well."""
    node = read.scalar(out, "path")
    expected = read.file.rpartition("/")[2].removesuffix(SUFFIX)
    if node.text != expected:
        raise read.refused(
            node, f"the pointer names {node.text!r} instead of {expected!r}, the file that lies beside it", _HINT
        )
    return node.text


def _md5(read: Document, out: Table) -> str:
    """The checksum of the bytes; for a folder DVC writes that of a list of files."""
    kind = out.get("hash")
    if isinstance(kind, Scalar) and kind.text != "md5":
        raise read.refused(kind, f"hash {kind.text!r} is not read: DVC's remotes go by md5", _HINT)
    node = out.get("md5")
    if not isinstance(node, Scalar):
        raise read.refused(node or out, "the pointer names no checksum: md5 is missing", _HINT)
    if node.text.endswith(".dir"):
        raise read.refused(
            node, "the pointer names a folder, and data are one file", "Point to a .csv or .parquet file."
        )
    if not _MD5.fullmatch(node.text):
        raise read.refused(node, "md5 must be 32 hexadecimal digits", _HINT)
    return node.text


def _size(read: Document, table: Table) -> int | None:
    node = table.get("size")
    if node is None:
        return None
    if not isinstance(node, Scalar) or not _SIZE.fullmatch(node.text) or int(node.text) > _MAX_SIZE:
        raise read.refused(node, "size must be a number of bytes", _HINT)
    return int(node.text)


def _source(read: Document, root: Table) -> Source | None:
    """What `dvc import-url` notes of where the data come from. Another repository (`dvc import`) is no such place."""
    deps = _only(read, root, "deps", "data come from one place")
    if "repo" in deps.entries:
        return None
    url = _plain(read, deps, "path")
    if not url:
        raise read.refused(deps, "deps must have a path", _HINT)
    etag, version = _plain(read, deps, "etag"), _plain(read, deps, "version_id")
    return Source(url=url, etag=etag, version_id=version, size=_size(read, deps))


def _plain(read: Document, table: Table, name: str) -> str:
    """A short text that can stand in one line; empty where there is none."""
    node = table.get(name)
    if node is None:
        return ""
    if not isinstance(node, Scalar) or len(node.text) > _MAX_TEXT or not node.text.isprintable():
        raise read.refused(node, f"{name} must be a short text", _HINT)
    return node.text
