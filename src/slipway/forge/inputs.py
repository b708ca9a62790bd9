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
    def _commits(self) -> tuple[str, ...]:
        """The newest commit, and the merge that GitHub tries, if it is of that commit and still there."""
        place = f"refs/pull/{self.pull.number}"
        head, merge = self.main.fetched(f"{place}/head"), self.main.fetched(f"{place}/merge")
        theirs = self.git.resolve(f"{merge}^2") if merge else None
        own = (head,) if head == self.pull.head else ()
        return (*own, *((merge,) if merge and theirs == self.pull.head else ()))
