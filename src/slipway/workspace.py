"""What every stage is given: where it works, what it may use, and the model that it is about."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import spec
from slipway.adapters.data import dvc_config
from slipway.adapters.data.cache import DataCache
from slipway.adapters.git import Commit, Git, WorkTree
from slipway.adapters.main_place import find
from slipway.datasets.named import ModelData, check_inside, named
from slipway.datasets.pointer import SUFFIX
from slipway.errors import InputError
from slipway.key import SHORT, KeyInputs, key_inputs
from slipway.settings import LOCAL, Settings
from slipway.training.faults import DataError, Fault

_KEY_NAMED = re.compile(r"^\[(\w+)\] (\w+)")

if TYPE_CHECKING:
    from slipway.adapters.store import Store
    from slipway.screen import Screen
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

    def check(self) -> None:
        """See to it that the folder is what keys and bases are told by; else `InputError`."""
        if not self.git.is_repository():
            return
        if self.git.run("rev-parse", "--is-bare-repository") == "true":
            raise InputError(f"{self.settings.repo} is a bare repository", hint="Run slipway in a clone of it.")
        if Path(self.git.run("rev-parse", "--show-toplevel")).resolve() != self.settings.repo:
            raise InputError(
                f"{self.settings.repo} is a folder inside of a repository",
                hint="Name the repository's own folder with --repo.",
            )
        if self.git.run("ls-files", "--", str(LOCAL)):
            raise InputError(
                f"{LOCAL}/ is committed here, so what it holds may come from anybody",
                hint=f"Take it out: git rm -r --cached {LOCAL}",
            )

    def check_history(self) -> None:
        """See to it that there is a Git history to read; else `InputError`."""
        if not self.git.is_repository():
            raise InputError(
                "this folder is no Git repository with a commit", hint="Run slipway in a clone, or use --repo."
            )

    def base(self, ref: str | None) -> Commit | None:
        """The commit that a change is compared with: `ref`, else main as the remote or this clone has it.

        None in a folder without commits; `InputError` where there is no main, or several remotes could have it.
        """
        if not self.git.is_repository():
            return None
        if ref is not None:
            return self.git.commit(ref)
        place = find(self.git)
        if place.commit is None:
            raise InputError(
                f"there is no {', '.join(place.looked_for)} to compare with",
                hint=f"Fetch it (git fetch {place.remote or 'origin'} main), or name another with --base.",
            )
        return Commit(git=self.git, id=place.commit)

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
        path = str(spec.spec_path(name))
        if (source := tree.read(path)) is not None:
            parsed = spec.parse(source, path)  # with every fault, before the key stumbles over the first
        inputs = key_inputs(tree, name).with_trials(trials)
        if trials is not None:
            parsed = parsed.model_copy(update={"search": parsed.search.model_copy(update={"trials": trials})})
        return Model(name=name, spec=parsed, inputs=inputs, repo=self.settings.repo, data=self.data())

    def data(self, config: bytes | None = None) -> ModelData:
        """Where data that pointers name come from; `config` says in place of the working tree's `.dvc/config`."""
        local, repo = self.settings.local, self.settings.repo
        others = (local / "data", repo / dvc_config.FOLDER / "cache")
        root = self.settings.data_cache or others[0]
        return ModelData(
            cache=DataCache(root=root, others=others, dvc=dvc_config.cache(repo)),
            repo=repo,
            scratch=local / "tmp",
            environ=os.environ,
            screen=self.screen,
            clock=self.clock,
            config=config,
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the working tree. Its data are read once, when first asked for."""

    name: str
    spec: spec.ModelSpec
    inputs: KeyInputs
    repo: Path = field(repr=False)
    data: ModelData | None = field(default=None, repr=False)

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

        file = self.fetched()
        try:
            return dataset(read(file, self.spec.data), self.spec)
        except DataError as error:
            raise InputError([self._placed(fault) for fault in error.faults]) from None

    def check_unedited(self) -> None:
        """See to it that nobody edited data whose pointer is as it was: the key is the pointer's, and so is all known.

        Raises `InputError` for such an edit, even where the data would not have to be read.
        """
        check_inside(self.data_file, self.data_name, self.repo)
        pointed = named(WorkTree(root=self.repo), self.name)
        if self.data is not None and pointed is not None and self.data_file.is_file():
            self.data.check_unedited(pointed, self.data_file)

    def fetched(self) -> Path:
        """The data file, fetched if only its pointer is here, and checked to be what that names: the key says so.

        Raises `InputError` for another file in its place, `OutsideError` where it cannot be fetched.
        """
        check_inside(self.data_file, self.data_name, self.repo)
        if self.data is not None and (pointed := named(WorkTree(root=self.repo), self.name)) is not None:
            if pointed.pointer.digest != self.inputs.data:
                raise InputError(f"{self.data_name}{SUFFIX} changed while it was read", hint="Run the command again.")
            self.data.place(pointed, self.data_file)
        return self.data_file

    def _placed(self, fault: Fault) -> Fault:
        """A fault with its file: what is said of a key of `model.toml` is that file's."""
        if (named := _KEY_NAMED.match(fault.what)) is None:
            return fault.at(self.data_name)
        path = spec.spec_path(self.name)
        lines = spec.key_lines((self.repo / path).read_text(encoding="utf-8"))
        return replace(fault.at(str(path)), line=lines.get(named.groups()))
