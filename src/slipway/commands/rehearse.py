"""`rehearse`: each scene as it is played, a table of what it took, and the log that it left."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.commands.release import images
from slipway.errors import ExitCode, InputError
from slipway.rehearsal.sandbox import Sandbox
from slipway.rehearsal.story import Scene, Story
from slipway.screen import emit, emit_json, emit_table
from slipway.settings import LOCAL, Settings
from slipway.spec import check_name, spec_path

if TYPE_CHECKING:
    from slipway.workspace import Workspace


def rehearse(workspace: Workspace, model: str, *, as_json: bool) -> int:
    """Play every scene; the first that goes another way ends it with an error."""
    repo = workspace.settings.repo
    path = repo / str(spec_path(check_name(model)))
    if not path.is_file():
        raise InputError(f"there is no model {model!r} to rehearse", hint="Name a folder of data/.")
    sandbox = Sandbox.make(repo, model, LOCAL / "rehearsal", os.environ)
    own = Settings.from_environ(sandbox.environ, repo=sandbox.clone)
    say = workspace.screen.say
    if sandbox.kept:
        say(f"You worked in the sandbox since: that clone is in {sandbox.kept.relative_to(repo)} now.")
    story = Story(
        sandbox=sandbox,
        model=model,
        environment=own.environment,
        original=path.read_text(encoding="utf-8"),
        images=images(own),
        say=lambda line: say(f"   {line}"),
    )
    took = [_played(workspace, number, scene) for number, scene in enumerate(story.scenes(), start=1)]
    sandbox.leave()
    log = sandbox.git("log", "--first-parent", "--format=%h %an: %s", "main").splitlines()
    total = sum(one["seconds"] for one in took)
    if as_json:
        emit_json({"model": model, "scenes": took, "seconds": total, "log": log})
        return ExitCode.DONE
    emit_table(
        ("", "scene", "what came of it", "seconds"),
        [(str(n), str(one["title"]), str(one["outcome"]), f"{one['seconds']:.1f}") for n, one in enumerate(took, 1)],
    )
    emit("\n".join(["", "git log --first-parent main", *log]))
    say(f"All of it took {total:.0f} s. Look around, or go on, with the sandbox's own store and MLflow:")
    places = " ".join(f"{name}={sandbox.environ[name]}" for name in ("SLIPWAY_STORE", "MLFLOW_TRACKING_URI"))
    say(f"  cd {sandbox.shown / 'clone'}; export PATH={Path(sys.executable).parent}:$PATH {places}")
    return ExitCode.DONE


def _played(workspace: Workspace, number: int, scene: Scene) -> dict[str, Any]:
    workspace.screen.say(f"{number}. {scene.title}")
    began = workspace.clock()
    outcome = scene.play()
    seconds = workspace.clock() - began
    workspace.screen.say(f"   → {outcome}, {seconds:.1f} s\n")
    return {"title": scene.title, "outcome": outcome, "seconds": seconds}
