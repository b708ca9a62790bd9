"""What a pull request runs, whole and stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from slipway.adapters.git import WorkTree
from slipway.cli.app import PULL_REQUEST, STAGES, app
from slipway.cli.options import HERE, Base, Defer, Json, ModelName, Repo, StoreUrl, Trials, Workers, workspace_of
from slipway.errors import ExitCode
from slipway.screen import emit, emit_json
from slipway.workspace import Workspace


@app.command(rich_help_panel=PULL_REQUEST)
def run(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Models to run; none: those that the change affects.", show_default=False
        ),
    ] = None,
    base: Base = None,
    trials: Trials = None,
    workers: Workers = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Do what a pull request does: validate, tune, compare, report.

    What was done before for the same content key is not done again, so a second run takes a second. The
    report is written to `.slipway/report/MODEL/` as report.md (the comment) and report.html (everything).
    """
    from slipway.commands.review import review

    return review(workspace_of(repo, store), models or [], base=base, trials=trials, workers=workers, as_json=as_json)


@app.command(rich_help_panel=PULL_REQUEST)
def plan(base: Base = None, repo: Repo = HERE, as_json: Json = False) -> int:
    """Say which models the change affects and why; on main, what its history asks for.

    A change is the working tree against the commit at which it left the base. One that mixes a model's inputs with
    its `gitops/` is refused. On main each model is `none`, `release`, `restore`, `rollback`, `configure`, `retire` or
    `held`, with the commits that say so.
    """
    from slipway.commands.plan import show_plan

    return show_plan(workspace_of(repo, None), base=base, as_json=as_json)


@app.command(rich_help_panel=PULL_REQUEST)
def key(
    model: ModelName,
    at: Annotated[str | None, typer.Option("--at", metavar="COMMIT", help="Of a commit, from Git's objects.")] = None,
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Print the content key of a model: equal key, equal model, byte for byte.

    With `--json`, everything that the key is made of.
    """
    from slipway.key import key_inputs
    from slipway.spec import check_name

    workspace = workspace_of(repo, None)
    tree = workspace.git.commit(at) if at else WorkTree(root=workspace.settings.repo)
    inputs = key_inputs(tree, check_name(model))
    if as_json:
        emit_json({"model": model, "key": inputs.key, **inputs.to_dict()})
    else:
        emit(inputs.key)
    return ExitCode.DONE


@app.command(rich_help_panel=STAGES)
def validate(
    model: ModelName,
    base: Base = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    defer: Defer = False,
    as_json: Json = False,
) -> int:
    """Check the data against the model's expectations, and say what changed since the base."""
    from slipway.commands import review as commands

    workspace = workspace_of(repo, store)
    job = _Job(workspace=workspace, model=model, stage="validate", defer=defer)
    return job.run(lambda: commands.validate(workspace, model, base=base, as_json=as_json))


@app.command(rich_help_panel=STAGES)
def tune(
    model: ModelName,
    trials: Trials = None,
    workers: Workers = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    ray_job: Annotated[
        Path | None,
        typer.Option(
            "--ray-job",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Search in a cluster, as the KubeRay RayJob that FILE describes.",
        ),
    ] = None,
    ray_image: Annotated[str | None, typer.Option("--ray-image", metavar="IMAGE", help="Of the RayJob's pods.")] = None,
    ray_queue: Annotated[str | None, typer.Option("--ray-queue", metavar="NAME", help="Kueue's local queue.")] = None,
    defer: Defer = False,
    as_json: Json = False,
) -> int:
    """Search models and export the best one as ONNX. A search that was interrupted goes on where it was."""
    from slipway.commands import review as commands

    workspace = workspace_of(repo, store)
    asked = commands.Search(
        trials=trials, workers=workers, validated=defer, ray_job=ray_job, ray_image=ray_image, ray_queue=ray_queue
    )
    job = _Job(workspace=workspace, model=model, stage="tune", defer=defer, elsewhere=ray_job is not None)
    return job.run(lambda: commands.tune(workspace, model, asked, as_json=as_json))


@app.command(rich_help_panel=STAGES)
def compare(
    model: ModelName,
    base: Base = None,
    trials: Trials = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    defer: Defer = False,
    as_json: Json = False,
) -> int:
    """Score champion and challenger on the same holdout. Exit code 0 for promote, 1 for block or inconclusive."""
    from slipway.commands import review as commands

    workspace = workspace_of(repo, store)
    job = _Job(workspace=workspace, model=model, stage="compare", defer=defer)
    return job.run(lambda: commands.compare(workspace, model, base=base, trials=trials, as_json=as_json))


@app.command(rich_help_panel=STAGES)
def report(
    model: ModelName,
    base: Base = None,
    trials: Trials = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Write the report of what the other stages found."""
    from slipway.commands import review as commands

    return commands.report(workspace_of(repo, store), model, base=base, trials=trials, as_json=as_json)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """A stage alone; where it is deferred, a later job tells what it found, or why it found nothing."""

    workspace: Workspace
    model: str
    stage: str
    defer: bool
    elsewhere: bool = False

    def run(self, command: Callable[[], int]) -> int:
        from slipway.commands import undone
        from slipway.commands.ci import deferred

        def kept() -> int:
            with undone.kept(self.workspace, self.model, self.stage, elsewhere=self.elsewhere):
                return command()

        return deferred(kept, self.workspace.screen) if self.defer else command()
