"""What is live, on trial, held or wanted, and since which commit: read from Git alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from slipway.adapters.git_log import LogEntry
from slipway.delivery.manifest import CANARY, DEFAULT, Release, Serving
from slipway.plan import history
from slipway.plan.history import State
from slipway.plan.past import ENVIRONMENT_NAME, ModelPast, Repository
from slipway.plan.served import manifests


@dataclass(frozen=True, kw_only=True)
class Since:
    """A release that a manifest serves, and the commit that brought it there."""

    release: Release
    commit: str
    when: int
    """Seconds since 1970."""
    percent: int


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """A model in one environment."""

    environment: str
    state: State
    live: Since | None
    trial: Since | None
    verified: bool | None = None
    """Whether the next environment may take what is live; None where none follows, or where nothing is live."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A commit that changed what is served or how, what was served before, and what has been since."""

    entry: LogEntry
    before: Serving | None
    serving: Serving | None
    is_act: bool
    """Whether it changed what is served; else only how: replicas, the canary's share, or what images are built upon."""

    @property
    def moved(self) -> frozenset[str]:
        """The predictors that serve another key since."""
        keys, earlier = ({name: one.key for name, one in _served(state)} for state in (self.serving, self.before))
        return frozenset(name for name in keys | earlier if keys.get(name) != earlier.get(name))

    @property
    def replaced(self) -> Release | None:
        """The canary in whose place another came, before anybody had settled it."""
        before, now = (state.canary if state else None for state in (self.before, self.serving))
        return before if before and now and before.key != now.key else None

    @property
    def rebuilt(self) -> frozenset[str]:
        """The predictors that have another image of the same key since, if it changed nothing else."""
        if self.moved or _shape(self.serving) != _shape(self.before):
            return frozenset()
        images, earlier = ({name: one.image for name, one in _served(state)} for state in (self.serving, self.before))
        return frozenset(name for name in images if images[name] != earlier.get(name))


def environments(repository: Repository) -> list[str]:
    """The environments that any model has a manifest in, and the one that is asked for."""
    paths = (path.split("/") for path in repository.tip.files("gitops/models") if path.count("/") > _DEEP)
    found = {p[3] for p in paths if "/".join(p) in manifests(p[2], p[3]) and ENVIRONMENT_NAME.fullmatch(p[3])}
    return sorted({repository.environment, *found})


_ALL = 100
_DEEP = 3
"""Slashes of a manifest's path, and one fewer."""


def status(repository: Repository, model: str, *, is_followed: bool = False) -> ModelStatus:
    """What is live of a model, and on trial, and what main's history asks for."""
    past, state = repository.past(model), history.state(repository, model)
    serving = state.serving
    canary = serving.canary if serving else None
    percent = serving.canary_percent or 0 if serving else 0
    return ModelStatus(
        environment=repository.environment,
        state=state,
        live=_since(repository, serving.default, _ALL - percent, _defaults(past)) if serving else None,
        trial=_since(repository, canary, percent, _canaries(past)) if canary else None,
        verified=serving.default.verified if serving and is_followed else None,
    )


def events(repository: Repository, model: str) -> list[Event]:
    """Every commit that changed what is served of a model, or how, newest first."""
    past = repository.past(model)
    acts = {act.commit for act in past.acts()}
    entries: Mapping[str, LogEntry] = {entry.commit: entry for entry in repository.log}
    states = [*past.servings(), ("", None)]
    found = [
        Event(entry=entries[commit], before=before, serving=serving, is_act=commit in acts)
        for (commit, serving), (_, before) in pairwise(states)
    ]
    return [event for event in found if event.is_act or event.rebuilt or _shape(event.serving) != _shape(event.before)]


def _shape(serving: Serving | None) -> tuple[object, ...] | None:
    """How it is served; whether it was verified is something that happened too."""
    if serving is None:
        return None
    return serving.replicas, serving.canary_percent, serving.platform, serving.mode, serving.default.verified


def _served(serving: Serving | None) -> list[tuple[str, Release]]:
    """Each predictor's name, and its release."""
    named = ((DEFAULT, serving.default), (CANARY, serving.canary)) if serving else ()
    return [(name, release) for name, release in named if release]


def _since(repository: Repository, release: Release, percent: int, served: Iterator[tuple[str, str]]) -> Since:
    """The commit since which the release has been what it is now; `served` has each act and the key in that place."""
    commit = ""
    for act, key in served:
        if key != release.key:
            break
        commit = act
    when = next((entry.when for entry in repository.log if entry.commit == commit), 0)
    return Since(release=release, commit=commit, when=when, percent=percent)


def _defaults(past: ModelPast) -> Iterator[tuple[str, str]]:
    return ((act.commit, act.after.default.key if act.after else "") for act in past.acts())


def _canaries(past: ModelPast) -> Iterator[tuple[str, str]]:
    states = ((act.commit, act.after.canary if act.after else None) for act in past.acts())
    return ((commit, canary.key if canary else "") for commit, canary in states)
