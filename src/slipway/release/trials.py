"""Every release that is not settled, in each environment, as main has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from slipway.errors import InputError
from slipway.plan import history
from slipway.plan.past import serving_table
from slipway.plan.rule import Wanted
from slipway.plan.standing import Kind, Standing, standing
from slipway.spec import DeploymentMode, Platform, ServingTable, check_name

if TYPE_CHECKING:
    from slipway.adapters.main_branch import MainBranch
    from slipway.delivery.manifest import Release, Serving
    from slipway.plan.past import Repository
    from slipway.settings import Settings
    from slipway.workspace import Workspace

__all__ = ["Kind", "Trial", "origin", "trials"]

_ENDED = (Wanted.RESTORE, Wanted.ROLLBACK, Wanted.RETIRE)
"""What main asks for where a person has answered already: `release` brings it about, whatever is seen of it."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A release that is to get the full traffic, to be marked as verified, or to be taken back."""

    model: str
    environment: str
    kind: Kind
    release: Release
    beside: Release | None
    """The default beside a canary."""
    percent: int | None
    """A canary's share of the traffic."""
    commit: str
    """Of `gitops/`, which put it there."""
    since: datetime
    """When that was committed."""
    origin: str
    """The commit of the inputs that asked for it, whichever environment it came through."""
    platform: Platform
    mode: DeploymentMode
    table: ServingTable
    """`[serving]`, as main has it now."""


def trials(workspace: Workspace, main: MainBranch, names: Sequence[str] = ()) -> list[Trial]:
    """Those of these models, or of all, in the order of the environments.

    A model whose manifest cannot be read has none: `slipway status` tells that.
    """
    tip, settings = main.tip(), workspace.settings
    wished = [check_name(name) for name in names]

    def ask() -> list[Trial]:
        found: list[Trial] = []
        for name in settings.through:
            one = replace(settings, environment=name)
            with history.read(workspace.git, tip, name, one.earlier) as repository:
                found += [trial for trial in _trials(repository, one, wished) if _counts(trial, workspace.now())]
        return found

    return main.deep(ask)


def _trials(repository: Repository, settings: Settings, names: Sequence[str]) -> Iterator[Trial]:
    for model in repository.served():
        past = repository.past(model)
        serving = past.serving_at(repository.tip.id)
        if (names and model not in names) or serving is None or isinstance(serving, InputError):
            continue
        found = standing(past, is_followed=settings.is_followed)
        if found and history.state(repository, model).decision.wanted not in _ENDED:
            yield _trial(repository, model, serving, found)


def _trial(repository: Repository, model: str, serving: Serving, found: Standing) -> Trial:
    is_canary = found.kind is Kind.CANARY
    when = next(entry.when for entry in repository.log if entry.commit == found.commit)
    return Trial(
        model=model,
        environment=repository.environment,
        kind=found.kind,
        release=found.release,
        beside=serving.default if is_canary else None,
        percent=serving.canary_percent if is_canary else None,
        commit=found.commit,
        since=datetime.fromtimestamp(when, UTC),
        origin=origin(repository, model, found.release),
        platform=serving.platform,
        mode=serving.mode,
        table=serving_table(repository.tip, model) or ServingTable(),
    )


def origin(repository: Repository, model: str, release: Release) -> str:
    """The commit of the inputs that asked for a release.

    A later environment's names the commit that verified it in the one before, whose release names its own.
    """
    before = repository.before
    serving = before.past(model).serving_at(release.commit) if before else None
    if before is None or serving is None or isinstance(serving, InputError):
        return release.commit
    return origin(before, model, serving.default)


def _counts(trial: Trial, now: datetime) -> bool:
    """A release that had the full traffic at once is looked at for as long as a canary would have been."""
    return trial.kind is not Kind.FRESH or now - trial.since < timedelta(hours=trial.table.canary_hours)
