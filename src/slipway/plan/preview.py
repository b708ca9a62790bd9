"""What a merge would change in `gitops/` of a model, as a unified diff: shown to those who review it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.delivery.manifest import Release
from slipway.errors import InputError
from slipway.plan import commit as commits
from slipway.plan import history, rule
from slipway.plan.commit import Change, Current
from slipway.plan.history import State
from slipway.plan.past import serving_table
from slipway.plan.rule import Because, Decision, Shape, Wanted
from slipway.spec import ServingTable

if TYPE_CHECKING:
    from slipway.adapters.git import Git
    from slipway.delivery.manifest import Serving
    from slipway.plan.past import Repository

_COMMIT, _DIGEST = "0" * 40, f"sha256:{'0' * 64}"
_UNKNOWN = {_DIGEST: "sha256:… (built by the merge)", _COMMIT: "… (the merge's commit)"}
"""What is written in the place of what only the merge makes, and how that is shown; the longer first."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What a change would merge of a model."""

    model: str
    key: str
    image: str
    """The name that the image will have."""
    metrics: Mapping[str, float]
    serving: ServingTable
    passes: bool
    """Whether the verdict is yes."""


def of_merge(git: Git, base: str, environment: str, merge: Merge) -> str:
    """The diff, on this commit of main; empty if the merge changes nothing, or where main cannot tell.

    That is told by whatever else reads main: here nothing is decided.
    """
    try:
        with history.read(git, base, environment) as repository:
            state, current, table = _at(repository, environment, merge)
        return preview(state, current, merge, table)
    except InputError:
        return ""


def preview(state: State, current: Current, merge: Merge, before: ServingTable | None) -> str:
    """The diff between the manifest now and after the merge; `before` is `[serving]` as main has it. Pure."""
    change = _change(state, current, merge, before)
    if change is None:
        return ""
    return "".join(diff(path, current.files.get(path), content) for path, content in change.files.items())


def _at(repository: Repository, environment: str, merge: Merge) -> tuple[State, Current, ServingTable | None]:
    """The model's state, as if main had the change already."""
    past, tip = repository.past(merge.model), repository.tip
    serving = past.serving_at(tip.id)
    if isinstance(serving, InputError):
        raise serving
    state = State(model=merge.model, key=merge.key, serving=serving, decision=rule.decide(merge.key, past))
    files = {path: content for path in past.manifests if (content := tip.read(path)) is not None}
    current = Current(environment=environment, files=files)
    return state, current, serving_table(tip, merge.model)


def _change(state: State, current: Current, merge: Merge, before: ServingTable | None) -> Change | None:
    shape = Shape.of(merge.serving)
    because = (Because(commit=_COMMIT, what="merged it"),)
    asked = State(
        model=state.model,
        key=merge.key,
        serving=state.serving,
        decision=Decision(wanted=state.decision.wanted, key=merge.key, because=because, release=state.decision.release),
        shape=_shape(state.serving, merge.serving, before) if state.serving else None,
    )
    wanted = state.decision.wanted if state.decision.key == merge.key else Wanted.NONE
    if wanted is Wanted.RELEASE and merge.passes:
        release = Release(key=merge.key, image=f"{merge.image}@{_DIGEST}", commit=_COMMIT, metrics=merge.metrics)
        return commits.released(asked, current, release, shape)
    if wanted is Wanted.RESTORE:
        return commits.restored(asked, current, shape)
    return commits.configured(asked, current) if asked.shape else None


def _shape(now: Serving, wished: ServingTable, before: ServingTable | None) -> Shape | None:
    """How it is to be served, where the change asks for something else than main does; what people set stays."""
    earlier = before or wished
    replicas = wished.replicas if wished.replicas != earlier.replicas else now.replicas
    percent = now.canary_percent
    if percent is not None and wished.canary_percent != earlier.canary_percent:
        percent = wished.canary_percent or percent
    places = [(table.platform, table.deployment_mode) for table in (wished, earlier)]
    moves = places[0] != places[1] and now.canary is None
    platform, mode = places[0] if moves else (now.platform, now.mode)
    is_same = (replicas, percent) == (now.replicas, now.canary_percent) and now.is_on(platform, mode)
    return None if is_same else Shape(replicas=replicas, canary_percent=percent, platform=platform, mode=mode)


def diff(path: str, before: bytes | None, after: bytes | None) -> str:
    """A file's change as a unified diff."""
    old, new = ((content or b"").decode().splitlines(keepends=True) for content in (before, after))
    names = f"a/{path}" if before else "/dev/null", f"b/{path}" if after else "/dev/null"
    lines = difflib.unified_diff(old, new, *names)
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    for placeholder, shown in _UNKNOWN.items():
        text = text.replace(placeholder, shown)
    return text
