"""Arguments and options that several commands have, and what is made of them."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from slipway.adapters.git import Git
from slipway.adapters.store import open_store
from slipway.screen import Screen, console
from slipway.settings import Settings
from slipway.workspace import Workspace

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A folder of data/.", show_default=False)]
Repo = Annotated[
    Path,
    typer.Option("--repo", metavar="DIR", help="The repository.", show_default="here", file_okay=False, exists=True),
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="A folder or s3://bucket/prefix.", show_default=".slipway/store"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for programs.")]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="REF",
        help="What the change is compared with; its gitops/ says what is live.",
        show_default="origin/main or main",
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(
        "--trials", metavar="N", min=1, max=100_000, help="Trials to search, instead of the spec's: another key."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, help="Trials at a time; the result is the same.", show_default="cores"
    ),
]
WholeKey = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Of another model than the working tree's; its first digits do."),
]
Defer = Annotated[
    bool,
    typer.Option("--defer", help="Exit 0 though the verdict is no or the input is wrong: a later job tells it."),
]
HERE = Path()


def workspace_of(repo: Path, store: str | None) -> Workspace:
    """Everything that a command works with, made of the environment and checked."""
    settings = Settings.from_environ(os.environ, repo=repo, store=store)
    workspace = Workspace(
        settings=settings,
        git=Git(root=settings.repo),
        store=open_store(settings.store),
        screen=Screen(console=console()),
        now=partial(datetime.now, UTC),
        clock=time.monotonic,
    )
    workspace.check()
    return workspace
