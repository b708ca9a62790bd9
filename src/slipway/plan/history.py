"""What main's history asks for, of every model: the rule, applied to what Git has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.adapters.git_log import GitLog
from slipway.adapters.objects import Objects
from slipway.errors import InputError
from slipway.key import SHORT
from slipway.plan import rule
from slipway.plan.acts import has
from slipway.plan.past import PATHS, ModelPast, Repository, Told, serving_table
from slipway.plan.rule import Because, Decision, Shape, Wanted
from slipway.spec import DeploymentMode, Platform, check_name, folder, parse, spec_path
from slipway.training.faults import Fault

if TYPE_CHECKING:
    from slipway.adapters.git import Git
    from slipway.delivery.manifest import Release, Serving
    from slipway.spec import ServingTable


_BY_SOURCE = (Wanted.RELEASE, Wanted.RESTORE, Wanted.RETIRE)
"""What is wanted because a key changed."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A model as main has it: its key, what its manifest serves, and what history asks for."""

    model: str
    key: str | None
    """That it is to have; None: there is no such model, or nothing was verified in the environment before."""
    serving: Serving | None
    decision: Decision
    trial: Release | None = None
    """The canary that may be promoted."""
    shape: Shape | None = None
    """How it is to be served, where that is another than the manifest's."""


@contextmanager
def read(git: Git, tip: str, environment: str, earlier: Sequence[str] = ()) -> Iterator[Repository]:
    """The history of a commit of main, while it is looked at; `earlier`: the environments before this one."""
    with Objects(git.root) as objects:
        yield Repository.at(objects, GitLog(root=git.root, tip=tip, paths=PATHS), environment, earlier)


def states(repository: Repository) -> tuple[State, ...]:
    """The state of every model that main has."""
    return tuple(state(repository, model) for model in repository.models())


def state(repository: Repository, model: str) -> State:
    """A model's state. What cannot be read makes it faulty, and no other."""
    past, tip = repository.past(model), repository.tip
    told: Told | None = None
    serving: Serving | None = None
    try:
        serving = _trusted(past.serving_at(tip.id))
        told = past.key_now() if repository.before else Told(key=_key(repository, model))
    except InputError as error:
        decision = Decision(wanted=Wanted.FAULTY, key=None, problem=str(error.faults[0]))
        return State(model=model, key=None, serving=serving, decision=decision)
    now = told.key if told else rule.aimed(past)  # until something is verified, what stands here is right
    decision = _followed(_not_aside(rule.decide(now, past), past), past)
    shape, because = _configuration(serving, past)
    if shape and decision.wanted in (Wanted.NONE, Wanted.HELD):
        decision = replace(decision, wanted=Wanted.CONFIGURE, because=because)
    trial = rule.on_trial(past) if serving and serving.canary else None
    key = told.key if told else None
    return State(model=model, key=key, serving=serving, decision=decision, trial=trial, shape=shape)


def _key(repository: Repository, model: str) -> str | None:
    """The key of a model whose `model.toml` is right in every line; None where there is no such model."""
    path, tip = str(spec_path(model)), repository.tip
    if (source := tip.read(path)) is None:
        if tip.object(str(folder(model))):
            hint = "To retire the model, delete the folder."
            raise InputError(Fault(file=f"{folder(model)}/", what="there is no model.toml", hint=hint))
        return None
    parse(source, path)
    return repository.inputs(check_name(model), repository.tip).key


def _followed(decision: Decision, past: ModelPast) -> Decision:
    """The decision, in the words of what happened in the environment before, with the release verified there."""
    before = past.repository.before
    if before is None or decision.wanted not in _BY_SOURCE or not decision.because:
        return decision
    if decision.because[0].commit != (source := past.source()):
        return decision
    release = decision.release
    match decision.wanted, decision.key:
        case Wanted.RELEASE, str() as key:
            what = f"verified {key[:SHORT]} in {before.environment}"
            release = replace(before.past(past.model).verified(key), commit=source, verified=False)
        case Wanted.RESTORE, str() as key:
            what = f"went back to {key[:SHORT]} in {before.environment}"
        case Wanted.RETIRE, None:
            what = f"retired it in {before.environment}"
        case _:
            return decision
    because = (Because(commit=source, what=what), *decision.because[1:])
    return replace(decision, because=because, release=release)


def _not_aside(decision: Decision, past: ModelPast) -> Decision:
    """The decision, but for a key that was released in a line which main does not show.

    A `git pull` on main that merges makes the pulled commits, releases and reverts among them, a side line. What
    was taken back there must not be released again.
    """
    if decision.wanted is not Wanted.RELEASE or decision.key is None:
        return decision
    if any(has(decision.key, act.after) for act in past.acts()):
        return decision
    aside = past.repository.released_aside(past.model, decision.key)
    if aside is None:
        return decision
    what = "released it in a line that was merged into main the wrong way round (git pull), and it runs no more"
    return replace(decision, wanted=Wanted.HELD, because=(Because(commit=aside, what=what),))


def _trusted(found: Serving | InputError | None) -> Serving | None:
    if isinstance(found, InputError):
        raise found
    return found


def _configuration(serving: Serving | None, past: ModelPast) -> tuple[Shape | None, tuple[Because, ...]]:
    """How the model is to be served, where `[serving]` changed since the manifest was set, and who set that.

    The platform stays while a canary is on trial, since what is compared runs in one place; and in a later environment
    until the one before was verified on it.
    """
    wished = serving_table(past.repository.tip, past.model)
    if serving is None or wished is None:
        return None, ()
    replicas = _REPLICAS.asked(serving, wished, past)
    percent = _PERCENT.asked(serving, wished, past) if serving.canary and wished.canary_percent else ""
    platform = _PLATFORM.asked(serving, wished, past) if not serving.canary and _is_tried(wished, past) else ""
    commits = dict.fromkeys(commit for commit in (replicas, percent, platform) if commit)
    if not commits:
        return None, ()
    shape = Shape(
        replicas=wished.replicas if replicas else serving.replicas,
        canary_percent=wished.canary_percent if percent else serving.canary_percent,
        platform=wished.platform if platform else serving.platform,
        mode=wished.deployment_mode if platform else serving.mode,
    )
    share = f", {shape.canary_percent}% for the canary" if percent else ""
    where = f", on {shape.platform.value}" if platform else ""
    what = f"was the last to set how it is served; [serving] asks for {shape.replicas} replicas{share}{where}"
    return shape, tuple(Because(commit=commit, what=what) for commit in commits)


def _is_tried(wished: ServingTable, past: ModelPast) -> bool:
    """Whether the environment before, if there is one, runs on this platform and was verified there."""
    before = past.repository.before
    now = before.past(past.model).serving_at(before.tip.id) if before else None
    if before is None or now is None or isinstance(now, InputError):
        return before is None
    return now.is_on(wished.platform, wished.deployment_mode) and now.default.verified


@dataclass(frozen=True, kw_only=True)
class _Setting[T]:
    """One thing that `[serving]` says, and where the manifest has it."""

    now: Callable[[Serving], T]
    wished: Callable[[ServingTable], T]

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


def _place(platform: Platform, mode: DeploymentMode) -> tuple[Platform, DeploymentMode | None]:
    """What serves it; a mode is KServe's alone."""
    return platform, mode if platform is Platform.KSERVE else None


_REPLICAS = _Setting(now=lambda serving: serving.replicas, wished=lambda table: table.replicas)
_PERCENT = _Setting[int | None](now=lambda serving: serving.canary_percent, wished=lambda table: table.canary_percent)
_PLATFORM = _Setting(
    now=lambda serving: _place(serving.platform, serving.mode),
    wished=lambda table: _place(table.platform, table.deployment_mode),
)
