"""Data that are kept in S3, with a pointer in Git."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slipway.cli.options import HERE, Json, ModelName, Repo, workspace_of
from slipway.cli.start import data_app as data


@data.command()
def push(
    model: ModelName,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="New data.", show_default="the model's data file", dir_okay=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="URL", help="s3://… that `slipway watch` looks at for newer data."),
    ] = None,
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Move a model's data to the DVC remote of this repository, and leave a pointer to be committed.

    `.dvc/config` names the remote, as `dvc remote add -d` writes it. Git ignores the file itself then; `dvc pull`
    gets it as well. What is there already is not sent again.
    """
    from slipway.commands import data as commands

    return commands.push(workspace_of(repo, None), model, file, source=source, as_json=as_json)


@data.command()
def pull(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models; none: all.", show_default=False)
    ] = None,
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Fetch the data that pointers name, checked by checksum, once per machine; the stages do so by themselves."""
    from slipway.commands import data as commands

    return commands.pull(workspace_of(repo, None), models or [], as_json=as_json)
