"""What is live, copied into another store: one that pull requests' runs can read, which hold no secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway import trained
from slipway.delivery import manifest
from slipway.errors import InputError, SlipwayError, StoreError
from slipway.key import SHORT
from slipway.plan.served import find, manifests

if TYPE_CHECKING:
    from slipway.adapters.git import Commit
    from slipway.adapters.store import Store
    from slipway.workspace import Workspace

_PARTS = 5
"""Of a manifest's path."""


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A release that `gitops/` names."""

    model: str
    key: str
    is_live: bool
    """Else it is on trial: nobody is compared with it yet."""


def copy(workspace: Workspace, target: Store) -> Iterator[str]:
    """Copy the models that are live or on trial on main, as this clone knows it, and say of each what was done.

    What is there already is looked at and left. Every model is seen to before the first fault is raised: `StoreError`
    where one that is live is in neither store, or where the target has other bytes under its key.
    """
    workspace.check_history()
    base = workspace.base(None)
    if base is None:  # pragma: no cover  there is a history, so there is a base or an error
        return
    faults: list[SlipwayError] = []
    for model, environment in _served(base, workspace.settings.onwards):
        try:
            for one in _of_model(base, model, environment):
                yield f"{one.model} {one.key[:SHORT]} {_copied(workspace.store, target, one)}"
        except SlipwayError as error:
            faults.append(error)
    if faults:
        raise StoreError("\n".join(map(str, faults)))


def _served(base: Commit, environments: Sequence[str]) -> list[tuple[str, str]]:
    """Every model that has a manifest in one of these, with the first that it is in: there is its champion."""
    parts = [path.split("/") for path in base.files("gitops/models")]
    found = {
        p[2]: environment
        for environment in reversed(environments)
        for p in parts
        if len(p) == _PARTS and "/".join(p) in manifests(p[2], environment)
    }
    return sorted(found.items())


def _of_model(base: Commit, model: str, environment: str) -> Iterator[Champion]:
    path, content = find(base.read, model, environment) or ("", b"")
    try:
        serving = manifest.read(content, path)
    except InputError:  # what is live is found in whatever people made of the rest
        yield Champion(model=model, key=manifest.live_key(content, path), is_live=True)
        return
    yield Champion(model=model, key=serving.default.key, is_live=True)
    if serving.canary:
        yield Champion(model=model, key=serving.canary.key, is_live=False)


def _copied(source: Store, target: Store, one: Champion) -> str:
    ours, theirs = (trained.load(store, one.model, one.key) for store in (source, target))
    if ours is not None:
        files = {trained.ONNX: ours.onnx, trained.CARD: ours.card.to_json()}
        kept = theirs or ours
        if theirs is None:
            target.put(trained.place(one.model, one.key), files)
            kept = trained.load(target, one.model, one.key) or ours
        if kept != ours:
            raise _another(one)
        return "was there already" if theirs else f"copied, {len(ours.onnx) / 1e6:.1f} MB"
    if theirs is not None:
        return "was there already; the store that releases use has lost it"
    if one.is_live:
        raise StoreError(
            f"{one.model} {one.key[:SHORT]} is live, and neither store has it",
            hint="Point SLIPWAY_STORE to the store that releases use, "
            f"or make it again: check out the commit it was released from and run: slipway tune {one.model}",
        )
    return "is on trial, and the store does not have it"


def _another(one: Champion) -> StoreError:
    """Whoever may write to the target was there first; what releases use counts."""
    place = trained.place(one.model, one.key).path
    return StoreError(
        f"{one.model} {one.key[:SHORT]} is another model in the store that it is copied to",
        hint=f"Somebody put other bytes under its key there. Delete {place} from it, and run the command again.",
    )
