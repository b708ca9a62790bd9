"""What closes the loop: what is on trial is settled, and what is live is watched."""

from __future__ import annotations

from typing import Annotated

import typer

from slipway.cli.app import SERVED, app
from slipway.cli.options import HERE, Json, Repo, StoreUrl, workspace_of
from slipway.watch import window
from slipway.watch.outcome import Until

Models = Annotated[
    list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models; none: all.", show_default=False)
]
Prometheus = Annotated[
    str | None,
    typer.Option("--prometheus", metavar="URL", help="What scrapes the models.", show_default="SLIPWAY_PROMETHEUS"),
]


@app.command(rich_help_panel=SERVED)
def settle(
    models: Models = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            metavar="URL",
            help="With {model}, {predictor}, {namespace}, {environment}.",
            show_default="the platform's own names",
        ),
    ] = None,
    prometheus: Prometheus = None,
    wait: Annotated[bool, typer.Option("--wait", help="Look again until every trial has ended.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be committed, and commit nothing.")
    ] = False,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Look at every release on trial, and commit what follows: the full traffic, or its revert.

    The canary is asked its golden requests, and compared with the default on live traffic. Right answers and enough of
    them: promoted. Wrong answers, more errors or slower ones: reverted, and the pull request that caused it is told
    why. Not enough to tell, or nobody there: it waits. Nothing but main is changed. Exit code 0: done, or waiting;
    1: something was reverted; 3: the cluster or Prometheus did not answer.
    """
    from slipway.commands.settle import Look, settle

    look = Look(endpoint=endpoint, prometheus=prometheus, wait=wait, dry_run=dry_run)
    return settle(workspace_of(repo, store), models or [], look, as_json=as_json)


@app.command(rich_help_panel=SERVED)
def watch(
    models: Models = None,
    prometheus: Prometheus = None,
    over: Annotated[
        str, typer.Option("--over", metavar="TIME", help="How much of the live traffic: 30m, 12h, 1d12h.")
    ] = window.DEFAULT,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be proposed, and propose nothing.")
    ] = False,
    until: Annotated[
        Until, typer.Option("--until", help="With `data`, newer data are fetched and kept, and not proposed yet.")
    ] = Until.PROPOSAL,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Compare what is live with what it was trained on, look for newer data, and propose them by one pull request.

    Features and predictions by their distributions, quality by the labels that came back, data by what the pointer's
    source holds now. The pull request updates the data pointer, says why, and goes the way of all others. Exit code
    0: nothing to do, or proposed; 1: something has drifted, and there are no newer data, which one issue tells until
    somebody closes it; 3: something did not answer.
    """
    from slipway.commands.watch import Look, watch

    look = Look(prometheus=prometheus, over=window.parse(over), until=Until.LOOK if dry_run else until)
    return watch(workspace_of(repo, store), models or [], look, as_json=as_json)
