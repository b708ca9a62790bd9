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
    """Those of these models, or of all, that were taken back since then; the newest first.

    Where there are none, only the newest commits are looked at. A release that main cannot tell is left out.
    """
    git, settings, tip = workspace.git, workspace.settings, main.known()
    named = list(_named(git, tip, since))

    def ask() -> list[Reverted]:
        found = []
        for commit, (model, key, environment) in named:
            if environment not in settings.through or (names and model not in names):
                continue
            one = replace(settings, environment=environment)
            with history.read(git, tip, environment, one.earlier) as repository:
                release = _release(repository, model, key, commit)
                if release is not None:
                    found.append(
                        Reverted(
                            model=model,
                            environment=environment,
                            key=key,
                            commit=commit,
                            origin=origin(repository, model, release),
                            reasons=_reasons(git.run("log", "-1", "--format=%b", commit)),
                        )
                    )
        return found

    return main.deep(ask)


def _named(git: Git, tip: str, since: datetime) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Each such commit, on whichever line it lies, with its model, key and environment."""
    values = "".join(f"%x00%(trailers:key={name},valueonly,separator=%x20)" for name in (MODEL, KEY, ENVIRONMENT))
    how = ["--no-show-signature", f"--since={since.isoformat()}", "--grep=^revert(", f"--format=%H{values}"]
    for line in git.run("log", *how, tip).splitlines():
        commit, *values_told = line.split("\0")
        if len(values_told) == 3 and all(values_told):  # noqa: PLR2004  as many as were asked for
            model, key, environment = values_told
            yield commit, (model, key, environment)


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
