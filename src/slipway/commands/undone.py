"""Why a stage left its work undone, kept for the job that tells it: on Tekton each stage of a pull request is a pod.

A pod that is killed says nothing afterwards, so what is kept before a stage begins is that it was ended. It lies in
the run's own copy of the repository, and decides nothing: a stage whose work is found done is asked no further.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from slipway.errors import InputError, SlipwayError, StoreError
from slipway.results import Document
from slipway.spec import check_name

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.workspace import Workspace

STAGES = ("validate", "tune", "compare")
"""In their order: what the first of them left undone is why the others could do nothing."""
_ENDED = (
    "The job of `{stage}` was ended before its work was done, and said nothing: perhaps it ran out of memory or of "
    "time, or its machine went away.\n  See the job's log and state; then run it again."
)


class Undone(Document):
    """A stage of one model that did not do its work."""

    stage: str
    why: Annotated[str, Field(min_length=1)]
    elsewhere: bool = False
    """Whether it was asked of a cluster: nobody does it again on a machine of his own."""


@contextmanager
def kept(workspace: Workspace, model: str, stage: str, *, elsewhere: bool = False) -> Iterator[None]:
    """Keep why a stage ends before its work is done; forget it where the stage ends well, or the change is at fault.

    A fault of the change is found again by whoever looks; one of what a cluster was asked is not.
    """
    place = _folder(workspace, model) / f"{stage}.json"
    _write(place, Undone(stage=stage, why=_ENDED.format(stage=stage), elsewhere=elsewhere))
    try:
        yield
    except SlipwayError as error:
        if isinstance(error, InputError) and not elsewhere:
            _forget(place)
        else:
            _write(place, Undone(stage=stage, why=str(error), elsewhere=elsewhere))
        raise
    _forget(place)


def first(workspace: Workspace, model: str) -> Undone | None:
    """The first of a model's stages that left its work undone in a job of its own; None where all ended well."""
    for stage in STAGES:
        place = _folder(workspace, model) / f"{stage}.json"
        with suppress(OSError, StoreError):  # none is there, or none that this version wrote
            return Undone.from_json(place.read_bytes(), place.name)
    return None


def _folder(workspace: Workspace, model: str) -> Path:
    return workspace.settings.local / "undone" / check_name(model)


def _write(place: Path, undone: Undone) -> None:
    with suppress(OSError, ValueError):  # the stage itself says what is wrong with the disk
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(undone.to_json())


def _forget(place: Path) -> None:
    with suppress(OSError):
        place.unlink(missing_ok=True)
