"""What main's history asks for, of every model: the rule, applied to what Git has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.adapters.git_log import GitLog
from slipway.adapters.objects import Objects
from slipway.errors import InputError
from slipway.plan import rule
from slipway.plan.past import PATHS, ModelPast, Repository, read_manifest, serving_table
from slipway.plan.rule import Because, Decision, Shape, Wanted
from slipway.spec import spec_path

if TYPE_CHECKING:
    from slipway.adapters.git import Git
    from slipway.delivery.manifest import Release, Serving
    from slipway.spec import ServingTable


@dataclass(frozen=True, kw_only=True)
class State:
    """A model as main has it: its key, what its manifest serves, and what history asks for."""

    model: str
    key: str | None
    serving: Serving | None
    decision: Decision
    trial: Release | None = None
    """The canary that may be promoted."""


@contextmanager
def read(git: Git, tip: str, environment: str) -> Iterator[Repository]:
    """The history of a commit of main, while it is looked at."""
    with Objects(git.root) as objects:
        yield Repository.at(objects, GitLog(root=git.root, tip=tip, paths=PATHS), environment)


def states(repository: Repository, models: Iterable[str] | None = None) -> tuple[State, ...]:
    """The state of each of these models, or of all that main has."""
    return tuple(state(repository, model) for model in (repository.models() if models is None else models))


def state(repository: Repository, model: str) -> State:
    """A model's state. What cannot be read makes it faulty, and no other."""
    past, tip = repository.past(model), repository.tip
    key: str | None = None
    serving: Serving | None = None
    try:
        if (content := tip.read(past.manifest)) is not None:
            serving = _trusted(read_manifest(content, past.manifest))
        if tip.read(str(spec_path(model))) is not None:
            key = repository.inputs(model, tip).key
    except InputError as error:
        problem = str(error.faults[0])
        decision = Decision(wanted=Wanted.FAULTY, key=key, problem=problem)
        return State(model=model, key=key, serving=serving, decision=decision)
    decision = _configured(rule.decide(key, past), serving, past)
    trial = rule.on_trial(past) if serving and serving.canary else None
    return State(model=model, key=key, serving=serving, decision=decision, trial=trial)


def _trusted(found: Serving | InputError) -> Serving:
    if isinstance(found, InputError):
        raise found
    return found


def _configured(decision: Decision, serving: Serving | None, past: ModelPast) -> Decision:
    """The decision, or that `[serving]` is to be brought to the manifest where nothing else is to be done."""
    wished = serving_table(past.repository.tip, past.model)
    if serving is None or wished is None or decision.wanted not in (Wanted.NONE, Wanted.HELD):
        return decision
    replicas = _REPLICAS.asked(serving, wished, past)
    percent = _PERCENT.asked(serving, wished, past) if serving.canary else ""
    if not replicas and not percent:
        return decision
    shape = Shape(
        replicas=wished.replicas if replicas else serving.replicas,
        canary_percent=wished.canary_percent if percent else serving.canary_percent,
    )
    commits = dict.fromkeys(commit for commit in (replicas, percent) if commit)
    because = tuple(Because(commit=commit, what="set it as [serving] had it then") for commit in commits)
    return replace(decision, wanted=Wanted.CONFIGURE, because=because, shape=shape)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """One line of `[serving]`, and where the manifest has it."""

    now: Callable[[Serving], int | None]
    wished: Callable[[ServingTable], int]

    def asked(self, serving: Serving, table: ServingTable, past: ModelPast) -> str:
        """The commit that set it last, if `[serving]` has changed since; else nothing: a person's setting stays."""
        if self.now(serving) == self.wished(table):
            return ""
        newest = self._set(serving, past)
        then = past.serving_table_at(newest)
        return "" if then is not None and self.wished(then) == self.wished(table) else newest

    def _set(self, serving: Serving, past: ModelPast) -> str:
        newest = ""
        for commit, state in past.servings():
            if state is None or self.now(state) != self.now(serving):
                break
            newest = commit
        return newest


_REPLICAS = _Setting(now=lambda serving: serving.replicas, wished=lambda table: table.replicas)
_PERCENT = _Setting(now=lambda serving: serving.canary_percent, wished=lambda table: table.canary_percent)
