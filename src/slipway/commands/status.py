"""`status` and `history`: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from slipway import status as reading
from slipway.adapters.git import Commit, Git
from slipway.commands.plan import of_history, said
from slipway.errors import ExitCode, InputError
from slipway.key import SHORT
from slipway.plan.past import Repository
from slipway.plan.rule import Wanted
from slipway.screen import emit, emit_json, emit_table
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release
    from slipway.status import Event, ModelStatus, Since
    from slipway.workspace import Workspace

_ALL = 100


def status(workspace: Workspace, models: Sequence[str], *, as_json: bool) -> int:
    """Print what main says of models, in each environment."""
    tip = _main(workspace)
    found = [one for one in of_history(workspace, tip, _statuses) if not models or one.state.model in models]
    if unknown := set(models) - {one.state.model for one in found}:
        raise InputError(f"there is no model {', '.join(sorted(unknown))} on main, and none was released")
    if as_json:
        emit_json({"main": tip.id, "models": [_status_document(one) for one in found]})
    elif not found:
        workspace.screen.say("There are no models yet. To add one: slipway new MODEL --from FILE --target COLUMN")
    else:
        head = ("model", "environment", "live", "on trial", "wanted")
        emit_table(head, [_status_row(one, workspace.now()) for one in found])
        for one in found:
            if one.state.decision.wanted is not Wanted.NONE:
                emit(f"{one.state.model} in {one.environment}: {_wanted(one, workspace.git)}")
    faulty = any(one.state.decision.wanted is Wanted.FAULTY for one in found)
    return ExitCode.BAD_INPUT if faulty else ExitCode.DONE


def history(workspace: Workspace, model: str, *, as_json: bool) -> int:
    """Print every commit that changed what is served of a model, newest first, and how to roll back."""
    tip = _main(workspace)
    now, events = of_history(workspace, tip, lambda repository: _history(repository, check_name(model)))
    if not events and now.state.key is None:
        raise InputError(f"there is no model {model!r} on main, and none was released")
    rollback = _rollback(workspace.git, events)
    if as_json:
        emit_json({**_status_document(now), "rollback": rollback, "events": [_event(e) for e in events]})
        return ExitCode.DONE
    emit_table(
        ("when", "commit", "what", "by", "live", "on trial"), [_event_row(event, workspace.now()) for event in events]
    )
    emit(f"{model} in {now.environment}: {_wanted(now, workspace.git)}")
    if rollback:
        emit(f"To take back the newest: {rollback}")
    return ExitCode.DONE


def _main(workspace: Workspace) -> Commit:
    workspace.check_history()
    tip = workspace.base(None)
    if tip is None:  # pragma: no cover  there is a history, so there is a base or an error
        raise InputError("there is no main to look at")
    return tip


def _statuses(repository: Repository) -> list[ModelStatus]:
    views = [replace(repository, environment=name) for name in reading.environments(repository)]
    here = repository.environment
    found = [
        reading.status(view, model)
        for view in views
        for model in (view.models() if view.environment == here else view.served())
    ]
    return sorted(found, key=lambda one: (one.state.model, one.environment))


def _history(repository: Repository, model: str) -> tuple[ModelStatus, list[Event]]:
    return reading.status(repository, model), list(reading.events(repository, model))


def _wanted(one: ModelStatus, git: Git) -> str:
    """What history asks for, and why."""
    return f"{one.state.decision.wanted.value}: {said(one.state, git)}".rstrip(": ")


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


def _status_row(one: ModelStatus, now: datetime) -> tuple[str, ...]:
    decision = one.state.decision
    wanted = f"{decision.wanted.value} {(decision.key or '')[:SHORT]}" if decision.wanted is not Wanted.NONE else ""
    live = _since_text(one.live, now) or "-"
    return one.state.model, one.environment, live, _since_text(one.trial, now), wanted.strip()


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
    return _ago(entry.when, now), entry.commit[:SHORT], entry.subject, entry.author, live, trial


_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def _ago(when: int, now: datetime) -> str:
    """How long ago, in the largest unit that fits twice; a date where it is long ago."""
    passed = int(now.timestamp()) - when
    if passed > 30 * 86400:
        return datetime.fromtimestamp(when, UTC).date().isoformat()
    unit, name = next(((unit, name) for unit, name in _STEPS if passed >= 2 * unit), (1, "s"))
    return f"{max(passed, 0) // unit} {name} ago"


def _status_document(one: ModelStatus) -> Mapping[str, Any]:
    decision = one.state.decision
    return {
        "model": one.state.model,
        "environment": one.environment,
        "key": one.state.key,
        "live": _since_document(one.live),
        "trial": _since_document(one.trial),
        "wanted": decision.wanted.value,
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
    }
