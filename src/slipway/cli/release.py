"""What a merge runs, and what main's history says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from slipway.cli.app import MERGE, app
from slipway.cli.options import HERE, Json, ModelName, Repo, StoreUrl, Workers, workspace_of
from slipway.outputs import Outputs
from slipway.release.until import Since, Until

ImageUrl = Annotated[
    Path | None, typer.Option("--image-url", metavar="FILE", help="Write the one image's name there.", dir_okay=False)
]
ImageDigest = Annotated[
    Path | None, typer.Option("--image-digest", metavar="FILE", help="And its digest there.", dir_okay=False)
]
Signed = Annotated[
    Path | None,
    typer.Option(
        "--signed",
        metavar="DIR",
        help="Commit no new image but those that the files there name, one a line: what this run signed.",
    ),
]


@app.command(rich_help_panel=MERGE)
def release(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Models; none: all that main's history asks for.", show_default=False
        ),
    ] = None,
    workers: Workers = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    until: Annotated[
        Until, typer.Option("--until", help="Stop after the verdict, or after the image: commit nothing.")
    ] = Until.COMMIT,
    since: Annotated[
        Since, typer.Option("--from", help="With `image`, train and build nothing: commit what has its image.")
    ] = Since.START,
    signed: Signed = None,
    image_url: ImageUrl = None,
    image_digest: ImageDigest = None,
    as_json: Json = False,
) -> int:
    """Do what a merge does: bring main to what its history asks for, in each environment in turn.

    A key that was reviewed is released without training. One that is new to the store is trained first. A released
    key that came back by a revert is restored at once. A release that somebody reverted is held. Each is a commit
    of `gitops/` on main, or, with `SLIPWAY_LANDING=branch`, on a branch of its own for a pull request. A later
    environment takes what was verified in the one before; nothing is judged or built for it.
    """
    from slipway.commands import release as commands

    outputs = Outputs.of(os.environ, image_url=image_url, image_digest=image_digest)
    return commands.release(
        workspace_of(repo, store),
        models or [],
        workers=workers,
        as_json=as_json,
        until=until,
        since=since,
        signed=signed,
        outputs=outputs,
    )


@app.command(rich_help_panel=MERGE)
def rebuild(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models; none: all.", show_default=False)
    ] = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    until: Annotated[
        Literal["image", "commit"], typer.Option("--until", help="Stop after the images: commit nothing.")
    ] = "commit",
    signed: Signed = None,
    image_url: ImageUrl = None,
    image_digest: ImageDigest = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="FILE", help="Write all the images there, for Tekton Chains.", dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> int:
    """Build the images of what is live again, where the builder is a new one, and commit their digests.

    For a security fix in the builder's base. Nothing is trained or judged: the models are the same bytes.
    """
    from slipway.commands import rebuild as commands

    outputs = Outputs.of(os.environ, image_url=image_url, image_digest=image_digest, images=images)
    return commands.rebuild(
        workspace_of(repo, store), models or [], as_json=as_json, until=Until(until), signed=signed, outputs=outputs
    )


@app.command(rich_help_panel=MERGE)
def promote(
    model: ModelName,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Promote this key only; its first digits do.")
    ] = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Give the canary on trial the full traffic, wherever it is on trial: one more commit on main.

    Where another environment follows, it counts as verified, and goes on to that one. Refused where another key is on
    trial than the one named, or where main asks for something else by now.
    """
    from slipway.commands import release as commands

    return commands.promote(workspace_of(repo, store), model, key=key, as_json=as_json)


@app.command(rich_help_panel=MERGE)
def status(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models; none: all.", show_default=False)
    ] = None,
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Say what is live, on trial, held or wanted, since which commit and with which metrics, per environment.

    Reads main as this clone knows it: `git fetch` first to see what others did.
    """
    from slipway.commands import status as commands

    return commands.status(workspace_of(repo, None), models or [], as_json=as_json)


@app.command(rich_help_panel=MERGE)
def history(model: ModelName, repo: Repo = HERE, as_json: Json = False) -> int:
    """List every commit that changed what is served of a model, and the command that takes the newest back."""
    from slipway.commands import status as commands

    return commands.history(workspace_of(repo, None), model, as_json=as_json)


@app.command("sync-registry", rich_help_panel=MERGE)
def sync_registry(repo: Repo = HERE, as_json: Json = False) -> int:
    """Have MLflow's registered models say what main's gitops/ says, whatever they say now."""
    from slipway.commands.registry import sync

    return sync(workspace_of(repo, None), as_json=as_json)
