"""The steps of a merge, each decided, prepared and landed.

Level-triggered: what has to be done is read from main each time, so a run that comes late, twice or after a kill
ends in the same state. Each step is decided on main's tip and lands only on that tip; whoever loses a race
decides again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from slipway.adapters import skopeo
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.errors import InputError, SlipwayError, UnreachableError
from slipway.plan.acts import releases
from slipway.plan.rule import Wanted
from slipway.release.decisions import Decide, Decisions
from slipway.release.judge import Judge
from slipway.release.shipping import Shipping
from slipway.release.step import Done, Step, Stopped
from slipway.release.until import Since, Until
from slipway.release.view import View, read
from slipway.release.wanting import MOST_AT_ONCE, at_once, served, wanting
from slipway.reviewed_bytes import told
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.adapters.image import Image, Images
    from slipway.workspace import Workspace

_ATTEMPTS = 60
_STEPS = 4
"""Commits that one model can ask for in a row: a rollback, a release, a configuration, and one to spare."""
_SERVED = 2
"""Releases of one model that are served at most: one live, and one on trial."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


@dataclass(frozen=True, kw_only=True)
class Releaser:
    """Brings main to what its history asks for, one model after the other."""

    workspace: Workspace
    main: MainBranch
    images: Images
    landing: Landing
    pause: Callable[[float], None]
    """Wait for so many seconds."""
    jitter: Callable[[], float]
    """A random number from 0 to 1, so that those who lost a race do not meet again."""
    workers: int | None = None
    elsewhere: Callable[[Image], bool] = skopeo.has
    """Whether an image is where these settings make none: other settings released it."""
    until: Until = Until.COMMIT
    since: Since = Since.START
    signed: frozenset[str] | None = None
    """The images that this run signed, where no other may be committed anew."""

    def release(self, names: Sequence[str] = ()) -> Iterator[Step]:
        """Every step for these models, or for all of main's, as each is done.

        A model for which something fails is a failed step, and the others go on; not where main cannot be reached.
        """
        steps = self._bring if self.until is Until.COMMIT else self._prepare
        tell = self.workspace.screen.say
        for model in [check_name(name) for name in names] or at_once(
            wanting(self.workspace, self.main, self.landing), tell
        ):
            yield from self._guarded(model, partial(steps, model, named=bool(names)))

    def promote(self, model: str, key: str | None = None, *, said: str = "") -> Step:
        """Give the canary on trial the full traffic: the one of this key, else the one that is on trial now.

        Where another environment follows, it counts as verified from then on. `said` is one more sentence of the
        commit's message. Raises `InputError` where another key is on trial, or where main asks for its removal. A
        newer key that waits for its own release is no reason against it: its verdict may be no.
        """
        trial = self._read(self.main.tip(), check_name(model)).state.trial
        expected = key or (trial.key if trial else None)
        return self._step(model, partial(self.decisions.promotion, expected, said))

    def confirm(self, model: str, key: str, *, said: str = "") -> Step:
        """Mark a release that has the full traffic as verified; nothing where it is another by now, or is marked."""
        return self._step(check_name(model), partial(self.decisions.confirmation, key, said))

    def revert(self, model: str, key: str, *, why: str) -> Step:
        """Take back a release that is not settled; nothing where it is on trial no longer.

        The canary goes. One with the full traffic makes room for what was there before, if anything was. By the rule
        it stays away until the inputs change, as if a person had taken it back.
        """
        return self._step(check_name(model), partial(self.decisions.reversion, key, why))

    def rebuild(self, names: Sequence[str] = ()) -> Iterator[Step]:
        """Every step for these models, or for all that are served: each of their keys upon the builder of now.

        Nothing is trained or judged, and what main's history asks for besides is left to `release`. One run is about
        so many images as an engine can sign at once: the same for the run that builds and for the one that commits.
        """
        count = 0
        for model in [check_name(name) for name in names] or served(self.workspace, self.main, self.landing):
            if count > MOST_AT_ONCE - _SERVED:
                self.workspace.screen.say(f"{count} images are enough for one run: from {model} on, the next has them")
                return
            for step in self._guarded(model, partial(self._rebuild, model, named=bool(names))):
                count += bool(step.image) and step.done is not Done.NOTHING
                yield step

    @cached_property
    def decisions(self) -> Decisions:
        """What is to be done about a model, and what it takes."""
        return Decisions(
            workspace=self.workspace,
            main=self.main,
            landing=self.landing,
            judge=Judge(workspace=self.workspace, workers=self.workers),
            shipping=Shipping(workspace=self.workspace, images=self.images, elsewhere=self.elsewhere),
            until=self.until,
            since=self.since,
            signed=self.signed,
        )

    def _read(self, tip: str, model: str) -> View:
        return self.main.deep(lambda: read(self.workspace.git, tip, self.workspace.settings, model))

    def _bring(self, model: str, *, named: bool) -> Iterator[Step]:
        for count in range(_STEPS):
            step = self._step(model, self.decisions.wanted)
            if step.done is not Done.NOTHING or (named and count == 0):
                yield step
            if step.done is not Done.COMMITTED:
                return

    def _prepare(self, model: str, *, named: bool) -> Iterator[Step]:
        """Verdicts and images alone. A commit that would land is made, and what comes after it is decided on it."""
        tip = self.main.tip()
        for count in range(_STEPS):
            began = self.workspace.clock()
            view = self._read(tip, model)
            step = self._made(view, self.decisions.wanted)
            if step.done is not Done.NOTHING or (named and count == 0):
                yield replace(step, commit="", seconds=self.workspace.clock() - began)
            if not step.commit or step.wanted is Wanted.RELEASE:
                return
            tip = step.commit

    def _rebuild(self, model: str, *, named: bool) -> Iterator[Step]:
        state = self._read(self.main.tip(), model).state
        if state.serving is None and state.decision.wanted is Wanted.FAULTY:
            raise InputError(state.decision.problem)
        keys = list(dict.fromkeys(release.key for release in releases(state.serving)))
        self._withdraw_rebuilds(model, but=keys)
        for key in keys:
            branch = self.decisions.rebuild_branch(model, key)
            decide = partial(self.decisions.rebuilt, key)
            is_last = self.until is Until.COMMIT
            step = self._step(model, decide, branch=branch) if is_last else self._ready(model, decide)
            if named or step.done is not Done.NOTHING:
                yield replace(step, key=key)
        environment = self.workspace.settings.environment
        if named and not keys and not self.workspace.settings.earlier:  # a later one may not have it yet
            raise InputError(f"nothing of {model} is released in {environment}", hint=f"Run: slipway release {model}")

    def _withdraw_rebuilds(self, model: str, *, but: Sequence[str]) -> None:
        """Take back the rebuilds that wait of keys that are served no more."""
        if self.landing is not Landing.BRANCH or self.until is not Until.COMMIT:
            return
        kept = {self.decisions.rebuild_branch(model, key) for key in but}
        for branch in self.main.waiting(self.decisions.rebuild_branch(model, "*")):
            if branch not in kept:
                self.main.withdraw(branch)

    def _ready(self, model: str, decide: Decide) -> Step:
        """Everything but the commit."""
        began = self.workspace.clock()
        step = self._made(self._read(self.main.tip(), model), decide)
        return replace(step, commit="", seconds=self.workspace.clock() - began)

    def _step(self, model: str, decide: Decide, *, branch: str = "") -> Step:
        began = self.workspace.clock()
        for attempt in range(_ATTEMPTS):
            view = self._read(self.main.tip(), model)
            step = self._made(view, decide)
            where = branch or self.decisions.branch(model, step.verb)
            landed = self._landed(step, view, where) if step.commit else step
            if landed is not None:
                return replace(landed, seconds=self.workspace.clock() - began)
            self.pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10)) * self.jitter())
        raise UnreachableError(
            f"main moved {_ATTEMPTS} times while {model} was to be committed", hint="Run the command again."
        )

    def _made(self, view: View, decide: Decide) -> Step:
        """Decide, and make the commit if there is one to be made; no branch points to it yet."""
        found = decide(view)
        step = replace(self._about(view), image=found.image, built=found.built)
        step = replace(step, by_this_workflow=self.decisions.shipping.is_by_this_workflow(step.image))
        if isinstance(found, Stopped):
            return replace(step, done=found.done, reasons=found.reasons)
        change = found.change
        if found.reviewed:
            step = replace(step, reviewed=found.reviewed.bytes, reasons=(told(found.reviewed),))
        made = self.main.commit(view.tip, change.files, change.message, self.workspace.now())
        if made is None:
            return replace(step, reasons=(*step.reasons, "main has it already"))
        return replace(step, done=Done.READY, commit=made, verb=change.verb, subject=change.subject)

    def _about(self, view: View) -> Step:
        judged = self.decisions.judge.known(view)
        return Step(
            model=view.state.model,
            environment=self.workspace.settings.environment,
            wanted=view.state.decision.wanted,
            key=view.state.key,
            done=Done.NOTHING,
            trained=judged is not None and judged.trained,
            known=judged is not None and judged.known,
        )

    def _landed(self, step: Step, view: View, branch: str) -> Step | None:
        """The step with its commit on main, or on a branch that waits; None if main moved in between."""
        if self.decisions.landing_of(step.verb) is Landing.BRANCH:
            waits = self.main.propose(step.commit, branch)
            approval = ", and for somebody to approve it" if self.decisions.is_approved(step.verb) else ""
            said = (*step.reasons, f"waits on the branch {branch}{approval}")
            return replace(step, commit=waits, done=Done.PROPOSED, reasons=said)
        return replace(step, done=Done.COMMITTED) if self.main.land(step.commit, view.tip) else None

    def _guarded(self, model: str, steps: Callable[[], Iterator[Step]]) -> Iterator[Step]:
        """A model's steps, the last of them failed where something failed.

        That one names what was built all the same: it is recorded, so whoever commits next takes it, and it has to be
        signed by then.
        """
        try:
            yield from steps()
        except UnreachableError:
            raise
        except SlipwayError as error:
            made = self.decisions.shipping.made.get(model)
            yield Step(
                model=model,
                environment=self.workspace.settings.environment,
                wanted=Wanted.FAULTY if isinstance(error, InputError) else Wanted.RELEASE,
                done=Done.FAILED,
                image=made.image if made else "",
                built=made is not None and not made.reused,
                by_this_workflow=made is not None and self.decisions.shipping.is_by_this_workflow(made.image),
                reasons=(str(error),),
                exit_code=error.exit_code,
            )
