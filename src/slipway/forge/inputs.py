"""Which keys a pull request's models can have: told from its commits' Git objects, never by what its run says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from slipway.adapters.git import Commit, Git
from slipway.adapters.main_branch import MainBranch
from slipway.errors import InputError
from slipway.forge.interface import Pull
from slipway.key import key_inputs


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """A pull request's files, as the forge's own refs have them."""

    git: Git
    main: MainBranch
    pull: Pull

    def keys(self, model: str) -> frozenset[str]:
        """The keys that a run of the pull request's newest commit can have found: of it, and of its merge into main."""
        found = set()
        for commit in self._commits:
            try:
                found.add(key_inputs(Commit(git=self.git, id=commit), model).key)
            except InputError:  # there is no such model in this tree, or it cannot be read
                continue
        return frozenset(found)

    @cached_property
    def brings_code(self) -> bool:
        """Whether it changes anything but data and their specs: then its run was not of main's code.

        It may be merged by now, and main then has all of it: so it is told from where it left main. What cannot be
        told may have brought code.
        """
        left = self._left if self._commits else None
        if left is None or left == self.pull.head:
            return True
        changed = self._changed(left, self.pull.head)
        if self._merge:
            changed += self._changed(f"{self._merge}^1", self._merge)
        return any(not path.startswith("data/") for path in changed)

    @property
    def _left(self) -> str | None:
        """The newest commit that once was main's tip and is a part of it; the first parents alone were that."""
        main, head = self.main.known(), self.pull.head
        beyond = self.git.run("rev-list", "--first-parent", main, f"^{head}").split()
        return self.git.resolve(f"{beyond[-1]}^1") if beyond else main

    def _changed(self, before: str, after: str) -> list[str]:
        diff = self.git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", before, after)
        return [path for path in diff.split("\0") if path]

    @property
    def _commits(self) -> tuple[str, ...]:
        return tuple(commit for commit in (self._head, self._merge) if commit)

    @cached_property
    def _head(self) -> str | None:
        """The newest commit, if the forge's ref still is at it."""
        head = self.main.fetched(f"refs/pull/{self.pull.number}/head")
        return head if head == self.pull.head else None

    @cached_property
    def _merge(self) -> str | None:
        """The merge that GitHub tries, if it is of the newest commit and still there."""
        merge = self.main.fetched(f"refs/pull/{self.pull.number}/merge")
        return merge if merge and self.git.resolve(f"{merge}^2") == self.pull.head else None
