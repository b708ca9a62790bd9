"""Whether the source that a pointer names holds other data by now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.datasets.pointer import Pointer, Source

LARGEST = 2_000_000_000
"""Bytes of new data that are taken without anybody having asked for them."""


class State(StrEnum):
    """What the source has."""

    NEWER = "newer"
    SAME = "same"
    REWRITTEN = "rewritten"
    """In another state than the pointer names, with the same data, as who has fetched it knows."""
    NO_POINTER = "no pointer"
    NO_SOURCE = "no source"
    GONE = "gone"
    UNFIT = "unfit"
    UNKNOWN = "unknown"
    """It did not answer."""


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """What a look at the source says."""

    state: State
    what: str
    """A sentence, without its full stop. It may name files."""
    source: Source | None = None
    """As it is now, if it was read."""


REWRITTEN = Fresh(state=State.REWRITTEN, what="its source was written anew, with the data that it is trained on")


def judge(pointer: Pointer | None, now: Source | None) -> Fresh:
    """Compare what the pointer says of its source with what the source is `now`; None: there is nothing."""
    if pointer is None:
        return Fresh(state=State.NO_POINTER, what="its data are in Git: only a commit of yours brings newer ones")
    if pointer.source is None:
        return Fresh(state=State.NO_SOURCE, what="its pointer names no source that newer data could come from")
    if now is None:
        return Fresh(state=State.GONE, what="its pointer names a source where there is nothing")
    if _is_same(pointer, pointer.source, now):
        return Fresh(state=State.SAME, what="its source holds the data that it is trained on", source=now)
    if problem := _problem(now):
        return Fresh(state=State.UNFIT, what=f"its source holds other data, {problem}", source=now)
    return Fresh(state=State.NEWER, what="its source holds newer data", source=now)


def _is_same(pointer: Pointer, before: Source, now: Source) -> bool:
    """A version says it best. An ETag of a single upload is the MD5 of what was uploaded, which the pointer names."""
    if before.version_id and before.version_id == now.version_id:
        return True
    return bool(now.etag) and _plain(now.etag) in {_plain(before.etag), pointer.md5}


def _problem(now: Source) -> str:
    """Why nobody would want them."""
    if now.size == 0:
        return "which are an empty file"
    if now.size is not None and now.size > LARGEST:
        return f"of {now.size:,} bytes, more than the {LARGEST:,} that are taken by themselves"
    return ""


def _plain(etag: str) -> str:
    return etag.strip('"')
