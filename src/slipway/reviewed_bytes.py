"""Whether a merge trains the bytes that a review showed, and whether reviews agree about a key.

What a fork's pull request trained is shown and never shipped: its own code made it. The trusted job notes what was
shown, and the merge, which trains the same key by main's code, says whether the same bytes came out.

A note says what somebody's code claimed, so it decides nothing: whoever opens a pull request could hold up a release
by a false one. It is told, and the release goes on, for main's own gate said yes to main's own bytes.

It is another matter where two pull requests that may be shipped hand on different models of one key. The store has the
first, and nobody knows whose is what training makes: the key is disputed, and is not released until a person looked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from slipway.adapters.store import Place, Store
from slipway.errors import InputError, StoreError
from slipway.key import SHORT
from slipway.results import Document
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.results import ModelCard

_FILE = "shown.json"
_DISPUTED = "disputed"
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
    note = _note(card, pull_request, head)
    for place in _places(card.model, card.key, card.onnx_sha256):
        store.put(place, {_FILE: note})


def dispute(store: Store, card: ModelCard, *, pull_request: int, head: str) -> None:
    """Note that a pull request hands on other bytes than the store has of the key; the first such note stays.

    Raises `InputError` for a card that names no place.
    """
    note = _note(card, pull_request, head)
    store.put(_dispute(card.model, card.key), {_FILE: note})


def disputed(store: Store, model: str, key: str) -> Shown | None:
    """Who handed on other bytes than the store has of the key, if anybody did; `StoreError` where the store fails."""
    return _read(store, _dispute(model, key))


def check_undisputed(store: Store, model: str, key: str) -> None:
    """See to it that nothing is shipped of a key that has two models; `StoreError` where it has."""
    note = disputed(store, model, key)
    if note is None:
        return
    place = _dispute(model, key)
    raise StoreError(
        f"{model} {key[:SHORT]} is not released: pull request {note.pull_request} (at {note.head[:12]}) handed on "
        f"another model of this key than the store has, of sha256 {note.onnx_sha256}. Equal keys give equal bytes, so "
        "one of the two is not what training makes",
        hint=f"Train it once yourself: slipway tune {model} --store DIR, in a clean clone and with a new folder for "
        f"DIR. Compare the sha256 of its model.onnx with the store's {model}/{key}/challenger/model.onnx. If they are "
        f"the same, delete {place.path} from the store; else delete {model}/{key}, with all that was made of the wrong "
        "model. Then release again.",
    )


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


def _dispute(model: str, key: str) -> Place:
    return Place(model=model, key=key, entry=_DISPUTED)


def _note(card: ModelCard, pull_request: int, head: str) -> bytes:
    """What is written down of a model; `InputError` where its card would lead to another place than a key's."""
    if not (_SHA256.fullmatch(card.key) and _SHA256.fullmatch(card.onnx_sha256)):
        raise InputError(f"what pull request {pull_request} shows of {check_name(card.model)} has no key and digest")
    check_name(card.model)
    return Shown(onnx_sha256=card.onnx_sha256, pull_request=pull_request, head=head).to_json()


def _read(store: Store, place: Place) -> Shown | None:
    files = store.get(place)
    return None if files is None else Shown.from_json(files.get(_FILE, b""), f"{place.path}/{_FILE}")
