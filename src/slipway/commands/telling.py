"""Pull requests hear that their releases were taken back: at once, and where that failed, from a later run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from slipway.adapters.credentials import names_a_repository
from slipway.errors import SlipwayError
from slipway.forge.verifying import TakenBack, Told, tell
from slipway.key import SHORT
from slipway.release.step import Done
from slipway.release.taken_back import Reverted, lately

if TYPE_CHECKING:
    from slipway.adapters.main_branch import MainBranch
    from slipway.release.step import Step
    from slipway.release.trials import Trial
    from slipway.workspace import Workspace

_LATE = timedelta(hours=1)
"""For so long it is tried again: after a kill between the commit and the comment, or while the forge did not answer.
Each try is two or three requests, each minute; the commit says the same for ever."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Tells them; where no forge is known, the commits alone say it."""

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

    def late(self, models: Sequence[str] = (), *, but: Sequence[str] = ()) -> None:
        """Tell of what an earlier run took back, and told nobody; not of these commits, which are of this run."""
        if not names_a_repository(os.environ):
            return
        for one in lately(self.workspace, self.main, self.workspace.now() - _LATE, models):
            told = Told() if one.commit in but else self._told(one)
            if told.is_news:
                name = f"{one.model} {one.key[:SHORT]} in {one.environment}"
                self.workspace.screen.say(f"{name} was taken back by {one.commit[:SHORT]}; told {told.address}")

    def _told(self, one: Reverted, *, is_waiting: bool = False) -> Told:
        from slipway.adapters.github import connect

        git, say = self.workspace.git, self.workspace.screen.say
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
            return tell(connect(os.environ), taken, say)
        except SlipwayError as error:  # the commit is there all the same
            say(f"{one.model}: its pull request could not be told: {error}")
            return Told()
