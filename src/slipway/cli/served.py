"""A model's image, and the model as it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slipway.cli.app import SERVED, app
from slipway.cli.options import HERE, Json, ModelName, Repo, StoreUrl, WholeKey, workspace_of
from slipway.errors import InputError


@app.command(rich_help_panel=SERVED)
def package(
    model: ModelName,
    key: WholeKey = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to.", show_default=".slipway/package/MODEL", file_okay=False),
    ] = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Write the S2I source folder of a model: its graph, its release record, and how it is started."""
    from slipway.commands import package as commands

    return commands.package(workspace_of(repo, store), model, key=key, out=out, as_json=as_json)


@app.command(rich_help_panel=SERVED)
def image(
    model: ModelName,
    key: WholeKey = None,
    builder: Annotated[
        str | None,
        typer.Option(
            "--builder",
            metavar="IMAGE",
            help="The S2I builder, as NAME@sha256:…: target `serving` of the Containerfile.",
            show_default="SLIPWAY_BUILDER",
        ),
    ] = None,
    push: Annotated[bool, typer.Option("--push/--no-push", help="Push the image and record its digest.")] = True,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Build a model's image on the S2I builder, push it, and record its digest; `release` does so by itself.

    With s2i, and buildah, podman or docker, whichever is there. The same key and builder give the same digest. Where no
    builder is named, the image is a folder that holds the model alone, which does for a rehearsal.
    """
    from slipway.commands import package as commands

    build = commands.image if push else commands.unpushed
    return build(workspace_of(repo, store), model, key=key, builder=builder, as_json=as_json)


@app.command(rich_help_panel=SERVED)
def serve(
    model: ModelName,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="The model of the working tree's key, which is under review.")
    ] = False,
    canary: Annotated[bool, typer.Option("--canary", help="The release that is on trial.")] = False,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="For HTTP; 0: a free one.")] = 9000,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Serve on this machine what `gitops/` says is live, with the server that its image has, until Ctrl-C.

    Prints a curl line that asks it. Nobody else on the network can reach it.
    """
    from slipway.commands.serve import Which, serve

    if challenger and canary:
        raise InputError("--challenger and --canary name two models", hint="Give one of them.")
    which = Which.CHALLENGER if challenger else Which.CANARY if canary else Which.LIVE
    return serve(workspace_of(repo, store), model, which=which, port=port, as_json=as_json)


@app.command(rich_help_panel=SERVED)
def verify(
    model: ModelName,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The endpoint, without /api/v1.0.", show_default=False)
    ],
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The release that is expected.",
            show_default="the canary's, else the live one's",
        ),
    ] = None,
    requests: Annotated[int, typer.Option("--requests", metavar="N", min=1, max=1_000_000, help="Of the load.")] = 300,
    clients: Annotated[int, typer.Option("--clients", metavar="N", min=1, max=256, help="That ask at once.")] = 4,
    max_p99: Annotated[
        float | None,
        typer.Option(
            "--max-p99",
            metavar="MS",
            min=0.001,
            help="What 99 of 100 answers may take.",
            show_default="[gate] max_p99_ms",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="URL", help="Prometheus metrics.", show_default="URL/metrics, where it is"),
    ] = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Ask an endpoint the golden requests of a release, under a small load: is it the model that was reviewed?

    Each answer must be the reviewed model's within the tolerance of its export, and carry its key; p99, broken
    answers and the server's own error counts are looked at. Exit code 0: verified; 1: not, with every reason.
    """
    from slipway.commands.verify import Wish, verify

    wish = Wish(url=url, key=key, requests=requests, clients=clients, max_p99_ms=max_p99, metrics=metrics)
    return verify(workspace_of(repo, store), model, wish, as_json=as_json)
