"""What every stage is given: where it works, what it may use, and the model that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import spec
from slipway.adapters.git import Commit, Git, WorkTree
from slipway.errors import InputError
from slipway.key import SHORT, KeyInputs, key_inputs
from slipway.training.faults import DataError

if TYPE_CHECKING:
    from slipway.adapters.store import Store
    from slipway.screen import Screen
    from slipway.settings import Settings
    from slipway.training.features import Dataset


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The effects that stages use; built once, by the command line."""

    settings: Settings
    git: Git
    store: Store
    screen: Screen
    now: Callable[[], datetime]
    clock: Callable[[], float]
    """Seconds that only ever grow."""

    def base(self, ref: str | None) -> Commit | None:
        """The commit that a change is compared with: `ref`, else main as the remote or this clone has it.

        None in a folder without commits.
        """
        if not self.git.is_repository():
            return None
        if ref is not None:
            return self.git.commit(ref)
        known = (self.git.resolve(name) for name in ("origin/main", "main", "HEAD"))
        return next((Commit(git=self.git, id=commit) for commit in known if commit), None)

    def fork_point(self, base: Commit | None) -> Commit | None:
        """The commit at which the change left the base's history: what its own differences are measured from."""
        if base is None:
            return None
        shared = self.git.merge_base(base.id, "HEAD")
        return Commit(git=self.git, id=shared) if shared else base

    def head(self) -> str | None:
        """The commit that is checked out, if there is one."""
        return self.git.resolve("HEAD")

    def model(self, name: str, *, trials: int | None = None) -> Model:
        """A model as it is in the working tree; `InputError` with every fault of its `model.toml`."""
        spec.check_name(name)
        tree = WorkTree(root=self.settings.repo)
        inputs = key_inputs(tree, name).with_trials(trials)
        path = str(spec.spec_path(name))
        parsed = spec.parse(tree.read(path) or b"", path)
        if trials is not None:
            parsed = parsed.model_copy(update={"search": parsed.search.model_copy(update={"trials": trials})})
        return Model(name=name, spec=parsed, inputs=inputs, repo=self.settings.repo)


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the working tree. Its data are read once, when first asked for."""

    name: str
    spec: spec.ModelSpec
    inputs: KeyInputs
    repo: Path = field(repr=False)

    @cached_property
    def key(self) -> str:
        """The content key."""
        return self.inputs.key

    @property
    def short_key(self) -> str:
        """The key as people are shown it."""
        return self.key[:SHORT]

    @property
    def data_name(self) -> str:
        """The data file, from the repository's root."""
        return str(spec.folder(self.name) / self.inputs.data_file)

    @property
    def data_file(self) -> Path:
        """The data file."""
        return self.repo / self.data_name

    @cached_property
    def dataset(self) -> Dataset:
        """The data, read, checked and split; `InputError` with every fault that was found."""
        from slipway.training.dataset import read
        from slipway.training.features import dataset

        if self.data_file.resolve().parent.is_relative_to((self.repo / "data").resolve()) is False:
            raise InputError(f"{self.data_name} is a link that leaves data/", hint="Put the file itself there.")
        try:
            return dataset(read(self.data_file, self.spec.data), self.spec)
        except DataError as error:
            raise InputError.of_data(error, self.data_name) from None
