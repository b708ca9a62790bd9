"""The data that a pull request's pointers name, brought to where its run finds them: its own code has no credentials.

Main's code does it, with main's `.dvc/config`: what a pull request says of a remote could be any place that the
credentials reach. It names data by checksum alone, and gets those that the remote of main holds. Its checkout is read
from Git's objects, before any of its code runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.data.cache import DataCache
from slipway.adapters.data.dvc_config import CONFIG
from slipway.adapters.data.files import DamagedError
from slipway.adapters.data.remote import MissingDataError
from slipway.adapters.git import Commit, Git
from slipway.adapters.objects import Objects, Snapshot
from slipway.datasets.named import ModelData, Named, named
from slipway.errors import InputError, OutsideError, SlipwayError
from slipway.key import Tree
from slipway.plan.change import Effect, of_change
from slipway.settings import LOCAL

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_READ = (Effect.RETRAIN, Effect.JUDGE)
"""What is done to a model by stages that read its data."""


def fetch(workspace: Workspace, checkout: Path, to: Path | None) -> Iterator[str]:
    """Fetch into the checkout's own `.slipway/data`, or `to`: each model that the change has reviewed, and main's data.

    Yields a line for each. That the remote does not have something is told and fails nothing here: it fails the review
    of that model. Raises `OutsideError` at the end where the remote could not be asked.
    """
    main = workspace.base(None)
    if main is None or (head := Git(root=checkout).resolve("HEAD")) is None:
        raise InputError("there is no main here, or no commit in the checkout", hint="Clone both: slipway ci checkout.")
    data = replace(
        workspace.data(config=main.read(CONFIG) or b""),
        cache=DataCache(root=to or _own(checkout)),
        sources=False,
    )
    faults: list[SlipwayError] = []
    for model, one in _wanted(checkout, head, main):
        try:
            yield f"{model}  {_fetched(data, one)}"
        except OutsideError as error:
            faults.append(error)
    if faults:
        raise OutsideError("\n".join(map(str, faults)))


def _own(checkout: Path) -> Path:
    """The checkout's folder for fetched data; `InputError` where the pull request brings one, which may be a link."""
    if Git(root=checkout).run("ls-files", "--", str(LOCAL)):
        raise InputError(f"{LOCAL}/ is committed in the pull request", hint=f"Take it out: git rm -r --cached {LOCAL}")
    return checkout / LOCAL / "data"


def _wanted(checkout: Path, head: str, main: Commit) -> Iterator[tuple[str, Named]]:
    """What the reviews will read: the change's data, and main's, which they are compared with."""
    with Objects(checkout) as theirs, Objects(main.git.root) as ours:
        now, before = Snapshot(objects=theirs, id=head), Snapshot(objects=ours, id=main.id)
        for affected in of_change(now, before):
            if affected.effect in _READ:
                found = [one for tree in (now, before) if (one := _named(tree, affected.model)) is not None]
                yield from ((affected.model, one) for one in dict.fromkeys(found))


def _named(tree: Tree, model: str) -> Named | None:
    try:
        return named(tree, model)
    except InputError:  # what is wrong with it is told by its review
        return None


def _fetched(data: ModelData, one: Named) -> str:
    try:
        data.get(one)
    except (InputError, MissingDataError, DamagedError) as error:
        return str(error)
    return f"{one.name} is there, md5 {one.pointer.md5}"
