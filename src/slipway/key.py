"""Content keys: equal key, equal model, byte for byte.

A key is computed from a `Tree`: a commit's Git objects, or the working tree. Nothing is checked out.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Self

from slipway.datasets.pointer import SUFFIX, Pointer
from slipway.errors import InputError
from slipway.spec import data_path, folder, parse_toml, spec_path
from slipway.training.faults import Fault

TRAINING = "src/slipway/training"
SHAPING_TABLES = ("model", "data", "search")
SHORT = 8
"""Hexadecimal digits of a key that people are shown, and that commit subjects carry."""


class Tree(Protocol):
    """The files of a commit or of the working tree."""

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None."""

    def files(self, prefix: str) -> dict[str, str]:
        """The files below a folder, each with something that changes when its content does."""

    def digest(self, path: str) -> str | None:
        """A file's SHA-256, or None."""


@dataclass(frozen=True, kw_only=True)
class KeyInputs:
    """Everything that a key is made of, so that two keys can be told apart by reason."""

    data_file: str
    data: str
    tables: Mapping[str, Any]
    training: Mapping[str, str]
    packages: Mapping[str, str]
    python: str

    @property
    def key(self) -> str:
        """The content key: 64 hexadecimal digits."""
        return hashlib.sha256(canonical(self.to_dict())).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """All that the key is the digest of, as JSON."""
        return {
            "data": self.data,
            "tables": self.tables,
            "training": self.training,
            "packages": self.packages,
            "python": self.python,
        }

    def with_trials(self, trials: int | None) -> Self:
        """The inputs of a search with another budget: another key."""
        if trials is None:
            return self
        search = {**self.tables["search"], "trials": trials}
        return replace(self, tables={**self.tables, "search": search})

    def reasons(self, before: KeyInputs) -> tuple[str, ...]:
        """Why this key is not the one before; empty when it is the same."""
        found: list[str] = []
        if self.data != before.data:
            found.append(f"{self.data_file} changed")
        found += [
            f"model.toml [{name}] changed"
            for name in SHAPING_TABLES
            if self.tables.get(name) != before.tables.get(name)
        ]
        found += [f"training code: {path}" for path in _changed(self.training, before.training)]
        found += [
            f"package {name} {before.packages.get(name, 'absent')} -> {self.packages.get(name, 'absent')}"
            for name in _changed(self.packages, before.packages)
        ]
        if self.python != before.python:
            found.append(f"Python {before.python} -> {self.python}")
        return tuple(found)


def _changed(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    return sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))


def canonical(value: object) -> bytes:
    """One spelling for equal JSON values: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.encode()


def models(tree: Tree) -> list[str]:
    """The models that a tree has: the folders of `data/` with a `model.toml`."""
    paths = (path.split("/") for path in tree.files("data"))
    return sorted(p[1] for p in paths if len(p) == 3 and p[2] == "model.toml")  # noqa: PLR2004


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the keys of all models of a tree have in common."""

    training: Mapping[str, str]
    packages: Mapping[str, str]
    python: str


def shared_inputs(tree: Tree) -> Shared:
    """What is in the key of every model of this tree; `InputError` when slipway's own training code is not there."""
    return Shared(
        training=_training_sources(tree),
        packages=_packages(tree),
        python=(tree.read(".python-version") or b"").decode().strip(),
    )


def key_inputs(tree: Tree, model: str, shared: Shared | None = None) -> KeyInputs:
    """What the key of a model is made of, in this tree; `shared` where it was read before, for another model.

    Raises `InputError` when the model, its data or slipway's own training code is not there.
    """
    source = tree.read(str(spec_path(model)))
    if source is None:
        raise InputError(
            f"there is no model {model!r}: {spec_path(model)} does not exist",
            hint=f"Models here: {', '.join(models(tree)) or 'none'}. "
            "To add one: slipway new MODEL --from FILE --target COLUMN.",
        )
    tables = shaping_tables(source, str(spec_path(model)))
    file = str(data_path(model, tables))
    shared = shared or shared_inputs(tree)
    return KeyInputs(
        data_file=file.removeprefix(f"{folder(model)}/"),
        data=_data_digest(tree, file, model),
        tables=tables,
        training=shared.training,
        packages=shared.packages,
        python=shared.python,
    )


def shaping_tables(source: bytes, file: str) -> dict[str, Any]:
    """The tables of a `model.toml` that shape the model, as they are written.

    Defaults are not filled in: they live in the training code, whose sources are in the key as well.
    """
    tables = parse_toml(source, file)
    shaping = {name: tables[name] for name in SHAPING_TABLES if name in tables}
    if not isinstance(shaping.get("data"), dict) or "path" not in shaping["data"]:
        raise InputError(Fault(file=file, what="[data] path is missing", hint="Name the data file."))
    return shaping


def _data_digest(tree: Tree, file: str, model: str) -> str:
    """The SHA-256 of the data, or the checksum that a `.dvc` pointer names."""
    if (pointer := tree.read(f"{file}{SUFFIX}")) is not None:
        return Pointer.parse(pointer, f"{file}{SUFFIX}").digest
    digest = tree.digest(file)
    if digest is None:
        raise InputError(
            Fault(
                file=str(spec_path(model)),
                what=f"[data] path: {file} does not exist",
                hint="Put the data there, or name the file that is.",
            )
        )
    return f"sha256:{digest}"


def _training_sources(tree: Tree) -> dict[str, str]:
    paths = {p: content for p, content in tree.files(TRAINING).items() if p.endswith(".py")}
    if not paths:
        raise InputError(
            f"this repository has no {TRAINING}/, which is part of every key",
            hint="Run slipway in a repository that was made from its own; --repo names another folder.",
        )
    return {path: tree.digest(path) or "" for path in paths}


def _packages(tree: Tree) -> dict[str, str]:
    """The locked versions of the packages that can shape a model: the dependency group `training`."""
    return dict(_locked(tree.read("pyproject.toml") or b"", tree.read("uv.lock") or b""))


# The head of an entry in uv.lock; parsing all of its 3,000 lines as TOML takes longer than the rest of a plan.
_ENTRY = re.compile(r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


@lru_cache(maxsize=64)
def _locked(project: bytes, lock: bytes) -> tuple[tuple[str, str], ...]:
    group = tomllib.loads(project.decode()).get("dependency-groups", {}).get("training", [])
    names = {_normal(found[0]) for entry in group if (found := _NAME.match(str(entry)))}
    versions = {_normal(name): version for name, version in _ENTRY.findall(lock.decode().replace("\r\n", "\n"))}
    return tuple((name, versions.get(name, "absent")) for name in sorted(names))


def _normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
