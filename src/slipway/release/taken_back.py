"""Releases that were taken back lately, as main tells it: whoever was not told yet can still be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.adapters.own_git import ENVIRONMENT, KEY, MODEL
from slipway.errors import InputError
from slipway.plan import history
from slipway.plan.acts import releases
from slipway.release.trials import origin

if TYPE_CHECKING:
    from slipway.adapters.git import Git
    from slipway.adapters.main_branch import MainBranch
    from slipway.delivery.manifest import Release
    from slipway.plan.past import Repository
    from slipway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Reverted:
    """A release, and the commit of slipway's that took it back."""

    model: str
    environment: str
    key: str
    commit: str
    origin: str
    """The commit of the inputs that asked for the release."""
    reasons: tuple[str, ...]


def lately(workspace: Workspace, main: MainBranch, since: datetime, names: Sequence[str] = ()) -> list[Reverted]:
    """Those of these models, or of all, that main has since then; of a release that came back, the last time alone.

    Where there are none, only the newest commits are looked at. A release that main cannot tell is left out.
    """
    git, tip = workspace.git, main.known()
    last: dict[tuple[str, ...], str] = {}
    for commit, said in _named(git, tip, since):
        last.setdefault(said, commit)
    asked = [(commit, *said) for said, commit in last.items() if not names or said[0] in names]
    return main.deep(lambda: [one for each in asked if (one := _reverted(workspace, tip, *each))])


def _reverted(workspace: Workspace, tip: str, commit: str, model: str, key: str, environment: str) -> Reverted | None:
    git, settings = workspace.git, replace(workspace.settings, environment=environment)
    if environment not in workspace.settings.through:
        return None
    with history.read(git, tip, environment, settings.earlier) as repository:
        release = _release(repository, model, key, commit)
        if release is None:
            return None
        return Reverted(
            model=model,
            environment=environment,
            key=key,
            commit=commit,
            origin=origin(repository, model, release),
            reasons=_reasons(git.run("log", "-1", "--format=%b", commit)),
        )


def _named(git: Git, tip: str, since: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each such commit with its model, key and environment, the newest first.

    What counts is when main got it, and not when it was made: one that a pull request brought may have waited for days.
    """
    before = git.run("rev-list", "--first-parent", "--max-count=1", f"--before={since.isoformat()}", tip)
    values = "".join(f"%x00%(trailers:key={name},valueonly,separator=%x20)" for name in (MODEL, KEY, ENVIRONMENT))
    how = ["--no-show-signature", "--basic-regexp", "--grep=^revert(", f"--format=%H{values}"]
    for line in git.run("log", *how, tip, *([f"^{before}"] if before else [])).splitlines():
        commit, *said = line.split("\0")
        if all(said):
            yield commit, tuple(said)


def _release(repository: Repository, model: str, key: str, commit: str) -> Release | None:
    """The release of a key that was served before a commit."""
    serving = repository.past(model).serving_at(f"{commit}^")
    served = () if isinstance(serving, InputError) else releases(serving)
    return next((release for release in served if release.key == key), None)


def _reasons(body: str) -> tuple[str, ...]:
    """Why, as the first paragraph of such a commit has it: in short, and then each reason."""
    sentence = body.split("\n\n", maxsplit=1)[0].strip().removesuffix(".")
    short, _, long = sentence.partition(": ")
    return tuple((long or short).split("; "))
