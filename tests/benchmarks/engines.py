"""What a pull request's and a merge's jobs cost on an engine, besides the machine's own start."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from slipway.adapters.git import Git
from tests.benchmarks.measure import Figure, Measured, repository, slipway
from tests.github_server import FakeGitHub, archive


def measure(console: Console) -> Iterator[Figure]:
    """On iris: the jobs of a pull request, one after the other, and the same as Tekton splits them."""
    console.rule("engines")
    with repository("iris") as whole, repository("iris") as split, tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder)
        for place in (whole, split):
            _change(place)
        head = Git(root=whole).run("rev-parse", "HEAD")
        change = ("--pull-request", "1", "--head", head, "--bundle", folder)
        plan = slipway("ci", "plan", *change, "--repo", whole)
        review = slipway("ci", "review", "iris", *change, "--repo", whole)
        again = slipway("ci", "review", "iris", *change, "--repo", whole)
        gate = slipway("ci", "gate", folder, "--models", '["iris"]')
        yield Figure(
            name="a pull request's jobs: plan, review, gate",
            value=f"{plan.seconds:.1f} s, {review.seconds:.1f} s, {gate.seconds:.1f} s",
            against=f"a review of what was reviewed: {again.seconds:.1f} s",
        )
        yield _split(split, change, review)
        yield _told(bundle, head)


def _change(place: Path) -> None:
    """What the pull request brings."""
    spec = place / "data/iris/model.toml"
    spec.write_text(spec.read_text().replace("trials = 48", "trials = 47"))


def _split(place: Path, change: tuple[str, ...], review: Measured) -> Figure:
    """A task for each stage, each a program that starts anew."""
    steps = [("validate", "iris", "--defer"), ("tune", "iris", "--defer"), ("compare", "iris", "--defer")]
    took = [slipway(*step, "--repo", place).seconds for step in steps]
    took.append(slipway("ci", "review", "iris", *change, "--defer", "--repo", place).seconds)
    return Figure(
        name="the same as four tasks",
        value=f"{sum(took):.1f} s, {sum(took) / review.seconds:.2f} times",
        against=" + ".join(f"{seconds:.1f}" for seconds in took),
    )


def _told(bundle: Path, head: str) -> Figure:
    """The trusted job: what it downloads, checks, renders and says."""
    with FakeGitHub.serve() as github:
        pull = github.state.open_pull(head=head)
        content = (bundle / "iris" / "bundle.json").read_bytes()
        run = github.state.add_run(
            pull,
            {
                "slipway-plan": archive({"plan.json": (bundle / "plan" / "plan.json").read_bytes()}),
                "slipway-model-iris": archive({"bundle.json": content}),
            },
        )
        begun = slipway("ci", "running", "--run", str(run.id), environ=github.environ())
        told = slipway("ci", "report", "--run", str(run.id), environ=github.environ())
        (comment,) = github.state.said(pull)
        return Figure(
            name="the comment: running, report",
            value=f"{begun.seconds:.1f} s, {told.seconds:.1f} s",
            against=f"{len(github.requests)} requests; {len(content) // 1000} kB read, {len(comment.body):,} written",
        )
