"""`rebuild`: what is served, in images upon a new builder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.commands.release import Run, of_one
from slipway.errors import ExitCode, InputError
from slipway.release import signed as signed_images
from slipway.release.until import Until

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.outputs import Outputs
    from slipway.workspace import Workspace


def rebuild(
    workspace: Workspace,
    models: Sequence[str],
    *,
    as_json: bool,
    until: Until = Until.COMMIT,
    signed: Path | None = None,
    outputs: Outputs | None = None,
) -> int:
    """Build the images of what is live and on trial again where their builder is not the one of now, and commit them.

    Nothing is trained or judged; what is held is told, and is no failure. Until the image, everything is done but the
    commits: a job that may push images signs them, and one that may push to main finds them, and builds nothing.
    With `signed`, the folder of what was signed, that one lands no other image.
    """
    if signed is not None and until is not Until.COMMIT:
        raise InputError(
            f"--signed is of what is committed, and --until {until.value} commits nothing", hint="Drop one."
        )
    run = Run(
        workspace=workspace,
        environments=workspace.settings.through,
        until=until,
        signed=signed_images.read(signed) if signed else None,
        as_json=as_json,
        outputs=outputs,
        is_of_one=of_one(models, outputs),
        idle="Nothing to do: what is served is built upon this builder.",
    )
    return run.tell(lambda one: one.rebuild(models), lambda step: step.exit_code or ExitCode.DONE)
