"""`sync-registry`: MLflow's registered models, from Git alone."""

from __future__ import annotations

from slipway.adapters.main_branch import MainBranch
from slipway.errors import ExitCode
from slipway.mirror import Mirror
from slipway.screen import emit, emit_json
from slipway.workspace import Workspace


def sync(workspace: Workspace, *, as_json: bool) -> int:
    """Print what had to be changed; exit code 3 if the registry cannot be reached."""
    mirror, main = Mirror(workspace=workspace), MainBranch.of(workspace.git)
    mirror.start()
    try:
        tip = main.tip()
        main.deep(lambda: mirror.follow(tip, everything=True))
    finally:
        synced = mirror.close()
    if as_json:
        emit_json({"changes": list(synced.changes), "problem": synced.problem})
    elif not synced.problem:
        emit("\n".join(synced.changes) or "The registry says what main says.")
    return ExitCode.OUTSIDE_FAILED if synced.problem else ExitCode.DONE
