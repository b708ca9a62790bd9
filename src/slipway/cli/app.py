"""The program, and the panels of its help."""

from __future__ import annotations

import typer

PULL_REQUEST, MERGE, SERVED = "Pull request", "Merge and revert", "What is served"
ENGINES, STAGES, START = "What engines call", "Stages, one at a time", "Start"

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
`SLIPWAY_ENVIRONMENT` (one alone), `SLIPWAY_REGISTRY` and `SLIPWAY_BUILDER` (where images are pushed to, and what
they are built on), `SLIPWAY_LANDING` (push, or branch where main is protected), `SLIPWAY_PROMETHEUS` (what scrapes the
models, for `settle` and `watch`), `SLIPWAY_NAMESPACE` and `SLIPWAY_ENDPOINT` (where they are), `SLIPWAY_DATA_CACHE`,
and what boto3 reads for S3.
""",
)
