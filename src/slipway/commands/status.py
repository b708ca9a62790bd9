"""`status` and `history`: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from slipway import status as reading
from slipway.adapters.git import Commit, Git
from slipway.commands.plan import of_history, said
from slipway.errors import ExitCode, InputError
from slipway.key import SHORT
from slipway.plan.past import Repository
from slipway.plan.rule import Wanted
from slipway.release.decisions import APPROVED
from slipway.screen import emit, emit_json, emit_table
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release
    from slipway.settings import Settings
    from slipway.status import Event, ModelStatus, Since
    from slipway.workspace import Workspace

_ALL = 100


def status(workspace: Workspace, models: Sequence[str], *, as_json: bool) -> int:
    """Print what main says of models, in each environment."""
    tip, settings = _main(workspace), workspace.settings
    every = of_history(workspace, tip, lambda repository: _statuses(repository, settings))
    found = [one for one in every if not models or one.state.model in models]
    if unknown := set(models) - {one.state.model for one in found}:
        raise InputError(f"there is no model {', '.join(sorted(unknown))} on main, and none was released")
    if as_json:
        emit_json({"main": tip.id, "models": [_status_document(one, settings) for one in found]})
    elif not found:
        workspace.screen.say("There are no models yet. To add one: slipway new MODEL --from FILE --target COLUMN")
    else:
        head = ("model", "environment", "live", "on trial", "wanted")
        emit_table(head, [_status_row(one, settings, workspace.now()) for one in found])
        for one in found:
            if one.state.decision.wanted is not Wanted.NONE:
                emit(f"{one.state.model} in {one.environment}: {_wanted(one, workspace.git)}")
    faulty = any(one.state.decision.wanted is Wanted.FAULTY for one in found)
    return ExitCode.BAD_INPUT if faulty else ExitCode.DONE


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What is, and what was, in one environment."""

    now: ModelStatus
    events: list[Event]


def history(workspace: Workspace, model: str, *, as_json: bool) -> int:
    """Print every commit that changed what is served of a model, newest first, and how to roll back.

    Of each environment on its own: the first may hold what the next one serves.
    """
    tip, settings = _main(workspace), workspace.settings
    found = of_history(workspace, tip, lambda repository: _history(repository, check_name(model), settings))
    if not any(past.events for past in found) and found[0].now.state.key is None:
        raise InputError(f"there is no model {model!r} on main, and none was released")
    if as_json:
        every = [_history_document(past, settings, workspace.git) for past in found]
        emit_json({**every[0], "environments": every} if len(settings.through) > 1 else every[0])
        return ExitCode.DONE
    for past in found:
        rows = [_event_row(event, workspace.now()) for event in past.events]
        emit_table(("when", "commit", "what", "by", "live", "on trial"), rows)
        emit(f"{model} in {past.now.environment}: {_wanted(past.now, workspace.git)}")
        if rollback := _rollback(workspace.git, past.events):
            emit(f"To take back the newest: {rollback}")
    return ExitCode.DONE


def _history_document(past: _Past, settings: Settings, git: Git) -> Mapping[str, Any]:
    events = [_event(event) for event in past.events]
    return {**_status_document(past.now, settings), "rollback": _rollback(git, past.events), "events": events}


def _main(workspace: Workspace) -> Commit:
    workspace.check_history()
    tip = workspace.base(None)
    if tip is None:  # pragma: no cover  there is a history, so there is a base or an error
        raise InputError("there is no main to look at")
    return tip


def _statuses(repository: Repository, settings: Settings) -> list[ModelStatus]:
    """Those of the environments that a release goes through, in order, then of whatever else has a manifest."""
    listed = settings.through
    others = [name for name in reading.environments(repository) if name not in listed]
    found: list[ModelStatus] = []
    for name in (*listed, *others):
        chosen = replace(settings, environment=name)
        view = replace(repository, environment=name, earlier=chosen.earlier)
        models = view.models() if name in listed else view.served()
        found += [reading.status(view, model, is_followed=chosen.is_followed) for model in models]
    return sorted(found, key=lambda one: one.state.model)


def _history(repository: Repository, model: str, settings: Settings) -> list[_Past]:
    """Of each environment that a release goes through, and that has or had the model; of the first in any case."""
    found: list[_Past] = []
    for name in settings.through:
        chosen = replace(settings, environment=name)
        view = replace(repository, environment=name, earlier=chosen.earlier)
        events = list(reading.events(view, model))
        if events or not found:
            now = reading.status(view, model, is_followed=chosen.is_followed)
            found.append(_Past(now=now, events=events))
    return found


def _wanted(one: ModelStatus, git: Git) -> str:
    """What history asks for, and why."""
    wanted = one.state.decision.wanted
    word = "nothing to do" if wanted is Wanted.NONE else wanted.value
    return f"{word}: {said(one.state, git)}".rstrip(": ")


def _rollback(git: Git, events: list[Event]) -> str:
    """The one command that takes back what happened last, with what was configured since, in Git's order.

    What was rebuilt since goes back too where it is of what goes, and stays where it is of what stays.
    """
    newest = next((at for at, event in enumerate(events) if event.is_act), None)
    if newest is None:
        return ""
    act = events[newest]
    since = (event for event in events[:newest] if not event.rebuilt or event.rebuilt & act.moved)
    return git.revert_of(*(event.entry.commit for event in (*since, act)))


def _status_row(one: ModelStatus, settings: Settings, now: datetime) -> tuple[str, ...]:
    decision = one.state.decision
    wanted = f"{decision.wanted.value} {(decision.key or '')[:SHORT]}" if decision.wanted is not Wanted.NONE else ""
    approval = ", to be approved" if _is_to_be_approved(one, settings) else ""
    live = _since_text(one.live, now) or "-"
    mark = "" if one.verified is None else "\nverified" if one.verified else "\nnot verified yet"
    trial = _since_text(one.trial, now)
    return one.state.model, one.environment, f"{live}{mark}", trial, f"{wanted.strip()}{approval}"


def _is_to_be_approved(one: ModelStatus, settings: Settings) -> bool:
    return one.environment in settings.approve and one.state.decision.wanted.value in APPROVED


def _since_text(since: Since | None, now: datetime) -> str:
    if since is None:
        return ""
    share = f" {since.percent}%" if since.percent != _ALL else ""
    metrics = _metrics(since.release)
    return (
        f"{since.release.key[:SHORT]}{share} since {since.commit[:SHORT]}, {_ago(since.when, now)}\n{metrics}".rstrip()
    )


def _metrics(release: Release, *, shown: int = 2) -> str:
    """The first metrics: the primary one, and what stands beside it."""
    return ", ".join(f"{name} {value:.4g}" for name, value in list(release.metrics.items())[:shown])


def _event_row(event: Event, now: datetime) -> tuple[str, ...]:
    serving, entry = event.serving, event.entry
    live = f"{serving.default.key[:SHORT]} {_metrics(serving.default, shown=1)}".rstrip() if serving else "-"
    trial = f"{serving.canary.key[:SHORT]} {serving.canary_percent}%" if serving and serving.canary else ""
    if event.replaced:
        trial += f"\nin place of {event.replaced.key[:SHORT]}, which was on trial"
    return _ago(entry.when, now), entry.commit[:SHORT], entry.subject, entry.author, live, trial


_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def _ago(when: int, now: datetime) -> str:
    """How long ago, in the largest unit that fits twice; a date where it is long ago."""
    passed = int(now.timestamp()) - when
    if passed > 30 * 86400:
        return datetime.fromtimestamp(when, UTC).date().isoformat()
    unit, name = next(((unit, name) for unit, name in _STEPS if passed >= 2 * unit), (1, "s"))
    return f"{max(passed, 0) // unit} {name} ago"


def _status_document(one: ModelStatus, settings: Settings) -> Mapping[str, Any]:
    decision = one.state.decision
    return {
        "model": one.state.model,
        "environment": one.environment,
        "key": one.state.key,
        "live": _since_document(one.live),
        "trial": _since_document(one.trial),
        "verified": one.verified,
        "wanted": decision.wanted.value,
        "to_be_approved": _is_to_be_approved(one, settings),
        "because": [{"commit": b.commit, "what": b.what} for b in decision.because],
        **({"problem": decision.problem} if decision.problem else {}),
    }


def _since_document(since: Since | None) -> Mapping[str, Any] | None:
    if since is None:
        return None
    when = datetime.fromtimestamp(since.when, UTC).isoformat()
    return {**_release(since.release), "percent": since.percent, "since": since.commit, "when": when}


def _release(release: Release) -> Mapping[str, Any]:
    return {
        "key": release.key,
        "image": release.image,
        "source": release.commit,
        "metrics": dict(release.metrics),
    }


def _event(event: Event) -> Mapping[str, Any]:
    serving, entry = event.serving, event.entry
    return {
        "commit": entry.commit,
        "when": datetime.fromtimestamp(entry.when, UTC).isoformat(),
        "author": entry.author,
        "subject": entry.subject,
        "live": _release(serving.default) if serving else None,
        "trial": {**_release(serving.canary), "percent": serving.canary_percent}
        if serving and serving.canary
        else None,
        **({"replaced": event.replaced.key} if event.replaced else {}),
    }
