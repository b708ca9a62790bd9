"""All that a decision about a model is made from, read from one tip of main."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.adapters.git import Git
from slipway.adapters.own_git import MODEL
from slipway.plan import history, rebuild
from slipway.plan.commit import Current, Last
from slipway.plan.history import State
from slipway.plan.past import serving_table
from slipway.plan.rule import Shape
from slipway.plan.served import manifests
from slipway.plan.standing import Standing, standing
from slipway.spec import ServingTable, spec_path, suite_path

if TYPE_CHECKING:
    from slipway.delivery.manifest import Serving
    from slipway.plan.past import ModelPast
    from slipway.settings import Settings


@dataclass(frozen=True, kw_only=True)
class View:
    """All that a decision about a model is made from, on one tip of main."""

    tip: str
    state: State
    current: Current
    shape: Shape
    judge: tuple[str | None, ...]
    """What a verdict depends on: key, champion here or further on, and the Git objects of spec and suite."""
    standing: Standing | None
    """What is served and not settled yet."""
    is_known: bool
    """Whether the model is there, or ever was released."""


@dataclass(frozen=True, kw_only=True)
class _Images:
    """A model's past, and whose commits it is made of."""

    past: ModelPast
    git: Git

    def servings(self) -> Iterable[tuple[str, Serving | None]]:
        return self.past.servings()

    def is_own(self, commit: str) -> bool:
        """Slipway's commits say so; a person's merge of one brings it to main."""
        trailers = f"--format=%(trailers:key={MODEL},valueonly)"
        return bool(self.git.run("log", trailers, f"{commit}^1..{commit}").strip())

    def builder_changed_since(self, commit: str) -> bool:
        return self.past.builder_changed_since(commit)


def taken_away(git: Git, tip: str, environment: str, release: tuple[str, str, str]) -> str | None:
    """The person's commit that took an image away, if it is held: of a model, a key and the image's digest."""
    model, key, digest = release
    with history.read(git, tip, environment) as repository:
        return rebuild.taken_away(key, digest, _Images(past=repository.past(model), git=git))


def read(git: Git, tip: str, settings: Settings, model: str) -> View:
    """A model as a commit of main has it, in the environment that the settings name."""
    environment = settings.environment
    with history.read(git, tip, environment, settings.earlier) as repository:
        tree = repository.tip
        state = history.state(repository, model)
        folder = f"gitops/models/{model}/{environment}"
        files = {path: tree.read(path) or b"" for path in tree.files(folder)}
        table = serving_table(tree, model) or ServingTable()
        past = repository.past(model)
        touched = next(past.touches(), None)
        gone = touched.before.items() if touched and state.serving is None and state.key else ()
        last = next(
            (Last(path=path, content=repository.objects.read(blob) or b"") for path, blob in gone if blob), None
        )
        is_known = bool(state.key or state.serving or touched or tree.object(str(spec_path(model))))
        found = standing(past, is_followed=settings.is_followed) if state.serving else None
        later = [path for name in settings.onwards[1:] for path in manifests(model, name)]
        judge = tuple(map(tree.object, (str(spec_path(model)), str(suite_path(model)), *later)))
    champion = state.serving.default.key if state.serving else None
    return View(
        tip=tip,
        state=state,
        current=Current(environment=environment, files=files, last=last),
        shape=Shape.of(table),
        judge=(model, state.key, champion, *judge),
        standing=found,
        is_known=is_known,
    )
