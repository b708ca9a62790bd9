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
from slipway.adapters.image import Image
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.delivery.manifest import Release
from slipway.errors import InputError, OutsideError, SlipwayError, UnreachableError
from slipway.key import SHORT
from slipway.plan import commit as commits
from slipway.plan import history
from slipway.plan.commit import Change
from slipway.plan.rule import Wanted
from slipway.release.judge import Judge
from slipway.release.step import Done, Step
from slipway.release.view import View, read
from slipway.results import VerdictName
from slipway.spec import MODEL_NAME, check_name

if TYPE_CHECKING:
    from slipway.adapters.image import Images
    from slipway.pipeline import Judged
    from slipway.workspace import Workspace

_ATTEMPTS = 60
_STEPS = 4
"""Commits that one model can ask for in a row: a rollback, a release, a configuration, and one to spare."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


@dataclass(frozen=True, kw_only=True)
class _Stopped:
    """Why a decision changes nothing."""

    done: Done
    reasons: tuple[str, ...]


_Decide = Callable[[View], Change | _Stopped]


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

    def release(self, names: Sequence[str] = ()) -> Iterator[Step]:
        """Every step for these models, or for all of main's, as each is done.

        A model for which something fails is a failed step, and the others go on; not where main cannot be reached.
        """
        for model in [check_name(name) for name in names] or self._wanting():
            try:
                yield from self._bring(model, named=bool(names))
            except UnreachableError:
                raise
            except SlipwayError as error:
                wanted = Wanted.FAULTY if isinstance(error, InputError) else Wanted.RELEASE
                reasons = (str(error),)
                yield Step(model=model, wanted=wanted, done=Done.FAILED, reasons=reasons, exit_code=error.exit_code)

    def promote(self, model: str, key: str | None = None) -> Step:
        """Give the canary on trial the full traffic: the one of this key, else the one that is on trial now.

        Raises `InputError` where the key is on trial no longer, or where main asks for its removal. A newer key that
        waits for its own release is no reason against it: its verdict may be no.
        """
        tip = self.main.tip()
        trial = self._read(tip, check_name(model)).state.trial
        expected = key or (trial.key if trial else None)
        return self._step(model, partial(self._promotion, expected))

    def branch(self, model: str) -> str:
        """The branch on which a model's next commit waits, where main is protected."""
        return f"slipway/{self.workspace.settings.environment}/{model}"

    def _read(self, tip: str, model: str) -> View:
        environment = self.workspace.settings.environment
        return self.main.deep(lambda: read(self.workspace.git, tip, environment, model))

    @cached_property
    def _judge(self) -> Judge:
        return Judge(workspace=self.workspace, workers=self.workers)

    def _wanting(self) -> list[str]:
        tip = self.main.tip()

        def ask() -> list[str]:
            with history.read(self.workspace.git, tip, self.workspace.settings.environment) as repository:
                states = history.states(repository)
            return [state.model for state in states if state.decision.wanted not in _IDLE]

        wanting = self.main.deep(ask)
        return [*wanting, *(model for model in self._proposed() if model not in wanting)]

    def _proposed(self) -> list[str]:
        """The models of which a commit waits on a branch, which may be wanted no longer."""
        if self.landing is not Landing.BRANCH:
            return []
        names = (branch.rpartition("/")[2] for branch in self.main.waiting(self.branch("*")))
        return [name for name in names if MODEL_NAME.fullmatch(name)]

    def _bring(self, model: str, *, named: bool) -> Iterator[Step]:
        for count in range(_STEPS):
            step = self._step(model, self._decided)
            if step.done is not Done.NOTHING or (named and count == 0):
                yield step
            if step.done is not Done.COMMITTED:
                return

    def _step(self, model: str, decide: _Decide) -> Step:
        began = self.workspace.clock()
        for attempt in range(_ATTEMPTS):
            step = self._attempt(model, decide)
            if step is not None:
                return replace(step, seconds=self.workspace.clock() - began)
            self.pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10)) * self.jitter())
        raise UnreachableError(
            f"main moved {_ATTEMPTS} times while {model} was to be committed", hint="Run the command again."
        )

    def _attempt(self, model: str, decide: _Decide) -> Step | None:
        """Decide on main's tip, and act; None if main moved in between."""
        tip = self.main.tip()
        view = self._read(tip, model)
        change = decide(view)
        judged = self._judge.known(view)
        step = Step(
            model=model,
            wanted=view.state.decision.wanted,
            key=view.state.key,
            done=Done.NOTHING,
            trained=judged is not None and judged.trained,
            known=judged is not None and judged.known,
        )
        if isinstance(change, _Stopped):
            return replace(step, done=change.done, reasons=change.reasons)
        made = self.main.commit(view.tip, change.files, change.message, self.workspace.now())
        if made is None:
            return replace(step, reasons=("main has it already",))
        step = replace(step, commit=made, subject=change.subject)
        if self.landing is Landing.BRANCH:
            waits = self.main.propose(made, self.branch(model))
            said = f"waits on the branch {self.branch(model)}"
            return replace(step, commit=waits, done=Done.PROPOSED, reasons=(said,))
        return replace(step, done=Done.COMMITTED) if self.main.land(made, view.tip) else None

    def _decided(self, view: View) -> Change | _Stopped:
        state, current = view.state, view.current
        match state.decision.wanted:
            case Wanted.RELEASE:
                return self._released(view)
            case Wanted.RESTORE:
                self._check_image(view)
                return commits.restored(state, current, view.shape)
            case Wanted.ROLLBACK:
                return commits.rolled_back(state, current)
            case Wanted.CONFIGURE:
                return commits.configured(state, current)
            case Wanted.RETIRE:
                return commits.retired(state, current)
            case Wanted.FAULTY:
                raise InputError(state.decision.problem)
            case Wanted.NONE | Wanted.HELD:
                return self._promotion_that_waits(view) or self._idle(view)

    def _idle(self, view: View) -> _Stopped:
        state = view.state
        withdrawn = self.landing is Landing.BRANCH and self.main.withdraw(self.branch(state.model))
        if not (view.is_known or withdrawn):
            raise InputError(_unknown(state.model))
        because = state.decision.because
        said = tuple(f"{one.commit[:SHORT]} {one.what}" for one in because)
        if state.decision.wanted is Wanted.HELD:
            back = self.workspace.git.revert_of(because[0].commit)
            said = (*said, f"it stays away until the inputs change; to put it back: {back}")
        return _Stopped(done=Done.NOTHING, reasons=said)

    def _refused(self, view: View, judged: Judged) -> tuple[str, ...]:
        back = self.workspace.git.revert_of(view.state.decision.because[0].commit)
        way = f"mend it by a pull request (or accept less: [gate] min_improvement), or take it back: {back}"
        return f"the verdict is {judged.verdict.value}", *judged.reasons, way

    def _promotion_that_waits(self, view: View) -> Change | None:
        """The promotion of what is on trial, if somebody asked for it and it waits on its branch still."""
        if self.landing is not Landing.BRANCH or view.state.trial is None or view.state.decision.wanted is Wanted.HELD:
            return None
        change = commits.promoted(view.state, view.current)
        branch = self.branch(view.state.model)
        waits = self.main.waiting(branch).get(branch)
        return change if waits and self.main.subject(waits) == change.subject else None

    def _promotion(self, expected: str | None, view: View) -> Change | _Stopped:
        """The promotion of what was looked at, not of whatever came in between."""
        state, trial = view.state, view.state.trial
        if state.decision.wanted is Wanted.FAULTY:
            raise InputError(state.decision.problem)
        if not view.is_known:
            raise InputError(_unknown(state.model))
        if trial is None:
            return _Stopped(done=Done.NOTHING, reasons=("no release is on trial",))
        if expected is None or not trial.key.startswith(expected):
            raise InputError(
                f"{state.model}: {trial.key[:SHORT]} is on trial, not {(expected or 'nothing')[:SHORT]}",
                hint="Verify it, then promote it by its own key.",
            )
        if state.decision.wanted in (Wanted.RESTORE, Wanted.ROLLBACK, Wanted.RETIRE):
            raise InputError(
                f"{state.model}: main asks for {state.decision.wanted.value}, so {trial.key[:SHORT]} is not promoted",
                hint=f"Run: slipway release {state.model}",
            )
        return commits.promoted(state, view.current)

    def _check_image(self, view: View) -> None:
        """See to it that the image of what is restored is there; one that is lost is built again, from the store.

        Its own name says where it is: it may have been released with other settings.
        """
        from slipway.stages import package

        release, model = view.state.decision.release, view.state.model
        if release is None:
            return
        image = Image.parse(release.image)
        if self.images.has(image) or self.elsewhere(image):
            return
        if image.name != self.images.name(model):
            raise _lost(image)
        package.again(self.workspace, self.images, model, release)

    def _check_registry(self, state: history.State) -> None:
        """See to it that no image that only this machine has follows one that every cluster can pull."""
        served = Image.parse(state.serving.default.image).name if state.serving else ""
        if served and skopeo.is_hosted(served) and not skopeo.is_hosted(self.images.name(state.model)):
            raise InputError(
                f"{state.model}: {served} is served, and the next image would be on this machine alone",
                hint="Set SLIPWAY_BUILDER and SLIPWAY_REGISTRY as the release before had them.",
            )

    def _released(self, view: View) -> Change | _Stopped:
        from slipway.stages import package

        state, key = view.state, view.state.key or ""
        judged = self._judge.verdict(view)
        if judged.verdict is not VerdictName.PROMOTE:
            if state.shape is not None:  # how it is served does not wait for what is served
                return commits.configured(state, view.current)
            return _Stopped(done=Done.REFUSED, reasons=self._refused(view, judged))
        self._check_registry(state)
        source = state.decision.because[0].commit
        packaged = package.run(self.workspace, self.images, state.model, key, commit=source)
        release = Release(key=key, image=packaged.image, commit=source, metrics=judged.metrics)
        return commits.released(state, view.current, release, view.shape)


def _lost(image: Image) -> OutsideError:
    """What is said of an image that is gone, and would not be built under its name with these settings."""
    registry = image.name.rpartition("/")[0]
    if skopeo.is_hosted(image.name):
        return OutsideError(
            f"{image.reference} is gone from its registry, which is not the one of SLIPWAY_REGISTRY",
            hint=f"Restore it from a backup. To build it again, set SLIPWAY_REGISTRY={registry}, and SLIPWAY_BUILDER "
            "to what it was built upon. Or release the key anew by a pull request.",
        )
    return OutsideError(
        f"{image.reference} was released without a builder, and is not beside this store",
        hint=f"To build it again, unset SLIPWAY_BUILDER and set SLIPWAY_REGISTRY={registry}. "
        "Or release the key anew by a pull request.",
    )


def _unknown(model: str) -> str:
    return f"there is no model {model!r} on main, and none was released"


_IDLE = (Wanted.NONE, Wanted.HELD)
