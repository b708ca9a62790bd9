"""`ci running`, `report`, `keep` and `propose`: main's own code, which talks to GitHub and takes bundles as hostile."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.commands.ci import whole_commit
from slipway.errors import ExitCode, InputError
from slipway.forge import about, keeping, proposing
from slipway.forge.about import About
from slipway.forge.found import CANCELLED, OfFolder, OfRun, Source, collect, unless_doubtful
from slipway.forge.telling import Telling
from slipway.screen import Screen, console, emit, emit_json
from slipway.settings import Settings

if TYPE_CHECKING:
    from slipway.adapters.github import GitHub
    from slipway.forge.interface import Forge, Run
    from slipway.workspace import Workspace

_WAITS = "Nothing is said: the run has not begun, for it waits until a maintainer lets it."


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which run is meant: one of GitHub's by its number, or another engine's by its pull request."""

    run: int | None
    number: int
    head: str
    url: str
    folder: Path | None


def asked(run: int | None, number: int | None, head: str, url: str, folder: Path | None) -> Asked:
    """What the command line says; `InputError` where it names neither or both."""
    if (run is None) == (number is None):
        raise InputError("which run is meant?", hint="Give --run ID on GitHub, else --pull-request N and --head SHA.")
    if run is not None and folder is not None:
        raise InputError("a run's bundles are its artefacts", hint="Give DIR or --run, not both.")
    return Asked(run=run, number=number or 0, head=whole_commit(head) if run is None else "", url=url, folder=folder)


def running(asked: Asked) -> int:
    """Say that the run has begun."""
    forge, screen = _forge(), Screen(console=console())
    run = _run(forge, asked)
    if run is not None and run.waits:
        screen.say(_WAITS)
        return ExitCode.DONE
    found = _about(forge, asked, run, None)
    if found is None:
        screen.say("Nothing is said: no open pull request has this commit as its newest.")
        return ExitCode.DONE
    _telling(forge, found, screen).running()
    return ExitCode.DONE


def report(asked: Asked) -> int:
    """Say what the run found."""
    forge, screen = _forge(), Screen(console=console())
    run = _run(forge, asked)
    source = _source(forge, asked, run)
    found = _about(forge, asked, run, source)
    if found is None:
        screen.say("Nothing is said: the pull request has a newer commit by now.")
        return ExitCode.DONE
    if not found.is_done:
        screen.say(_WAITS if run is not None and run.waits else "Nothing is said: the run goes on.")
        return ExitCode.DONE
    left = CANCELLED if found.was_cancelled else collect(source, found.pull)
    _telling(forge, found, screen).report(unless_doubtful(left, has_failed=found.has_failed))
    emit(found.pull.url or f"pull request {found.pull.number}")
    return ExitCode.DONE


def keep(workspace: Workspace, asked: Asked) -> int:
    """Take what the run trained."""
    forge = _forge()
    run = _run(forge, asked)
    source = _source(forge, asked, run)
    found = _about(forge, asked, run, source)
    if found is None or found.was_cancelled or not found.is_done:
        workspace.screen.say("Nothing is kept: the run has not ended well, or the pull request has a newer commit.")
        return ExitCode.DONE
    return keeping.keep(workspace, source, found, is_fork=about.is_fork(forge, found.pull))


def propose(workspace: Workspace, *, as_json: bool) -> int:
    """Have each commit that waits on a branch merged by a pull request: as soon as it may, or by a person."""
    if not any(proposing.waits(workspace, name) for name in workspace.settings.through):
        hint = "unless SLIPWAY_LANDING is branch, or [tool.slipway] approve names an environment"
        workspace.screen.say(f"Nothing waits: commits go to main by a push, {hint}.")
        return ExitCode.DONE
    proposed = proposing.propose(workspace, _forge())
    if as_json:
        emit_json({"pull_requests": proposed})
    else:
        emit("\n".join(proposed) or "No commit waits.")
    return ExitCode.DONE


def _forge() -> GitHub:
    from slipway.adapters.github import connect

    return connect(os.environ)


def _run(forge: Forge, asked: Asked) -> Run | None:
    """The run as GitHub has it now, looked at once; None on another engine."""
    return None if asked.run is None else forge.run(asked.run)


def _about(forge: Forge, asked: Asked, run: Run | None, source: Source | None) -> About | None:
    if run is not None:
        return about.of_run(forge, run, source)
    return about.of_pull(forge, asked.number, asked.head, asked.url, now=int(time.time()))


def _source(forge: Forge, asked: Asked, run: Run | None) -> Source:
    if run is not None:
        return OfRun.of(forge, run)
    if asked.folder is None:
        raise InputError("where are the bundles?", hint="Name their folder: slipway ci report DIR --pull-request N …")
    return OfFolder(root=asked.folder)


def _telling(forge: Forge, found: About, screen: Screen) -> Telling:
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    reuse = Settings.from_environ(os.environ, repo=Path()).reuse
    return Telling(forge=forge, told=found.told(forge, server, reuse), warn=screen.say, engine=found.engine)
