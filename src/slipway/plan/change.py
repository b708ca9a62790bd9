"""Which models a change affects, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from slipway.errors import InputError
from slipway.key import KeyInputs, Shared, Tree, key_inputs, models, shared_inputs
from slipway.spec import folder, parse, parse_toml, spec_path, suite_path

_MANIFESTS = "gitops/models"


class Effect(StrEnum):
    """What a change does to a model."""

    RETRAIN = "retrain"
    """Its key is another: it is trained again."""
    JUDGE = "judge"
    """Its expectations or its gate changed: the same model is judged again."""
    CONFIGURE = "configure"
    """Only how it is served changed."""
    RETIRE = "retire"
    """Its folder was deleted."""
    REFUSED = "refused"
    """It mixes the model's inputs with its `gitops/`: nobody could tell a release from a rollback."""
    FAULTY = "faulty"
    """Its `model.toml` or data cannot be used."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Affected:
    """A model, what a change does to it, and why."""

    model: str
    effect: Effect
    reasons: tuple[str, ...]
    key: str | None = None


def of_change(now: Tree, base: Tree | None) -> tuple[Affected, ...]:
    """Every model of both trees with what the change from `base` to `now` does to it."""
    before = models(base) if base is not None else []
    here = models(now)
    gone = [
        Affected(model=m, effect=Effect.RETIRE, reasons=(f"{folder(m)}/ was deleted",)) for m in before if m not in here
    ]
    keys, earlier = _Keys(now), _Keys(base) if base is not None else None
    kept = [_of_model(model, keys, earlier if model in before else None) for model in here]
    found = [_unmixed(affected, now, base) for affected in (*gone, *kept)]
    return tuple(sorted(found, key=lambda affected: affected.model))


def edited(now: Tree, base: Tree | None) -> tuple[str, ...]:
    """The models whose manifests the change edits, adds or removes: by hand, or by reverting a commit of slipway's."""
    if base is None:
        return ()
    paths = {*now.files(_MANIFESTS), *base.files(_MANIFESTS)}
    found = {
        path.removeprefix(f"{_MANIFESTS}/").partition("/")[0] for path in paths if now.read(path) != base.read(path)
    }
    return tuple(sorted(found))


def _unmixed(affected: Affected, now: Tree, base: Tree | None) -> Affected:
    """What a change does, or that it is refused: it changes inputs and manifests of one model.

    A change that deletes both has nothing left to mix.
    """
    if base is None or affected.effect not in (Effect.RETRAIN, Effect.RETIRE):
        return affected
    manifests = f"{_MANIFESTS}/{affected.model}"
    here = now.files(manifests)
    if affected.effect is Effect.RETIRE and not here:
        return affected
    changed = [path for path in sorted({*here, *base.files(manifests)}) if now.read(path) != base.read(path)]
    if not changed:
        return affected
    mixed = f"the same change edits {', '.join(changed)}; make it two pull requests (reverting a merge needs only one:"
    return replace(
        affected,
        effect=Effect.REFUSED,
        reasons=(*affected.reasons, f"{mixed} the release that was there before comes back by itself)"),
    )


class _Keys:
    """The key inputs of a tree's models; what they share is read once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def inputs(self, model: str) -> KeyInputs:
        return key_inputs(self.tree, model, self._shared)

    @cached_property
    def _shared(self) -> Shared:
        return shared_inputs(self.tree)


def _of_model(model: str, now: _Keys, base: _Keys | None) -> Affected:
    try:
        path = str(spec_path(model))
        parse(now.tree.read(path) or b"", path)
        inputs = now.inputs(model)
    except InputError as error:
        return Affected(model=model, effect=Effect.FAULTY, reasons=tuple(str(f).splitlines()[0] for f in error.faults))
    if base is None:
        return Affected(model=model, effect=Effect.RETRAIN, reasons=("the model is new",), key=inputs.key)
    try:
        reasons = inputs.reasons(base.inputs(model))
    except InputError:  # what the base has there never was a model that works
        reasons = ("the base's version cannot be read",)
    if reasons:
        return Affected(model=model, effect=Effect.RETRAIN, reasons=reasons, key=inputs.key)
    effect, reasons = _without_training(model, now.tree, base.tree)
    return Affected(model=model, effect=effect, reasons=reasons, key=inputs.key)


def _without_training(model: str, now: Tree, base: Tree) -> tuple[Effect, tuple[str, ...]]:
    judged = []
    if now.read(str(suite_path(model))) != base.read(str(suite_path(model))):
        judged.append("expectations.json changed")
    tables, earlier = _tables(model, now), _tables(model, base)
    if tables.get("gate") != earlier.get("gate"):
        judged.append("model.toml [gate] changed")
    served = ["model.toml [serving] changed"] if tables.get("serving") != earlier.get("serving") else []
    if judged:
        return Effect.JUDGE, (*judged, *served)
    return (Effect.CONFIGURE, tuple(served)) if served else (Effect.NONE, ())


def _tables(model: str, tree: Tree) -> dict[str, object]:
    path = str(spec_path(model))
    return parse_toml(tree.read(path) or b"", path)
