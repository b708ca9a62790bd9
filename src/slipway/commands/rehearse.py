"""`rehearse`: each scene as it is played, a table of what it took, and the log that it left."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway import spec
from slipway.commands.release import images
from slipway.errors import ExitCode, InputError
from slipway.rehearsal import rows, rules, scraper, spec_text
from slipway.rehearsal.bucket import Bucket, bucket
from slipway.rehearsal.cluster import Cluster, cluster
from slipway.rehearsal.sandbox import Sandbox
from slipway.rehearsal.story import Scene, Story
from slipway.screen import emit, emit_json, emit_table
from slipway.settings import LOCAL, Settings
from slipway.spec import check_name, spec_path

if TYPE_CHECKING:
    from slipway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is played, and what is played there."""

    model: str
    text: str
    """The user's own `model.toml`."""
    data: Path
    """The user's own, fetched if they are kept elsewhere."""
    sandbox: Sandbox
    settings: Settings
    """The sandbox's."""


def rehearse(workspace: Workspace, model: str, *, as_json: bool) -> int:
    """Play every scene; the first that goes another way ends it with an error."""
    place = _place(workspace, model)
    story = Story(
        sandbox=place.sandbox,
        model=model,
        environment=place.settings.environment,
        original=place.text,
        images=images(place.settings),
        say=lambda line: workspace.screen.say(f"   {line}"),
    )
    return _play(workspace, place, story, as_json=as_json)


def rehearse_fully(workspace: Workspace, model: str, *, as_json: bool) -> int:
    """Play every scene of the longer story, with a cluster that ends with it; errors as `rehearse`."""
    from slipway.rehearsal.full import WINDOW, FullStory

    scraper.find()
    place = _place(workspace, model)
    prometheus = place.sandbox.root / "prometheus"
    shutil.rmtree(prometheus, ignore_errors=True)
    own_rules = rules.of(workspace.settings.repo, day=int(WINDOW.total_seconds()))
    with (
        bucket(place.sandbox.root / "source") as source,
        cluster(
            place.sandbox.root / "remote.git",
            model,
            images(place.settings),
            prometheus,
            environments=(place.settings.environment,),
            namespace=place.settings.namespace,
            rules=own_rules,
        ) as running,
    ):
        text = spec_text.hurried(place.text)
        parsed = spec.parse(text.encode(), str(spec_path(model)))
        story = FullStory(
            sandbox=_told(place.sandbox, running, source),
            model=model,
            environment=place.settings.environment,
            original=text,
            images=images(place.settings),
            say=lambda line: workspace.screen.say(f"   {line}"),
            cluster=running,
            source=source,
            rows=rows.rows(place.data, parsed),
            yesterday=rows.yesterdays(place.data, parsed),
            newest=place.data.read_bytes(),
            alerts=rules.about_drift(own_rules),
        )
        return _play(workspace, place, story, as_json=as_json)


def _place(workspace: Workspace, model: str) -> Place:
    repo = workspace.settings.repo
    path = repo / str(spec_path(check_name(model)))
    if not path.is_file():
        raise InputError(f"there is no model {model!r} to rehearse", hint="Name a folder of data/.")
    data = workspace.model(model).fetched()
    sandbox = Sandbox.make(repo, model, LOCAL / "rehearsal", os.environ)
    if sandbox.kept:
        kept = sandbox.kept.relative_to(repo)
        workspace.screen.say(f"You worked in the sandbox since: that clone is in {kept} now.")
    own = Settings.from_environ(sandbox.environ, repo=sandbox.clone)
    return Place(model=model, text=path.read_text(encoding="utf-8"), data=data, sandbox=sandbox, settings=own)


def _told(sandbox: Sandbox, running: Cluster, source: Bucket) -> Sandbox:
    """The sandbox whose commands know where the cluster is, as those in a cluster do."""
    known = {"SLIPWAY_PROMETHEUS": running.scraper.url, "SLIPWAY_ENDPOINT": running.endpoint}
    return replace(sandbox, environ={**sandbox.environ, **known, **source.environ})


def _play(workspace: Workspace, place: Place, story: Story, *, as_json: bool) -> int:
    say, sandbox = workspace.screen.say, place.sandbox
    took = [_played(workspace, number, scene) for number, scene in enumerate(story.scenes(), start=1)]
    sandbox.leave()
    log = sandbox.git("log", "--first-parent", "--format=%h %an: %s", "main").splitlines()
    total = sum(one["seconds"] for one in took)
    if as_json:
        emit_json({"model": place.model, "scenes": took, "seconds": total, "log": log})
        return ExitCode.DONE
    emit_table(
        ("", "scene", "what came of it", "seconds"),
        [(str(n), str(one["title"]), str(one["outcome"]), f"{one['seconds']:.1f}") for n, one in enumerate(took, 1)],
    )
    emit("\n".join(["", "git log --first-parent main", *log]))
    say(f"All of it took {total:.0f} s. Look around, or go on, with the sandbox's own store and MLflow:")
    places = " ".join(f"{name}={sandbox.environ[name]}" for name in ("SLIPWAY_STORE", "MLFLOW_TRACKING_URI"))
    say(f"  cd {sandbox.shown / 'clone'}\n  export {places}\n  export PATH={Path(sys.executable).parent}:$PATH")
    return ExitCode.DONE


def _played(workspace: Workspace, number: int, scene: Scene) -> dict[str, Any]:
    workspace.screen.say(f"{number}. {scene.title}")
    began = workspace.clock()
    outcome = scene.play()
    seconds = workspace.clock() - began
    workspace.screen.say(f"   → {outcome}, {seconds:.1f} s\n")
    return {"title": scene.title, "outcome": outcome, "seconds": seconds}
