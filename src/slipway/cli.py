"""The command line: arguments in, an exit code out. Effects are made here and handed on."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from slipway.adapters.git import Git, WorkTree
from slipway.adapters.store import open_store
from slipway.errors import ExitCode, InputError, SlipwayError
from slipway.screen import Screen, console, emit, emit_json, plain
from slipway.settings import Settings
from slipway.workspace import Workspace

app = typer.Typer(
    name="slipway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""**A pull request is a model release.** Open one, merge it, revert it: there is nothing else to learn.

A model is a folder, `data/MODEL/`: its data, what is expected of them, and `model.toml`, which says what to
learn, how to search, what it takes to ship and how to serve. `slipway run` does here what a pull request
does in CI: it validates the data, searches models, compares the best with the one that is live, and writes
the report that a reviewer reads.

**Exit codes:** 0 done (or promote) · 1 the verdict is no · 2 the input is wrong · 3 something outside
failed · 130 interrupted. Every command can be interrupted and run again.

**Environment:** `SLIPWAY_STORE` (a folder or s3://bucket/prefix), `MLFLOW_TRACKING_URI`, `RAY_ADDRESS`,
`SLIPWAY_ENVIRONMENT` (production), `SLIPWAY_REGISTRY` and `SLIPWAY_BUILDER` (where images are pushed to, and what
they are built on), `SLIPWAY_LANDING` (push, or branch where main is protected), and what boto3 reads for S3.
""",
)
data_app = typer.Typer(no_args_is_help=True, help="Make sample data.")
app.add_typer(data_app, name="data", rich_help_panel="Start")

PULL_REQUEST, MERGE, SERVED = "Pull request", "Merge and revert", "What is served"
STAGES, START = "Stages, one at a time", "Start"

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
    typer.Option("--key", metavar="KEY", help="Of another model than the working tree's, all 64 digits."),
]
HERE = Path()


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

    return review(_workspace(repo, store), models or [], base=base, trials=trials, workers=workers, as_json=as_json)


@app.command(rich_help_panel=PULL_REQUEST)
def plan(base: Base = None, repo: Repo = HERE, as_json: Json = False) -> int:
    """Say which models the change affects and why; on main, what its history asks for.

    A change is the working tree against the commit at which it left the base. One that mixes a model's inputs with
    its `gitops/` is refused. On main each model is `none`, `release`, `restore`, `rollback`, `configure`, `retire` or
    `held`, with the commits that say so.
    """
    from slipway.commands.plan import show_plan

    return show_plan(_workspace(repo, None), base=base, as_json=as_json)


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

    workspace = _workspace(repo, None)
    tree = workspace.git.commit(at) if at else WorkTree(root=workspace.settings.repo)
    inputs = key_inputs(tree, check_name(model))
    if as_json:
        emit_json({"model": model, "key": inputs.key, **inputs.to_dict()})
    else:
        emit(inputs.key)
    return ExitCode.DONE


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
    as_json: Json = False,
) -> int:
    """Do what a merge does: bring main to what its history asks for.

    A key that was reviewed is released without training. One that is new to the store is trained first. A released
    key that came back by a revert is restored at once. A release that somebody reverted is held. Each is a commit
    of `gitops/` on main, or, with `SLIPWAY_LANDING=branch`, on a branch of its own for a pull request.
    """
    from slipway.commands import release as commands

    return commands.release(_workspace(repo, store), models or [], workers=workers, as_json=as_json)


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
    """Give the canary on trial the full traffic: one more commit on main.

    Refused where another key is on trial than the one named, or where main asks for something else by now.
    """
    from slipway.commands import release as commands

    return commands.promote(_workspace(repo, store), model, key=key, as_json=as_json)


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

    return commands.status(_workspace(repo, None), models or [], as_json=as_json)


@app.command(rich_help_panel=MERGE)
def history(model: ModelName, repo: Repo = HERE, as_json: Json = False) -> int:
    """List every commit that changed what is served of a model, and the command that takes the newest back."""
    from slipway.commands import status as commands

    return commands.history(_workspace(repo, None), model, as_json=as_json)


@app.command("sync-registry", rich_help_panel=MERGE)
def sync_registry(repo: Repo = HERE, as_json: Json = False) -> int:
    """Have MLflow's registered models say what main's gitops/ says, whatever they say now."""
    from slipway.commands.registry import sync

    return sync(_workspace(repo, None), as_json=as_json)


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

    return commands.package(_workspace(repo, store), model, key=key, out=out, as_json=as_json)


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
    return build(_workspace(repo, store), model, key=key, builder=builder, as_json=as_json)


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
    return serve(_workspace(repo, store), model, which=which, port=port, as_json=as_json)


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
    return verify(_workspace(repo, store), model, wish, as_json=as_json)


@app.command(rich_help_panel=START)
def rehearse(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="A folder of data/.")] = "iris",
    repo: Repo = HERE,
    as_json: Json = False,
) -> int:
    """Play the whole life of a model in a sandbox: open, merge, serve, revert, restore.

    In `.slipway/rehearsal/`, with a Git remote, a store and an MLflow database of its own: nothing else is touched.
    Begins with a small search, so that your own model.toml is what the pull request brings.
    """
    from slipway.commands.rehearse import rehearse

    return rehearse(_workspace(repo, None), model, as_json=as_json)


@app.command(rich_help_panel=STAGES)
def validate(
    model: ModelName, base: Base = None, repo: Repo = HERE, store: StoreUrl = None, as_json: Json = False
) -> int:
    """Check the data against the model's expectations, and say what changed since the base."""
    from slipway.commands import review as commands

    return commands.validate(_workspace(repo, store), model, base=base, as_json=as_json)


@app.command(rich_help_panel=STAGES)
def tune(
    model: ModelName,
    trials: Trials = None,
    workers: Workers = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Search models and export the best one as ONNX. A search that was interrupted goes on where it was."""
    from slipway.commands import review as commands

    return commands.tune(_workspace(repo, store), model, trials=trials, workers=workers, as_json=as_json)


@app.command(rich_help_panel=STAGES)
def compare(
    model: ModelName,
    base: Base = None,
    trials: Trials = None,
    repo: Repo = HERE,
    store: StoreUrl = None,
    as_json: Json = False,
) -> int:
    """Score champion and challenger on the same holdout. Exit code 0 for promote, 1 for block or inconclusive."""
    from slipway.commands import review as commands

    return commands.compare(_workspace(repo, store), model, base=base, trials=trials, as_json=as_json)


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

    return commands.report(_workspace(repo, store), model, base=base, trials=trials, as_json=as_json)


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


def _workspace(repo: Path, store: str | None) -> Workspace:
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


def calculate_as_everywhere() -> None:
    """Keep NumPy, which is not imported yet, from instructions that only some processors have.

    With them its logarithms differ in the last digit, the search takes another turn, and equal keys give other
    bytes. Ray's workers inherit it.
    """
    features = " ".join(f"AVX512{name}" for name in ("F", "CD", "_SKX", "_CLX", "_CNL", "_ICL", "_SPR"))
    os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", features)


def tell_nobody() -> None:
    """Keep onnxruntime, which is not imported yet, from telling its maker about each session."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and leave with its exit code. What a user can mend is said in one message, without a traceback."""
    calculate_as_everywhere()
    tell_nobody()
    command = typer.main.get_command(app)
    sys.exit(guarded(lambda: command.main(arguments, prog_name="slipway", standalone_mode=False)))


def guarded(command: Callable[[], Any]) -> int:
    """The exit code of a command, whichever way it ends."""
    try:
        code = int(command() or 0)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  the last resort
        return _explain(error)
    return _explain(KeyboardInterrupt()) if code == ExitCode.INTERRUPTED else code  # the parser catches an interrupt


def _explain(error: BaseException) -> int:
    """Say what is wrong, in one message; the exit code that goes with it."""
    match error:
        case typer.Exit():
            return error.exit_code
        case SlipwayError():
            _complain(str(error))
            return error.exit_code
        case KeyboardInterrupt() | typer.Abort():
            _complain("interrupted; the same command goes on where it was")
            return ExitCode.INTERRUPTED
        case typer.TyperException():  # what the parser makes of a slip of the pen
            getattr(error, "show", lambda: _complain(str(error)))()
            return ExitCode.BAD_INPUT
        case _:
            traceback.print_exception(error)
            _complain("this is a fault of slipway itself; nothing was decided. Please report it with the lines above")
            return ExitCode.OUTSIDE_FAILED


def _complain(message: str) -> None:
    sys.stderr.write(f"slipway: {plain(message)}\n")
