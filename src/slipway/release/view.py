"""All that a decision about a model is made from, read from one tip of main."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.adapters.git import Git
from slipway.plan import history
from slipway.plan.commit import Current
from slipway.plan.history import State
from slipway.plan.past import serving_table
from slipway.plan.rule import Shape
from slipway.spec import ServingTable, spec_path, suite_path


@dataclass(frozen=True, kw_only=True)
class View:
    """All that a decision about a model is made from, on one tip of main."""

    tip: str
    state: State
    current: Current
    shape: Shape
    judge: tuple[str | None, ...]
    """What a verdict depends on: key, champion, and the Git objects of spec and suite."""
    is_known: bool
    """Whether the model is there, or ever was released."""


def read(git: Git, tip: str, environment: str, model: str) -> View:
    """A model as a commit of main has it."""
    with history.read(git, tip, environment) as repository:
        tree = repository.tip
        state = history.state(repository, model)
        folder = f"gitops/models/{model}/{environment}"
        files = {path: tree.read(path) or b"" for path in tree.files(folder)}
        table = serving_table(tree, model) or ServingTable()
        touched = next(repository.past(model).touches(), None) if state.serving is None and state.key else None
        removed = touched.changed[repository.past(model).manifest].before if touched else None
        last = repository.objects.read(removed) if removed else None
        is_known = bool(state.key or state.serving or any(repository.past(model).touches()))
        judge = (tree.object(str(spec_path(model))), tree.object(str(suite_path(model))))
    champion = state.serving.default.key if state.serving else None
    return View(
        tip=tip,
        state=state,
        current=Current(environment=environment, files=files, last=last),
        shape=Shape(replicas=table.replicas, canary_percent=table.canary_percent),
        judge=(model, state.key, champion, *judge),
        is_known=is_known,
    )
