"""What GitHub Actions and Tekton call: neither holds logic of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from slipway.cli.app import ENGINES, app
from slipway.cli.options import HERE, Base, Defer, Json, ModelName, Repo, StoreUrl, Workers, workspace_of
from slipway.errors import ExitCode, InputError
from slipway.outputs import Outputs
from slipway.screen import Screen, console, emit

ci = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""What GitHub Actions and Tekton call; the YAML holds no logic of its own.

    A pull request: `plan`, then `review` of each model, then `gate`: these run the pull request's code and have no
    secret. What they found travels as a *bundle*, a folder of JSON and ONNX. `running`, `report` and `keep` run main's
    code: they take the bundle as hostile, write the one comment and the check run, and keep the challenger.
    """,
)
app.add_typer(ci, name="ci", rich_help_panel=ENGINES)

Number = Annotated[
    int, typer.Option("--pull-request", metavar="N", min=1, help="The pull request's number.", show_default=False)
]
Head = Annotated[
    str, typer.Option("--head", metavar="SHA", help="The pull request's own newest commit.", show_default=False)
]
BundleFolder = Annotated[
    Path,
    typer.Option("--bundle", metavar="DIR", help="Where what was found is written to.", file_okay=False),
]
ModelsFile = Annotated[
    Path | None,
    typer.Option("--models", metavar="FILE", help="Write the models there, as a JSON array.", dir_okay=False),
]
Found = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="A folder of bundles, on an engine without artefacts.", show_default=False),
]
RunId = Annotated[
    int | None, typer.Option("--run", metavar="ID", min=1, help="The run of pull-request.yml, on GitHub.")
]
MaybeNumber = Annotated[
    int | None, typer.Option("--pull-request", metavar="N", min=1, help="The pull request that it has to be of.")
]
MaybeHead = Annotated[str, typer.Option("--head", metavar="SHA", help="Its newest commit.")]
Url = Annotated[str, typer.Option("--url", metavar="URL", help="Where the run can be looked at.")]


@ci.command("plan")
def ci_plan(
    number: Number, head: Head, bundle: BundleFolder, models: ModelsFile = None, base: Base = None, repo: Repo = HERE
) -> int:
    """Say which models a pull request affects, for the engine to review each; a refused change is told too."""
    from slipway.commands import ci as commands

    change = commands.Change.of(number, head)
    outputs = Outputs.of(os.environ, models=models)
    return commands.plan(workspace_of(repo, None), change, bundle, outputs, base=base)


@ci.command("review")
def ci_review(
    model: ModelName,
    number: Number,
    head: Head,
    bundle: BundleFolder,
    base: Base = None,
    workers: Workers = None,
    defer: Defer = False,
    repo: Repo = HERE,
    store: StoreUrl = None,
) -> int:
    """Run all the stages of one model, and write its bundle. What was done before is not done again.

    Exit code 0 for promote and for inconclusive, which ships nothing; 1 for block.
    """
    from slipway.commands import ci as commands

    change = commands.Change.of(number, head)
    outputs = Outputs.of(os.environ)
    workspace = workspace_of(repo, store)

    def review() -> int:
        return commands.review(workspace, model, change, bundle, outputs, base=base, workers=workers)

    return commands.deferred(review, workspace.screen) if defer else review()


@ci.command("gate")
def ci_gate(
    found: Annotated[Path, typer.Argument(metavar="DIR", help="The bundles.", show_default=False)],
    models: Annotated[
        str, typer.Option("--models", metavar="JSON", help="What `plan` said, as it said it.", show_default=False)
    ],
    number: MaybeNumber = None,
    head: MaybeHead = "",
) -> int:
    """Say whether a pull request may be merged, by the bundles of all the models that were planned.

    The one required check. A model that was planned and left no bundle is no pass, and neither is an empty plan.
    """
    from slipway.commands import ci as commands

    return commands.gate(found, models, commands.Change.of(number, head) if number else None)


@ci.command("running")
def ci_running(run: RunId = None, number: MaybeNumber = None, head: MaybeHead = "", url: Url = "") -> int:
    """Say in the pull request's comment that its pipeline runs."""
    from slipway.commands import forge as commands

    return commands.running(commands.asked(run, number, head, url, None))


@ci.command("report")
def ci_report(
    found: Found = None, run: RunId = None, number: MaybeNumber = None, head: MaybeHead = "", url: Url = ""
) -> int:
    """Write the comment and the check run of a pull request's run; what it left behind is taken as hostile.

    Results for an older commit are dropped. A comment that cannot be written is a warning, never the verdict.
    """
    from slipway.commands import forge as commands

    return commands.report(commands.asked(run, number, head, url, found))


@ci.command("keep")
def ci_keep(
    found: Found = None,
    run: RunId = None,
    number: MaybeNumber = None,
    head: MaybeHead = "",
    url: Url = "",
    repo: Repo = HERE,
    store: StoreUrl = None,
) -> int:
    """Take a pull request's challengers into the store, and its searches into MLflow.

    Only from the repository's own branches, and only if `[tool.slipway.reuse]` allows it. What a fork trained is noted:
    the merge trains it again, and says whether the bytes came out the same.
    """
    from slipway.commands import forge as commands

    return commands.keep(workspace_of(repo, store), commands.asked(run, number, head, url, found))


@ci.command("wanted")
def ci_wanted(models: ModelsFile = None, repo: Repo = HERE) -> int:
    """Say of which models main's history asks anything, for the engine to prepare each before `release`."""
    from slipway.commands import ci as commands

    return commands.wanted(workspace_of(repo, None), Outputs.of(os.environ, models=models))


@ci.command("champions")
def ci_champions(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The other store.", show_default=False)],
    repo: Repo = HERE,
    store: StoreUrl = None,
) -> int:
    """Copy the models that are live or on trial into another store: one that pull requests' jobs can read.

    Where that one has keys, region or endpoint of its own, `TO_AWS_ACCESS_KEY_ID` and the like say so.
    """
    from slipway.commands import ci as commands

    return commands.copy_champions(workspace_of(repo, store), to, os.environ)


@ci.command("start")
def ci_start(url: Annotated[str, typer.Argument(metavar="URL", help="Where it listens.", show_default=False)]) -> int:
    """Have Tekton's event listener start what it is there for, where that takes no event: a release, each day."""
    from slipway.adapters import listener

    emit(f"It took the event {listener.start(url)}.")
    return ExitCode.DONE


@ci.command("data")
def ci_data(
    checkout: Annotated[
        Path, typer.Argument(metavar="DIR", help="A checkout of the pull request.", show_default=False)
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Where to.", show_default="DIR/.slipway/data", file_okay=False),
    ] = None,
    repo: Repo = HERE,
) -> int:
    """Fetch what a pull request's pointers name, from main's remote, to where its jobs find it without credentials."""
    from slipway.commands import ci as commands

    return commands.fetch_data(workspace_of(repo, None), checkout, to)


@ci.command("propose")
def ci_propose(repo: Repo = HERE, as_json: Json = False) -> int:
    """Open a pull request for each commit that waits on a branch, and have it merge itself.

    For a protected main: `SLIPWAY_LANDING=branch slipway release` leaves such branches.
    """
    from slipway.commands import forge as commands

    return commands.propose(workspace_of(repo, None), as_json=as_json)


@ci.command("checkout")
def ci_checkout(
    url: Annotated[str, typer.Argument(metavar="URL", help="The repository.", show_default=False)],
    to: Annotated[Path, typer.Argument(metavar="DIR", help="Where to: a new or empty folder.", show_default=False)],
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="What to check out, such as refs/pull/7/merge.")
    ] = "",
    base: Annotated[str, typer.Option("--base", metavar="BRANCH", help="Fetched with all of its history.")] = "main",
    head: Annotated[
        Path | None,
        typer.Option("--head", metavar="FILE", help="Write the commit there that the run is about.", dir_okay=False),
    ] = None,
) -> int:
    """Clone a repository for a run, with main's history. For engines that have no checkout of their own.

    `GITHUB_TOKEN` is used where it is set, and not left behind in the folder. Of refs/pull/N/merge, the merge of the
    pull request's newest commit is waited for; the file of --head has that commit even where no merge comes of it.
    """
    from slipway.adapters.checkout import checkout

    if url.startswith("-") or ref.startswith("-") or base.startswith("-"):
        raise InputError("a URL, a ref or a branch cannot begin with a hyphen")
    outputs, screen = Outputs.of(os.environ, head=head), Screen(console=console())
    commit = checkout(
        url, to, ref=ref, base=base, environ=os.environ, pause=time.sleep, say=screen.say, about=outputs.head
    )
    outputs.head(commit)
    emit(commit)
    return ExitCode.DONE
