"""How much of everything there may be in a document: enough for any model, too little to choke who shows it."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel

from slipway.bundle.rejected import Rejected, place

if TYPE_CHECKING:
    from slipway.results import Document

MOST_ITEMS = 10_000
"""Of a list or table that no other bound is known for: columns, above all."""
_ITEMS = {
    "calibration": 100,
    "categories": 100,
    "checks": 5_000,
    "choice": 1_000,
    "classes": 100,
    "confusion": 100,
    "counts": 101,
    "cv_fold_scores": 20,
    "edges": 100,
    "examples": 100,
    "fold_scores": 20,
    "golden": 100,
    "labels": 100,
    "metrics": 20,
    "models": 256,
    "packages": 1_000,
    "params": 100,
    "probabilities": 100,
    "reasons": 20,
    "slices": 2_000,
    "times": 20,
    "trials": 100_000,
}
_MOST_PARTS = 3_000_000
"""Commas and brackets of a text: each part takes some hundred bytes once it is read, however short it is."""
MOST_TOGETHER = 200_000
"""Of all lists and tables together, but for the trials: each may cost whoever checks it a kilobyte."""
LONGEST_TEXT = 2**16
_TEXTS = {"manifest_diff": 2**20}
_SIGNED = frozenset({"params", "newest_from", "spec"})
"""Whole numbers that may be negative; all others count something."""
_NEVER_NEGATIVE = frozenset(
    {"seconds", "psi", "largest", "tolerance", "spread", "detectable", "p50_ms", "p99_ms", "share"}
)
LARGEST_COUNT = 2**53
LARGEST_NUMBER = 1e100
"""What can be squared, and subtracted from another, and is still a number."""

Path = tuple[int | str, ...]


def check(document: Document) -> None:
    """See to it that no list, text or number of a document is out of bounds; else `Rejected` names the place."""
    _check((), "", document)


def _check(path: Path, name: str, value: object) -> None:
    """`name` is the field that the value is in, at whatever depth."""
    match value:
        case Enum() | bool() | None:
            return
        case str():
            _check_text(path, name, value)
        case int() | float():
            _check_number(path, name, value)
        case BaseModel():
            for key, part in value.__dict__.items():
                _check((*path, key), key, part)
        case tuple():
            _check_length(path, name, len(value))
            for index, part in enumerate(value):
                _check((*path, index), name, part)
        case dict():
            _check_length(path, name, len(value))
            for key, part in value.items():
                _check_text(path, name, key)
                _check((*path, "value"), name, part)


def check_text(content: bytes, name: str) -> None:
    """See to it that it is JSON that says each thing once, and little enough for all of it to be looked at.

    Pydantic collects everything that is wrong with a document: of a million wrong entries that is gigabytes.
    Raises `Rejected`, which names the file.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise Rejected(f"{name} has more parts than any report")
    try:
        count = _count("", json.loads(content.decode(), object_pairs_hook=_once))
    except (ValueError, RecursionError):
        raise Rejected(f"{name} is no JSON, or is nested too deeply") from None
    if count > MOST_TOGETHER:
        raise Rejected(f"{name} has more entries in all than any report")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(found := dict(pairs)) < len(pairs):
        raise Rejected("a document says one thing twice")
    return found


def _count(name: str, value: object) -> int:
    """The entries of all lists and tables in it, each list's checked by the name of its field."""
    if not isinstance(value, dict | list):
        return 0
    _check_length((name,), name, len(value))
    inner = ((name, part) for part in value) if isinstance(value, list) else value.items()
    count = len(value) + sum(_count(key, part) for key, part in inner)
    return 0 if name == "trials" else count


def _check_text(path: Path, name: str, text: str) -> None:
    if len(text) > (most := _TEXTS.get(name, LONGEST_TEXT)):
        raise Rejected(f"{place(path)} has {len(text):,} characters; {most:,} are allowed")


def _check_length(path: Path, name: str, length: int) -> None:
    if length > (most := _ITEMS.get(name, MOST_ITEMS)):
        raise Rejected(f"{place(path)} has {length:,} entries; {most:,} are allowed")


def _check_number(path: Path, name: str, number: float) -> None:
    is_whole = isinstance(number, int)
    if abs(number) > (LARGEST_COUNT if is_whole else LARGEST_NUMBER):
        raise Rejected(f"{place(path)} is too large a number")
    if number < 0 and (name in _NEVER_NEGATIVE or (is_whole and not _SIGNED.intersection(path))):
        raise Rejected(f"{place(path)} is negative")
