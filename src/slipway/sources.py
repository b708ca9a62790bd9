"""Which code gave an answer that the store keeps: part of the answer's name, as the training code is of the key."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable


@lru_cache(maxsize=16)
def sources(*parts: str) -> str:
    """The digest of modules and packages of slipway, by their place in it."""
    digest = hashlib.sha256()
    for part in parts:
        _add(digest, resources.files("slipway").joinpath(*part.split("/")), part)
    return digest.hexdigest()[:16]


def _add(digest: hashlib._Hash, place: Traversable, name: str) -> None:
    if place.is_file():
        digest.update(f"{name} {hashlib.sha256(place.read_bytes()).hexdigest()}\n".encode())
        return
    for below in sorted(place.iterdir(), key=lambda one: one.name):
        if below.name.endswith(".py") or (below.is_dir() and below.name != "__pycache__"):
            _add(digest, below, f"{name}/{below.name}")
