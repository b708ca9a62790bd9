"""Which pull request a run is about: told by the forge, never by what the run left behind."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from slipway.bundle.document import Plan
from slipway.bundle.folder import PLAN
from slipway.bundle.rejected import Rejected
from slipway.errors import InputError
from slipway.forge.found import Source
from slipway.forge.interface import Forge, Pull, Run
from slipway.report.pull_request import Told
from slipway.report.style import Origin
from slipway.settings import Reuse

WORKFLOW = ".github/workflows/pull-request.yml"


@dataclass(frozen=True, kw_only=True)
class About:
    """A run and its pull request."""

    pull: Pull
    url: str
    run: str
    """`<id>.<attempt>`: later ones are larger."""
    engine: str
    check: str = ""
    """What all jobs of the run know it by, where the run is told by the time."""
    keeps_files: bool = True
    is_done: bool = True
    was_cancelled: bool = False
    """By a person, or by a newer run, which will tell its own."""
    has_failed: bool = False
    """One of its jobs did."""

    def told(self, forge: Forge, server: str, reuse: Reuse) -> Told:
        """What the texts say of it."""
        own = Origin.OWN if reuse is Reuse.OWN else Origin.UNTRUSTED
        return Told(
            pull_request=self.pull.number,
            head=self.pull.head,
            url=self.url,
            run=self.run,
            server=server.rstrip("/"),
            repository=forge.repository,
            check=self.check,
            keeps_files=self.keeps_files,
            origin=Origin.FORK if is_fork(forge, self.pull) else own,
        )


def is_fork(forge: Forge, pull: Pull) -> bool:
    """Whether somebody may write to the branch who may not write to the repository."""
    return pull.head_repository.casefold() != forge.repository.casefold()


def of_run(forge: Forge, run: Run, source: Source | None) -> About | None:
    """The pull request whose newest commit a workflow's run is of; None if there is none any more.

    Where the branch has several, or none that is open, the run's plan may say which is meant; the forge has to agree.
    Raises `InputError` for another workflow's run.
    """
    if run.path.partition("@")[0] != WORKFLOW or run.event != "pull_request":
        raise InputError(f"run {run.id} is none of {WORKFLOW}", hint="Give the run that report.yml was started for.")
    pulls = [pull for pull in forge.pulls_from(run.head_repository, run.head_branch) if pull.head == run.head]
    pull = pulls[0] if len(pulls) == 1 else _claimed(forge, run, source)
    if pull is None:
        return None
    return About(
        pull=pull,
        url=run.url,
        run=f"{run.id}.{run.attempt}",
        engine="GitHub Actions",
        is_done=run.is_done,
        was_cancelled=run.was_cancelled,
        has_failed=run.has_failed,
    )


def _claimed(forge: Forge, run: Run, source: Source | None) -> Pull | None:
    """The pull request that the run says it is of, if that has the run's commit from the run's repository."""
    number = _number(source) if source else None
    pull = forge.pull(number) if number else None
    agrees = pull and (pull.head, pull.head_repository) == (run.head, run.head_repository)
    return pull if agrees else None


def _number(source: Source) -> int | None:
    try:
        files = source.plan() or {}
        return Plan.model_validate_json(files.get(PLAN, b"")).pull_request
    except (Rejected, ValidationError):
        return None


def of_pull(forge: Forge, number: int, head: str, url: str, *, now: int) -> About | None:
    """The pull request that another engine ran; None if it has a newer commit by now."""
    pull = forge.pull(number)
    if pull is None:
        raise InputError(f"there is no pull request {number} in {forge.repository}")
    if pull.head != head:
        return None
    return About(pull=pull, url=url, run=f"{now}.1", engine="Tekton", check=url, keeps_files=False)
