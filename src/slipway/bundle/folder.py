"""A bundle on disk: `DIR/plan/plan.json`, and of each model `DIR/<model>/bundle.json` and `challenger/`."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.bundle import bounds
from slipway.bundle.rejected import Rejected
from slipway.errors import InputError, OutsideError, StoreError
from slipway.results import Document
from slipway.trained import CARD, ONNX, Trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.bundle.document import Bundle, Plan

PLAN, BUNDLE = "plan.json", "bundle.json"
PLAN_FOLDER, CHALLENGER_FOLDER = "plan", "challenger"
MOST_BYTES = 16 * 2**20
"""Of a document: what whoever reads it is ready to hold in memory, many times over."""


def write(folder: Path, bundle: Bundle, challenger: Trained | None) -> None:
    """Put a model's bundle in place of what was there; `bundle.json` comes last, so it tells of all of it.

    Raises `InputError` when it is too large to be handed on, `OutsideError` when it cannot be written.
    """
    content = _content(bundle, bundle.model)
    place = folder / bundle.model
    with _writing(place):
        (place / BUNDLE).unlink(missing_ok=True)
        _write_challenger(place / CHALLENGER_FOLDER, challenger)
        _put(place / BUNDLE, content)


def forget(folder: Path, name: str, document: str) -> None:
    """Remove what an earlier run left: whoever ends this one finds nothing that could be taken for its own."""
    with _writing(folder / name):
        (folder / name / document).unlink(missing_ok=True)


def write_plan(folder: Path, plan: Plan) -> None:
    """Put a plan in place of what was there; raises as `write` does."""
    content = _content(plan, "the plan")
    place = folder / PLAN_FOLDER
    with _writing(place):
        _put(place / PLAN, content)


def _content(document: Document, whose: str) -> bytes:
    """The document's bytes, of which it is known that they will be read."""
    try:
        content = document.model_dump_json().encode() + b"\n"
        again = type(document).from_json(content, whose)
    except (StoreError, ValueError) as error:  # a number that is none, or half a surrogate pair
        raise InputError(f"what was found of {whose} cannot be handed on: {error}") from None
    if len(content) > MOST_BYTES:
        raise InputError(
            f"what was found of {whose} has {len(content):,} bytes; {MOST_BYTES:,} can be handed on",
            hint="Search with fewer trials, or read the report in .slipway/report where it was made.",
        )
    if again != document:
        raise InputError(f"what was found of {whose} is not the same after it was written")
    try:
        bounds.check_text(content, "it")
        bounds.check(again)
    except Rejected as error:
        raise InputError(f"what was found of {whose} cannot be handed on: {error.what}") from None
    return content


def _write_challenger(place: Path, challenger: Trained | None) -> None:
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    if challenger is not None:
        place.mkdir()
        _put(place / ONNX, challenger.onnx)
        _put(place / CARD, challenger.card.to_json())


def _put(file: Path, content: bytes) -> None:
    work = file.with_name(f".{file.name}.writing")
    work.write_bytes(content)
    work.replace(file)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutsideError(
            f"the bundle cannot be written: {error}", hint="Is there room on the disk, and may you write there?"
        ) from None
