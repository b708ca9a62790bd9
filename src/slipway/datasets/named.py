"""A model's data where a pointer names them: fetched once per machine, checked, and put beside their pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.data import files as data_files
from slipway.adapters.data import source as data_source
from slipway.adapters.data.cache import DataCache
from slipway.adapters.data.files import DamagedError, Told
from slipway.adapters.data.remote import DataRemote, MissingDataError
from slipway.datasets.pointer import SUFFIX, Pointer
from slipway.errors import InputError, OutsideError
from slipway.key import Tree, shaping_tables
from slipway.report import numbers
from slipway.spec import data_path, spec_path

if TYPE_CHECKING:
    from slipway.screen import Screen

_SOON = 2.0
"""Seconds that may pass before it is worth telling how far something is."""
_MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Named:
    """A data file, from the repository's root, and the pointer beside it."""

    name: str
    pointer: Pointer


def named(tree: Tree, model: str) -> Named | None:
    """What a model's pointer names in this tree; None where the data themselves are in it.

    Raises `InputError` where `model.toml` or the pointer cannot be read.
    """
    path = str(spec_path(model))
    name = str(data_path(model, shaping_tables(tree.read(path) or b"", path)))
    content = tree.read(f"{name}{SUFFIX}")
    return None if content is None else Named(name=name, pointer=Pointer.parse(content, f"{name}{SUFFIX}"))


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """The cache of this machine, and the remote that a repository's `.dvc/config` names."""

    cache: DataCache
    repo: Path
    scratch: Path
    """A folder of this repository that Git ignores."""
    environ: Mapping[str, str] = field(repr=False)
    screen: Screen
    clock: Callable[[], float]
    """Seconds that only ever grow."""
    config: bytes | None = None
    """Says which remote it is, in place of the working tree's `.dvc/config`."""
    sources: bool = True
    """Whether an import's source is asked where the remote has nothing: it may be any place that a pointer names."""

    def remote(self) -> DataRemote:
        """The remote; `InputError` where none is named that can be read."""
        return DataRemote.of(self.repo, self.environ, config=self.config)

    def get(self, named: Named) -> Path:
        """A file with what a pointer names, checked. It is the cache's: only to be read.

        Raises `OutsideError` or `InputError` where it is neither here nor can be fetched.
        """
        return self.cache.get(named.pointer, lambda to: self._fetch(named, to))

    def place(self, named: Named, file: Path) -> None:
        """See to it that a file is what its pointer names; `InputError` where it is something that nobody else has."""
        if file.exists():
            if is_named(named, file):
                return
            self.check_unedited(named, file)
            self.screen.say(f"{named.name} makes room for what its pointer names; it is still in the cache")
        data_files.copy(self.get(named), file, called=named.name, scratch=self.scratch)

    def check_unedited(self, named: Named, file: Path) -> None:
        """See to it that a file is what its pointer names, or else something that the cache has; else `InputError`."""
        if not is_named(named, file) and not self.cache.find(found := data_files.sum_of(file).md5):
            raise InputError(
                f"{named.name} is not the file that {named.name}{SUFFIX} names: its md5 is {found}",
                hint="New data: slipway data push MODEL. "
                "If it can go: delete it, and slipway data pull fetches the other.",
            )

    def _fetch(self, named: Named, to: Path) -> None:
        name, pointer = named.name, named.pointer
        with self.progress(f"fetch {name}", pointer.size or 0) as told:
            try:
                self._from_remote(pointer, to, told)
            except InputError as error:
                raise InputError(f"{name} is not here, and {error.faults[0].what}", hint=error.faults[0].hint) from None
            except OutsideError as error:
                raise type(error)(f"{name} is not here: {error.what}", hint=_hint(error)) from None
        self.screen.say(f"{name} fetched, {numbers.size(to.stat().st_size)}")

    def _from_remote(self, pointer: Pointer, to: Path, told: Told) -> None:
        """What the remote has, else what its import's source still has, as `dvc pull` does."""
        try:
            self.remote().fetch(pointer, to, told)
        except (InputError, MissingDataError):
            if pointer.source is None or not pointer.source.url.startswith("s3://") or not self.sources:
                raise
            found = data_source.fetch(pointer.source, to, told)
            if found.md5 != pointer.md5:
                to.unlink()
                raise DamagedError(f"{pointer.source.url} has other data by now") from None

    @contextmanager
    def progress(self, title: str, size: int) -> Iterator[Told]:
        """Tell how far something of so many bytes is, if it takes long."""
        began, advance = self.clock(), None
        with ExitStack() as stack:

            def told(through: int) -> None:
                nonlocal advance
                if advance is None and self.clock() - began > _SOON:
                    advance = stack.enter_context(self.screen.progress(f"{title}, MB", max(size // _MB, 1)))
                if advance is not None:
                    advance(min(through, size) // _MB, "")

            yield told


def check_inside(file: Path, name: str, root: Path) -> None:
    """See to it that a data file is no link, nor below one that leads out of `data/`; else `InputError`."""
    if file.is_symlink() or not file.resolve().is_relative_to((root / "data").resolve()):
        raise InputError(f"{name} is a link", hint="Put the file itself there: Git keeps only the link.")


def is_named(named: Named, file: Path) -> bool:
    """Whether a file is what a pointer names."""
    return data_files.sum_of(file).md5 == named.pointer.md5


def _hint(error: OutsideError) -> str:
    return f"{error.hint} A pull request's run holds no credentials: README.md says how its data get there.".strip()
