"""The verdict about a key that main asks for: what the review found, or what is found now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slipway.adapters.git import Commit, WorkTree
from slipway.errors import InputError
from slipway.key import key_inputs
from slipway.spec import spec_path, suite_path

if TYPE_CHECKING:
    from slipway.pipeline import Judged
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
        """May this key be released? While main only moves elsewhere, that is asked once."""
        from slipway.pipeline import Options, Pipeline

        if view.judge not in self._judged:
            options = Options(base=view.tip, workers=self.workers)
            with (
                self._checked_out(view) as workspace,
                closing(Pipeline(workspace=workspace, options=options)) as pipeline,
            ):
                self._judged[view.judge] = pipeline.judge(view.state.model)
        return self._judged[view.judge]

    @contextmanager
    def _checked_out(self, view: View) -> Iterator[Workspace]:
        """A workspace whose files of the model are main's: this one, if they are, else a work tree of its own."""
        if self._is_here(view):
            yield self.workspace
            return
        settings, git = self.workspace.settings, self.workspace.git
        place = settings.local / "main" / view.tip[:12]
        git.run("worktree", "prune")
        if not (place / ".git").exists():
            git.run("worktree", "add", "--quiet", "--detach", "--force", str(place), view.tip)
        try:
            elsewhere = replace(settings, repo=place, home=settings.local)
            yield replace(self.workspace, settings=elsewhere, git=replace(git, root=place))
        finally:
            git.run("worktree", "remove", "--force", str(place))

    def _is_here(self, view: View) -> bool:
        """Whether what shapes and judges the model is here as main has it."""
        model, git = view.state.model, self.workspace.git
        tree = WorkTree(root=self.workspace.settings.repo)
        main = Commit(git=git, id=view.tip)
        told = (str(spec_path(model)), str(suite_path(model)))
        if any(tree.read(path) != main.read(path) for path in told):
            return False
        try:
            return key_inputs(tree, model).key == view.state.key
        except InputError:
            return False
