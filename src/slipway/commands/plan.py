"""`plan`: what a change does to each model, and on main what history asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.adapters.git import Commit, Git, WorkTree
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.objects import Objects, Snapshot
from slipway.errors import ExitCode, InputError
from slipway.key import SHORT
from slipway.plan import change, history
from slipway.plan.change import Affected, Effect
from slipway.plan.history import State
from slipway.plan.past import PATHS, Repository
from slipway.plan.rule import Because, Wanted
from slipway.report.review import Act, Beside
from slipway.screen import emit, emit_json
from slipway.spec import MODEL_NAME
from slipway.workspace import Workspace

if TYPE_CHECKING:
    from slipway.settings import Settings

_SHOWN_REASONS = 3
_ACTS = {Effect.RETIRE: Act.RETIRE, Effect.CONFIGURE: Act.CONFIGURE}
_WRONG = (Effect.FAULTY, Effect.REFUSED)


def show_plan(workspace: Workspace, *, base: str | None, as_json: bool) -> int:
    """Print what the change does to each model; with main checked out, what its history asks for too."""
    main = workspace.base(base)
    fork = workspace.fork_point(main)
    on_main = fork is not None and workspace.head() == fork.id
    asked = of_environments(workspace, fork) if on_main and fork else ()
    if on_main and workspace.git.is_clean(PATHS):
        first = workspace.settings.through[0]
        found = tuple(_unchanged(one.state) for one in asked if one.environment == first and one.state.key)
    else:
        found = changed(workspace, fork)
    wrong = any(a.effect in _WRONG for a in found) or any(one.state.decision.wanted is Wanted.FAULTY for one in asked)
    if as_json:
        emit_json(_document(found, asked if on_main else None, main))
    else:
        _show(workspace, found, asked, on_main=on_main)
        if on_main and main:
            _say_what_is_newer(workspace, main)
    return ExitCode.BAD_INPUT if wrong else ExitCode.DONE


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What history asks for of a model in one environment."""

    environment: str
    state: State


def of_environments(workspace: Workspace, tip: Commit) -> tuple[Asked, ...]:
    """What main's history asks for in each environment that a release goes through."""
    settings = workspace.settings

    def ask(repository: Repository) -> tuple[Asked, ...]:
        views = [
            replace(repository, environment=name, earlier=replace(settings, environment=name).earlier)
            for name in settings.through
        ]
        return tuple(Asked(environment=view.environment, state=one) for view in views for one in history.states(view))

    return of_history(workspace, tip, ask)


def changed(workspace: Workspace, fork: Commit | None) -> tuple[Affected, ...]:
    """What the working tree does to each model, against the commit at which it left main."""
    now = WorkTree(root=workspace.settings.repo)
    if fork is None:
        found = change.of_change(now, None)
        if not found:
            workspace.check_history()
        return found
    with Objects(workspace.git.root) as objects:
        return change.of_change(now, Snapshot(objects=objects, id=fork.id))


def _unchanged(state: State) -> Affected:
    return Affected(model=state.model, effect=Effect.NONE, reasons=(), key=state.key)


def of_history[T](workspace: Workspace, tip: Commit, ask: Callable[[Repository], T]) -> T:
    """What the history of a commit of main says, deepened where the clone is shallow."""
    settings = workspace.settings

    def read() -> T:
        with history.read(workspace.git, tip.id, settings.environment, settings.earlier) as repository:
            return ask(repository)

    return MainBranch.of(workspace.git).deep(read)


def to_review(workspace: Workspace, base: str | None, named: Sequence[str]) -> list[str]:
    """The models that are named, else those that have to be judged, or cannot be: their fault is then told.

    Raises `InputError` where the change to one of them is refused.
    """
    found = changed(workspace, workspace.fork_point(workspace.base(base)))
    mine = [affected for affected in found if not named or affected.model in named]
    if refused := [f"{a.model} is refused: {'; '.join(a.reasons)}" for a in mine if a.effect is Effect.REFUSED]:
        raise InputError("\n".join(refused))
    judged = [a.model for a in mine if a.effect in (Effect.RETRAIN, Effect.JUDGE, Effect.FAULTY)]
    return list(dict.fromkeys(named)) or judged


def beside(workspace: Workspace, base: str | None) -> tuple[Beside, ...]:
    """What a merge does to models of which nothing is judged."""
    fork = workspace.fork_point(workspace.base(base))
    acts = {one.model: _ACTS[one.effect] for one in changed(workspace, fork) if one.effect in _ACTS}
    for model in manifests_edited(workspace, fork):
        acts.setdefault(model, Act.EDIT)
    return tuple(Beside(model=model, act=act) for model, act in sorted(acts.items()) if MODEL_NAME.fullmatch(model))


def manifests_edited(workspace: Workspace, fork: Commit | None) -> tuple[str, ...]:
    """The models whose manifests the working tree has otherwise than the commit at which it left main."""
    if fork is None:
        return ()
    with Objects(workspace.git.root) as objects:
        return change.edited(WorkTree(root=workspace.settings.repo), Snapshot(objects=objects, id=fork.id))


def _show(workspace: Workspace, found: Sequence[Affected], asked: Sequence[Asked], *, on_main: bool) -> None:
    if not found and not asked:
        workspace.screen.say("There are no models yet. To add one: slipway new MODEL --from FILE --target COLUMN")
    if not on_main or any(affected.effect is not Effect.NONE for affected in found):
        for affected in found:
            _line(affected.model, affected.effect.value, affected.key, _some(affected.reasons))
        return
    is_one = len(workspace.settings.through) == 1
    for one in asked:
        state = one.state
        name = state.model if is_one else f"{state.model} in {one.environment}"
        why = said(state, workspace.git) or unverified(replace(workspace.settings, environment=one.environment), state)
        _line(name, state.decision.wanted.value, _key(state), why)


def _say_what_is_newer(workspace: Workspace, main: Commit) -> None:
    """Commits of main that are not here: what they did is not to be taken for wanted still."""
    behind = workspace.git.run("rev-list", "--count", f"HEAD..{main.id}")
    if behind != "0":
        workspace.screen.say(f"What is here is {behind} behind main, which nothing above saw: git pull --ff-only")


def _line(model: str, word: str, key: str | None, reasons: str) -> None:
    emit(f"{model:24} {word:10} {(key or '')[:SHORT]:12} {reasons}".rstrip())


def unverified(settings: Settings, state: State) -> str:
    """Why nothing is asked for in an environment that takes what was verified in the one before; else nothing."""
    return f"nothing was verified in {settings.earlier[-1]} yet" if settings.earlier and not state.key else ""


def said(state: State, git: Git) -> str:
    """Why history asks for that, with the commits that say so."""
    if state.decision.problem:
        return state.decision.problem
    because = "; ".join(f"{b.commit[:SHORT]} {b.what}" for b in state.decision.because)
    if state.decision.wanted is not Wanted.HELD:
        return because
    purpose = "to put it back" if state.key else "to remove it"
    return f"{because}; {purpose}: {git.revert_of(state.decision.because[0].commit)}"


def _key(state: State) -> str | None:
    return state.decision.key or state.key


def _document(found: Sequence[Affected], asked: Sequence[Asked] | None, main: Commit | None) -> Mapping[str, Any]:
    document: dict[str, Any] = {
        "base": main.id if main else None,
        "models": [asdict(affected) for affected in found],
    }
    if asked is not None:
        document["main"] = [{**_state(one.state), "environment": one.environment} for one in asked]
    return document


def _state(state: State) -> Mapping[str, Any]:
    return {
        "model": state.model,
        "wanted": state.decision.wanted.value,
        "key": _key(state),
        "because": [_because(because) for because in state.decision.because],
        **({"problem": state.decision.problem} if state.decision.problem else {}),
    }


def _because(because: Because) -> Mapping[str, str]:
    return {"commit": because.commit, "what": because.what}


def _some(reasons: Sequence[str]) -> str:
    """The first reasons, and how many there are besides."""
    more = f"; and {len(reasons) - _SHOWN_REASONS} more" if len(reasons) > _SHOWN_REASONS else ""
    return "; ".join(reasons[:_SHOWN_REASONS]) + more
