"""`settle`: every release on trial is looked at, and what follows is committed; the worst exit code of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from slipway.adapters.git import Commit
from slipway.adapters.main_branch import MainBranch
from slipway.commands.looking import Looking, within
from slipway.commands.release import releaser
from slipway.commands.telling import Telling
from slipway.errors import ExitCode, InputError, OutsideError, SlipwayError
from slipway.key import SHORT
from slipway.mirror import Mirror
from slipway.release.step import Done
from slipway.release.trials import Trial, trials
from slipway.screen import emit, emit_json
from slipway.spec import check_name
from slipway.trial.decision import End, Outcome

if TYPE_CHECKING:
    from slipway.release.releaser import Releaser
    from slipway.release.step import Step
    from slipway.workspace import Workspace

_SHORTEST, _LONGEST, _SHARE = 1.0, 30.0, 0.1
"""Seconds between two looks, and their share of the time that a release is watched at least."""
_GONE = "it is on trial no longer"
_WOULD = {End.PROMOTE: "promoted", End.CONFIRM: "marked as verified", End.REVERT: "taken back"}


type Follow = Callable[[Workspace, MainBranch], None]
"""Have whatever follows main follow it, in the workspace's environment."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How it is looked."""

    endpoint: str | None = None
    """A template, instead of the settings'."""
    prometheus: str | None = None
    wait: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What came of one trial."""

    trial: Trial
    end: End
    reasons: tuple[str, ...]
    exit_code: int
    step: Step | None = None
    told: str = ""
    """The pull request that was told."""

    @property
    def waits(self) -> bool:
        """Whether another look may end it. What is wrong here is not mended by waiting."""
        return self.end is End.WAIT and self.exit_code != ExitCode.BAD_INPUT

    def document(self) -> dict[str, object]:
        """For programs."""
        trial, step = self.trial, self.step
        return {
            "model": trial.model,
            "environment": trial.environment,
            "kind": trial.kind.value,
            "key": trial.release.key,
            "since": trial.since.isoformat(),
            "end": self.end.value,
            "reasons": list(self.reasons),
            "commit": step.commit if step else "",
            "subject": step.subject if step else "",
            "done": step.done.value if step else "",
            "pull_request": self.told,
            "exit_code": self.exit_code,
        }


def settle(
    workspace: Workspace,
    models: Sequence[str],
    look: Look,
    *,
    as_json: bool,
    pause: Callable[[float], None] = time.sleep,
    follow: Follow | None = None,
) -> int:
    """Look at every trial of these models, or of all; with `wait` again and again until each has ended."""
    workspace.check_history()
    settling = Settling(workspace=workspace, models=models, look=look, as_json=as_json, follow=follow or mirrored)
    settling.check_names()
    done: list[Settled] = []
    try:
        while True:
            ended = [one for one in done if not one.waits]
            found = settling.again(done) if done else settling.first()
            done = [*ended, *found]
            waiting = [one for one in found if one.waits]
            if not (look.wait and waiting):
                break
            pause(min(_pause(one.trial) for one in waiting))
    finally:  # what was done is told, whatever ended it
        if as_json:
            emit_json({"trials": [one.document() for one in done]})
    if not (done or as_json):
        workspace.screen.say("Nothing is on trial.")
    return max((one.exit_code for one in done), default=ExitCode.DONE)


def mirrored(workspace: Workspace, main: MainBranch) -> None:
    """Have MLflow's registry follow what main says now."""
    mirror = Mirror(workspace=workspace)
    mirror.start()
    try:
        main.deep(lambda: mirror.follow(main.known()))
    except OutsideError as error:
        workspace.screen.say(f"MLflow's registry does not follow: {error}")
    finally:
        mirror.close()


def _pause(trial: Trial) -> float:
    return min(_LONGEST, max(_SHORTEST, _SHARE * trial.table.canary_minutes * 60))


@dataclass(frozen=True, kw_only=True)
class Settling:
    """Looks, and acts."""

    workspace: Workspace
    models: Sequence[str]
    look: Look
    as_json: bool
    follow: Follow

    def check_names(self) -> None:
        """See to it that main has each model that is named, or a manifest of it; else `InputError`."""
        main = Commit(git=self.workspace.git, id=self.main.tip())
        places = {one: (f"data/{check_name(one)}", f"gitops/models/{one}") for one in self.models}
        if unknown := [one for one, folders in places.items() if not any(map(main.files, folders))]:
            raise InputError(f"there is no model {', '.join(unknown)} on main", hint="Name a folder of data/.")

    def first(self) -> list[Settled]:
        """A round, and whoever an earlier run did not come to tell is told."""
        found = self.round(but=())
        if not self.look.dry_run:
            self.telling.late(self.models, but=[one.trial for one in found if one.step])
        return found

    def round(self, but: Sequence[Trial]) -> list[Settled]:
        """Look at each other trial once, and tell what came of it. One that fails keeps no other from its end."""
        ended = {_name(trial) for trial in but}
        asked = [one for one in trials(self.workspace, self.main, self.models) if _name(one) not in ended]
        with closing(self.looking.each(asked)) as looked:
            found = [self._settled(trial, one) for trial, one in zip(asked, looked, strict=True)]
        committed = {one.trial.environment: one.trial for one in found if one.step and one.step.done is Done.COMMITTED}
        for trial in committed.values():
            self.follow(within(self.workspace, trial), self.main)
        if waiting := [one.step.commit for one in found if one.step and one.step.done is Done.PROPOSED]:
            self.telling.proposals(waiting)
        return found

    def again(self, done: Sequence[Settled]) -> list[Settled]:
        """As `round`, after others. While main cannot be read, nothing is known but what was found before."""
        try:
            return self.round(but=[one.trial for one in done if not one.waits])
        except OutsideError as error:
            self.workspace.screen.say(str(error))
            return [replace(one, exit_code=error.exit_code) for one in done if one.waits]

    @cached_property
    def main(self) -> MainBranch:
        """Where the trials are."""
        return MainBranch.of(self.workspace.git)

    @cached_property
    def looking(self) -> Looking:
        """What asks the cluster and Prometheus."""
        look = self.look
        return Looking(workspace=self.workspace, main=self.main, endpoint=look.endpoint, prometheus_url=look.prometheus)

    @cached_property
    def telling(self) -> Telling:
        """What tells pull requests."""
        return Telling(workspace=self.workspace, main=self.main)

    def _settled(self, trial: Trial, outcome: Outcome | SlipwayError) -> Settled:
        try:
            if isinstance(outcome, SlipwayError):
                raise outcome
            settled = self._acted(trial, outcome)
        except SlipwayError as error:
            settled = Settled(trial=trial, end=End.WAIT, reasons=(str(error),), exit_code=error.exit_code)
        self._say(settled)
        return settled

    def _acted(self, trial: Trial, outcome: Outcome) -> Settled:
        """The commit that follows, and who is told of it."""
        code = _code(outcome)
        settled = Settled(trial=trial, end=outcome.end, reasons=outcome.reasons, exit_code=code)
        if outcome.end not in _WOULD or self.look.dry_run:
            return settled
        try:
            step = self._step(trial, outcome)
        except InputError:
            if self._is_there(trial):
                raise
            return replace(settled, end=End.KEEP, reasons=(_GONE,), exit_code=ExitCode.DONE)
        if step.done is Done.NOTHING:  # somebody else was quicker
            return replace(settled, end=End.KEEP, reasons=step.reasons, exit_code=ExitCode.DONE, step=step)
        told = self.telling.at_once(trial, outcome.reasons, step) if outcome.end is End.REVERT else ""
        return replace(settled, step=step, told=told)

    def _step(self, trial: Trial, outcome: Outcome) -> Step:
        model, key = trial.model, trial.release.key
        acting = self._releaser(trial)
        match outcome.end:
            case End.PROMOTE:
                return acting.promote(model, key, said=outcome.said)
            case End.CONFIRM:
                return acting.confirm(model, key, said=outcome.said)
            case _:
                return acting.revert(model, key, why=f"{outcome.short}: {'; '.join(outcome.reasons)}")

    def _is_there(self, trial: Trial) -> bool:
        """Whether it is on trial still: a newer release, or a person, may have come while it was asked."""
        return _name(trial) in map(_name, trials(self.workspace, self.main, [trial.model]))

    def _releaser(self, trial: Trial) -> Releaser:
        return releaser(within(self.workspace, trial), self.main)

    def _say(self, one: Settled) -> None:
        """What people are told."""
        trial, step = one.trial, one.step
        told = "; ".join(one.reasons)
        where = f"{trial.model} {trial.release.key[:SHORT]} in {trial.environment}"
        if step is not None and step.done is not Done.NOTHING:
            said = f"{_WOULD[one.end]}: {told}" + (f"; {'; '.join(step.reasons)}" if step.reasons else "")
            if not self.as_json:
                emit(f"{step.commit[:SHORT]} {step.subject}")
        elif one.end in _WOULD:
            said = f"would be {_WOULD[one.end]}: {told}"
        else:
            said = f"{'waits' if one.end is End.WAIT else 'stays'}: {told}"
        self.workspace.screen.say(f"{where} {said}" + (f"; told {one.told}" if one.told else ""))


def _name(trial: Trial) -> tuple[str, str, str]:
    return trial.environment, trial.model, trial.release.key


def _code(outcome: Outcome) -> int:
    if outcome.end is End.REVERT:
        return ExitCode.VERDICT_NO
    return ExitCode.OUTSIDE_FAILED if outcome.is_outside else ExitCode.DONE
