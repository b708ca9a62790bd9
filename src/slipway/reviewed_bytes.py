"""Whether a merge trains the bytes that a review showed.

What a fork's pull request trained is shown and never shipped: its own code made it. The trusted job notes what was
shown, and the merge, which trains the same key by main's code, says whether the same bytes came out.

A note says what somebody's code claimed, so it decides nothing: whoever opens a pull request could hold up a release
by a false one. It is told, and the release goes on, for main's own gate said yes to main's own bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from slipway.adapters.store import Place, Store
from slipway.errors import InputError
from slipway.results import Document
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.results import ModelCard

_FILE = "shown.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Bytes(StrEnum):
    """How a model's bytes stand to those that were shown for its key."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"


class Shown(Document):
    """A note: the model that a pull request's run showed."""

    onnx_sha256: str
    pull_request: int
    head: str
    """The pull request's newest commit then."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of a look at the notes, and the note that says so, if there is any."""

    bytes: Bytes
    note: Shown | None = None


def show(store: Store, card: ModelCard, *, pull_request: int, head: str) -> None:
    """Note what a pull request's run showed; nothing is done twice. `InputError` for a card that names no place.

    The store has no listing: each of a key's notes is named by its bytes, and the first also without.
    """
    note = Shown(onnx_sha256=card.onnx_sha256, pull_request=pull_request, head=head).to_json()
    if not (_SHA256.fullmatch(card.key) and _SHA256.fullmatch(card.onnx_sha256)):
        raise InputError(f"what pull request {pull_request} shows of {check_name(card.model)} has no key and digest")
    for place in _places(check_name(card.model), card.key, card.onnx_sha256):
        store.put(place, {_FILE: note})


def check(store: Store, model: str, key: str, onnx_sha256: str) -> Checked:
    """Whether these bytes, or others alone, were shown for the key; `StoreError` where the store fails."""
    by_bytes, first = (_read(store, place) for place in _places(model, key, onnx_sha256))
    if by_bytes is not None and by_bytes.onnx_sha256 == onnx_sha256:
        return Checked(bytes=Bytes.SAME, note=by_bytes)
    return Checked(bytes=Bytes.DIFFERENT if first else Bytes.NOT_SHOWN, note=first)


def told(checked: Checked) -> str:
    """What people are told; nothing where nothing was shown."""
    if checked.note is None:
        return ""
    who = f"pull request {checked.note.pull_request} (at {checked.note.head[:12]})"
    if checked.bytes is Bytes.SAME:
        return f"the bytes are those that {who} showed"
    return (
        f"the bytes are not those that {who} showed: its code was not main's, or training here does not repeat itself. "
        "What is released is what main's code made and judged"
    )


def _places(model: str, key: str, onnx_sha256: str) -> tuple[Place, Place]:
    """Where a note is: by the bytes, and as the first of its key."""
    named = (f"shown-{onnx_sha256[:16]}", "shown")
    by_bytes, first = (Place(model=model, key=key, entry=entry) for entry in named)
    return by_bytes, first


def _read(store: Store, place: Place) -> Shown | None:
    files = store.get(place)
    return None if files is None else Shown.from_json(files.get(_FILE, b""), f"{place.path}/{_FILE}")
