"""How one begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from slipway.cli.app import START, app
from slipway.cli.options import HERE, Json, ModelName, Repo, StoreUrl, workspace_of
from slipway.errors import ExitCode, InputError
from slipway.screen import emit, emit_json
from slipway.settings import Settings

data_app = typer.Typer(
    no_args_is_help=True, help="Data beyond Git: in S3 or a folder, in DVC's layout, with a `.dvc` pointer in Git."
)
app.add_typer(data_app, name="data", rich_help_panel="Start")


@app.command(rich_help_panel=START)
def rehearse(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="A folder of data/.")] = "iris",
    full: Annotated[
        bool, typer.Option("--full", help="With a cluster and its Prometheus: canaries settled, drift watched.")
    ] = False,
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Play the whole life of a model in a sandbox: open, merge, serve, revert, restore.

    In `.slipway/rehearsal/`, with a Git remote, a store and an MLflow database of its own: nothing else is touched.
    It starts over each time; a clone that you worked in since is set aside.
    Begins with a small search, so that your own model.toml is what the pull request brings.

    With `--full` this machine plays the cluster as well, with the real server of each release and a real Prometheus,
    which has to be installed: a canary is promoted by what it does, another one answers wrongly and is reverted, what
    clients ask drifts, and a pull request brings newer data.
    """
    from slipway.commands import rehearse as commands

    play = commands.rehearse_fully if full else commands.rehearse
    return play(workspace_of(repo, None), model, as_json=as_json)


@app.command(rich_help_panel=START)
def new(
    model: ModelName,
    source: Annotated[Path, typer.Option("--from", metavar="FILE", help="A CSV or Parquet file.", show_default=False)],
    target: Annotated[
        str, typer.Option("--target", metavar="COLUMN", help="The column to predict.", show_default=False)
    ],
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Begin a model from a data file: a commented model.toml and an expectation suite that fits the data."""
    from slipway.stages import new as stage

    settings = Settings.from_environ(os.environ, repo=repo)
    written = [str(path.relative_to(settings.repo)) for path in stage.run(settings.repo, model, source, target)]
    if as_json:
        emit_json({"model": model, "files": written})
    else:
        emit("\n".join([*written, f"Read them, then: slipway run {model}"]))
    return ExitCode.DONE


@app.command(rich_help_panel=START)
def doctor(repo: Repo = HERE, store: StoreUrl = None, as_json: Json = False) -> int:
    """Say what this machine, the repository and GitHub still lack, and how to set each.

    Changes nothing, and works without a network or a token: what it cannot look at it says so of.
    """
    from slipway.commands.doctor import doctor

    return doctor(workspace_of(repo, store), os.environ, as_json=as_json)


@app.command(rich_help_panel=START)
def schema(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is current.")] = False,
    repo: Repo = HERE,
) -> int:
    """Write the JSON Schema of model.toml to data/model.schema.json, for editors."""
    from slipway.spec import json_schema

    file = repo / "data" / "model.schema.json"
    content = json_schema()
    current = file.is_file() and file.read_text(encoding="utf-8") == content
    if check and not current:
        raise InputError(f"{file} is not current", hint="Write it: slipway schema")
    if not current:
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    emit(str(file))
    return ExitCode.DONE


@data_app.command("make")
def data_make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="iris, diabetes or fraud.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where to write it.", show_default=False)],
    rows: Annotated[int | None, typer.Option("--rows", metavar="N", min=1, help="Rows, for fraud.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Equal seeds give equal data.")] = 0,
) -> int:
    """Write the data of a sample model, of any size: the committed ones are made this way."""
    from slipway.stages import samples

    emit(str(samples.make(name, to, rows, seed)))
    return ExitCode.DONE
