"""What the forge hears of `settle`: which releases were taken back, and which commits wait for a pull request.

What could not be told at once is told by a later run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from slipway.adapters.credentials import names_a_repository
from slipway.errors import SlipwayError
from slipway.forge.verifying import TakenBack, Told, tell
from slipway.key import SHORT
from slipway.release.step import Done
from slipway.release.taken_back import Reverted, lately

if TYPE_CHECKING:
    from slipway.adapters.github import GitHub
    from slipway.adapters.main_branch import MainBranch
    from slipway.release.step import Step
    from slipway.release.trials import Trial
    from slipway.workspace import Workspace

_LATE = timedelta(hours=1)
"""For so long it is tried again: after a kill between the commit and the comment, or while the forge did not answer.
Each try is two or three requests, each minute; the commit says the same for ever."""
_TRIES = 2
"""Of each request: the next run tries again, and other trials wait for this one."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Tells it; where no forge is known, the commits alone say it."""

    workspace: Workspace
    main: MainBranch

    def at_once(self, trial: Trial, reasons: Sequence[str], step: Step) -> str:
        """Tell of a release that was taken back just now; the address of who was told, if anybody was."""
        if not names_a_repository(os.environ):
            return ""
        reverted = Reverted(
            model=trial.model,
            environment=trial.environment,
            key=trial.release.key,
            commit=step.commit,
            origin=trial.origin,
            reasons=tuple(reasons),
        )
        return self._told(reverted, is_waiting=step.done is Done.PROPOSED).address

    def late(self, models: Sequence[str], *, but: Collection[Trial]) -> None:
        """Tell of what an earlier run took back, and told nobody; not of these trials, which this run told of."""
        if not names_a_repository(os.environ):
            return
        told = {(trial.model, trial.environment, trial.release.key) for trial in but}
        try:
            for one in lately(self.workspace, self.main, self.workspace.now() - _LATE, models):
                if (one.model, one.environment, one.key) in told:
                    continue
                if not self._late(one):
                    return  # no other request would be answered either
        except SlipwayError as error:  # what this run did is done, and the next one tries again
            self._say(f"what was taken back before could not be told: {error}")

    def proposals(self, commits: Collection[str]) -> None:
        """Have these commits, which wait for main's rules or for a person, opened as pull requests."""
        if not names_a_repository(os.environ):
            return
        from slipway.forge import proposing

        try:
            for address in proposing.propose(self.workspace, self._forge, commits):
                self._say(f"waits in {address}")
        except SlipwayError as error:
            self._say(f"the pull request could not be opened, and the next run tries again: {error}")

    @cached_property
    def _forge(self) -> GitHub:
        from slipway.adapters.github import connect

        return connect(os.environ, tries=_TRIES)

    def _late(self, one: Reverted) -> bool:
        """Whether the forge answered."""
        told = self._told(one)
        if told.is_news:
            name = f"{one.model} {one.key[:SHORT]} in {one.environment}"
            self._say(f"{name} was taken back by {one.commit[:SHORT]}; told {told.address}")
        return not told.has_failed

    def _told(self, one: Reverted, *, is_waiting: bool = False) -> Told:
        git = self.workspace.git
        try:
            taken = TakenBack(
                model=one.model,
                environment=one.environment,
                key=one.key,
                commit=one.commit,
                back=git.revert_of(one.commit),
                origin=one.origin,
                subject=git.run("log", "-1", "--format=%s", one.origin),
                branch=self.main.name,
                reasons=one.reasons,
                is_waiting=is_waiting,
            )
            return tell(self._forge, taken, self._say)
        except SlipwayError as error:  # the commit is there all the same
            self._say(f"{one.model}: its pull request could not be told: {error}")
            return Told(has_failed=True)

    def _say(self, text: str) -> None:
        self.workspace.screen.say(text)
