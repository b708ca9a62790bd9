"""The verdict about a key that main asks for: what the review found, or what is found now."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import reviewed_bytes, trained
from slipway.adapters.data.dvc_config import CONFIG
from slipway.adapters.git import Commit, WorkTree
from slipway.adapters.objects import Objects, Snapshot
from slipway.datasets.named import is_named, named
from slipway.errors import InputError
from slipway.key import TRAINING, key_inputs
from slipway.results import VerdictName
from slipway.spec import spec_path, suite_path

if TYPE_CHECKING:
    from slipway.pipeline import Judged, Pipeline
    from slipway.release.view import View
    from slipway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Asks the pull request's stages, in files that are main's."""

    workspace: Workspace
    workers: int | None = None
    _judged: dict[tuple[str | None, ...], Judged] = field(default_factory=dict, repr=False)

    def known(self, view: View) -> Judged | None:
        """The verdict, if it was asked for in this run."""
        return self._judged.get(view.judge)

    def verdict(self, view: View) -> Judged:
        """May this key be released? While main only moves elsewhere, that is asked once.

        Raises `StoreError` where the key has two models.
        """
        reviewed_bytes.check_undisputed(self.workspace.store, view.state.model, view.state.key or "")
        if view.judge not in self._judged:
            with self._pipeline(view) as pipeline:
                judged = pipeline.judge(view.state.model)
            if judged.key != view.state.key:  # somebody edits the files just now
                raise InputError(f"the files of {view.state.model} changed while they were judged; run it again")
            self._judged[view.judge] = judged
        return self._judged[view.judge]

    def refused(self, view: View) -> bool:
        """Whether the verdict is no, as far as that takes no training.

        What was found before says so, or a comparison now: the champion may be another than the one of that time.
        Raises `StoreError` where the key has two models.
        """
        store, model, key = self.workspace.store, view.state.model, view.state.key or ""
        reviewed_bytes.check_undisputed(store, model, key)
        with self._pipeline(view) as pipeline:
            found = pipeline.known(model)
        if found is None and trained.load(store, model, key):
            found = self.verdict(view)
        return found is not None and found.verdict is not VerdictName.PROMOTE

    @contextmanager
    def _pipeline(self, view: View) -> Iterator[Pipeline]:
        from slipway.pipeline import Options, Pipeline

        options = Options(base=view.tip, workers=self.workers)
        with self._laid_out(view) as workspace, closing(Pipeline(workspace=workspace, options=options)) as pipeline:
            yield pipeline

    @contextmanager
    def _laid_out(self, view: View) -> Iterator[Workspace]:
        """A workspace whose files of the model are main's, byte for byte: this one, if they are, else a passing copy.

        The copy is written from Git's objects: no filter, hook or sparse checkout of the clone comes in between.
        """
        if self._is_here(view):
            yield self.workspace
            return
        settings = self.workspace.settings
        with tempfile.TemporaryDirectory(prefix="slipway-main-") as folder, Objects(settings.repo) as objects:
            place, tree = Path(folder).resolve(), Snapshot(objects=objects, id=view.tip)
            _lay_out(tree, place, view.state.model)
            if (pointed := named(tree, view.state.model)) is not None:
                self.workspace.data(config=tree.read(CONFIG) or b"").place(pointed, place / pointed.name)
            yield replace(self.workspace, settings=replace(settings, repo=place, home=settings.local))

    def _is_here(self, view: View) -> bool:
        """Whether what shapes and judges the model is here as main has it."""
        model, git = view.state.model, self.workspace.git
        tree = WorkTree(root=self.workspace.settings.repo)
        main = Commit(git=git, id=view.tip)
        told = (str(spec_path(model)), str(suite_path(model)))
        if any(tree.read(path) != main.read(path) for path in told):
            return False
        try:
            pointed, here = named(tree, model), key_inputs(tree, model).key == view.state.key
        except InputError:
            return False
        if pointed is None or not (file := tree.root / pointed.name).is_file():
            return here
        return here and is_named(pointed, file)  # else somebody edits them


def _lay_out(tree: Snapshot, place: Path, model: str) -> None:
    """Write what the model's key names, and what judges it."""
    paths = [path for folder in (str(spec_path(model).parent), TRAINING) for path in tree.files(folder)]
    for path in [*paths, "pyproject.toml", "uv.lock", ".python-version"]:
        if (content := tree.read(path)) is not None:
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
