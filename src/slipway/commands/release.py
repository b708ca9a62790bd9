"""`release` and `promote`: what was decided about each model, and what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters import skopeo
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.errors import ExitCode, InputError, OutsideError
from slipway.key import SHORT
from slipway.mirror import Mirror
from slipway.outputs import Made
from slipway.plan.rule import Wanted
from slipway.release import signed as signed_images
from slipway.release import words
from slipway.release.releaser import Releaser
from slipway.release.step import Done, Step
from slipway.release.trials import Kind, Trial, trials
from slipway.release.until import Since, Until
from slipway.release.wanting import at_once, wanting
from slipway.screen import emit, emit_json
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.adapters.container_registry import Registry
    from slipway.adapters.image import Images, Layout
    from slipway.outputs import Outputs
    from slipway.settings import Settings
    from slipway.workspace import Workspace


def release(
    workspace: Workspace,
    models: Sequence[str],
    *,
    workers: int | None,
    as_json: bool,
    until: Until = Until.COMMIT,
    since: Since = Since.START,
    signed: Path | None = None,
    outputs: Outputs | None = None,
) -> int:
    """Bring main to what its history asks for; the worst exit code of all the steps.

    A verdict that was known before is told again, and is a failure only where its model is named: else one
    refused release would fail every other's run. With `until`, nothing lands, and what is found is kept, so that
    the run which lands it asks and builds nothing anew. Where the image is asked for, a verdict of no is no failure:
    there is nothing to build. Whoever asks a named model's verdict is told it by the exit code. With `since`, such a
    run lands what others made ready: what came meanwhile is left to the next, and told, and a no is none of its
    failures either, though it compared anew for a champion of since then. With `signed`, the folder of what those
    others signed, it lands no new image that is not among that.

    One environment follows the other, so that what is verified in one goes on to the next. Only the first judges and
    builds.
    """
    if since is Since.IMAGE and until is not Until.COMMIT:
        raise InputError(f"--from {since.value} commits, and --until {until.value} commits nothing", hint="Drop one.")
    if signed is not None and since is not Since.IMAGE:
        raise InputError("--signed is of what other jobs built", hint=f"Commit that: --from {Since.IMAGE.value}.")
    named, is_of_one = bool(models), of_one(models, outputs)
    through = workspace.settings.through
    run = Run(
        workspace=workspace,
        environments=through if until is Until.COMMIT else through[:1],
        until=until,
        since=since,
        signed=signed_images.read(signed) if signed else None,
        workers=workers,
        as_json=as_json,
        outputs=outputs,
        is_of_one=is_of_one,
    )
    return run.tell(lambda one: one.release(models), lambda step: _code(step, named=named, until=until, since=since))


def wanted(workspace: Workspace) -> list[str]:
    """The models of which main's history asks anything, or of which a commit waits on a branch.

    No more than an engine runs jobs at once; of the others people are told. They are those of the first environment:
    the others judge and build nothing, so no job prepares anything for them.
    """
    workspace.check_history()
    if workspace.settings.earlier:
        return []
    found = wanting(workspace, MainBranch.of(workspace.git), _landing(workspace.settings.landing))
    return at_once(found, workspace.screen.say)


def promote(workspace: Workspace, model: str, *, key: str | None, as_json: bool) -> int:
    """Give a canary on trial the full traffic, in the environment where it is on trial.

    Where none is, what has the full traffic and waits to be verified there counts as verified: a person says so.
    """
    workspace.check_history()
    trial = _of_trial(workspace, check_name(model), key)
    environment = trial.environment if trial else workspace.settings.environment
    run = Run(workspace=workspace, environments=(environment,), as_json=as_json)
    if trial and trial.kind is Kind.UNCONFIRMED:
        found = trial.release.key
        return run.tell(lambda one: iter([one.confirm(model, found)]), lambda step: _code(step, named=True))
    return run.tell(lambda one: iter([one.promote(model, key)]), lambda step: _code(step, named=True))


def _of_trial(workspace: Workspace, model: str, key: str | None) -> Trial | None:
    """The one trial that may be meant, a canary's first; `InputError` where several environments have one."""
    settings = workspace.settings
    if len(settings.through) == 1 and not settings.is_followed:
        return None
    found = trials(workspace, MainBranch.of(workspace.git), [model])
    meant = [one for one in found if one.release.key.startswith(key or "")]
    canaries = [one for one in meant if one.kind is Kind.CANARY]
    if len(canaries) > 1:
        said = " and ".join(f"{one.release.key[:SHORT]} in {one.environment}" for one in canaries)
        raise InputError(f"{said} are on trial", hint="Say which: --key, or SLIPWAY_ENVIRONMENT.")
    return next(iter([*canaries, *(one for one in meant if one.kind is Kind.UNCONFIRMED)]), None)


def of_one(models: Sequence[str], outputs: Outputs | None) -> bool:
    """Whether one model is named; `InputError` where files for its image are asked for and none is."""
    if len(models) != 1 and outputs and outputs.is_of_one_image:
        raise InputError("--image-url and --image-digest are of one image", hint="Name one model.")
    return len(models) == 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of steps, and who is told of it."""

    workspace: Workspace
    environments: Sequence[str]
    """In the order in which they are gone through."""
    as_json: bool
    until: Until = Until.COMMIT
    since: Since = Since.START
    signed: frozenset[str] | None = None
    """The images that may land anew; None: any."""
    workers: int | None = None
    outputs: Outputs | None = None
    is_of_one: bool = False
    """Whether one model is named, so that its newest image has an output of its own."""
    idle: str = "Nothing to do: main is what its history asks for."
    """What people are told where there is no step."""

    def tell(self, steps: Callable[[Releaser], Iterator[Step]], code: Callable[[Step], int]) -> int:
        """Do the steps, tell each, and have MLflow's registry follow; the worst exit code."""
        self.workspace.check_history()
        done: list[Step] = []
        main, mirror = MainBranch.of(self.workspace.git), Mirror(workspace=self.workspace)
        if self.until is Until.COMMIT:
            mirror.start()
        try:
            for step in self._steps(steps, main):
                done.append(step)
                self._say(step)
        finally:  # what was done is told, whatever ended it
            _follow(mirror, main, done)
            if self.as_json:
                emit_json({"steps": [words.document(step) for step in done]})
            self._hand_on(done)
        if not self.as_json and not done:
            self.workspace.screen.say(self.idle)
        _say_what_is_not_pushed(self.workspace, main)
        return max((code(step) for step in done), default=ExitCode.DONE)

    def _steps(self, steps: Callable[[Releaser], Iterator[Step]], main: MainBranch) -> Iterator[Step]:
        """Those of all environments, each as the one before has left main."""
        for environment in self.environments:
            settings = replace(self.workspace.settings, environment=environment)
            workspace = replace(self.workspace, settings=settings)
            one = releaser(workspace, main, workers=self.workers, until=self.until, since=self.since)
            yield from steps(replace(one, signed=self.signed))

    def _say(self, step: Step) -> None:
        where = f" in {step.environment}" if len(self.workspace.settings.environments) > 1 else ""
        self.workspace.screen.say(f"{words.warning(step)}{step.model}{where}: {words.said(step)}")
        if not self.as_json and step.done in (Done.COMMITTED, Done.PROPOSED):
            emit(f"{step.commit[:SHORT]} {step.subject}{where}")

    def _hand_on(self, done: Sequence[Step]) -> None:
        """Tell the engine the images; nothing where there is none, for its next job reads that too."""
        if self.outputs is None:
            return
        found = _images(done)
        self.outputs.images(found)
        if self.is_of_one:
            self.outputs.image(found[-1] if found else Made.of(""))


def _images(done: Sequence[Step]) -> list[Made]:
    """The images of all steps, each once: also those that were built before, for they may not be signed yet."""
    found: dict[str, bool] = {}
    for step in done:
        if step.image:
            found[step.image] = step.by_this_workflow or found.get(step.image, False)
    return [Made.of(reference, by_this_workflow=own) for reference, own in found.items()]


def _follow(mirror: Mirror, main: MainBranch, done: Sequence[Step]) -> None:
    """Have MLflow's registry follow what main says now."""
    try:
        retired = {step.model for step in done if step.wanted is Wanted.RETIRE}
        main.deep(lambda: mirror.follow(main.known(), retired=retired))
    except OutsideError:  # main cannot be read: that is told already
        pass
    finally:
        mirror.close()


def _say_what_is_not_pushed(workspace: Workspace, main: MainBranch) -> None:
    """Commits that are on the branch here alone: a person who just reverted something waits for them."""
    here = workspace.git.resolve(f"refs/heads/{main.name}")
    if main.remote is None or here is None:
        return
    ahead = workspace.git.run("rev-list", "--count", f"{main.known()}..{here}")
    if ahead != "0":
        workspace.screen.say(f"{main.name} here is {ahead} ahead of {main.remote}, which nothing above saw: git push")


def _code(step: Step, *, named: bool, until: Until = Until.COMMIT, since: Since = Since.START) -> int:
    if step.done is Done.REFUSED:
        told_later = until is Until.IMAGE or (not named and (step.known or since is Since.IMAGE))
        return ExitCode.DONE if told_later else ExitCode.VERDICT_NO
    return step.exit_code


def releaser(
    workspace: Workspace,
    main: MainBranch,
    *,
    workers: int | None = None,
    until: Until = Until.COMMIT,
    since: Since = Since.START,
) -> Releaser:
    """A releaser with the real effects."""
    return Releaser(
        workspace=workspace,
        main=main,
        images=images(workspace.settings),
        landing=_landing(workspace.settings.landing),
        pause=time.sleep,
        jitter=random.random,
        workers=workers,
        until=until,
        since=since,
        elsewhere=_layout(workspace.settings).has if workspace.settings.builder else skopeo.has,
    )


def images(settings: Settings) -> Images:
    """Where images are kept: in the registry if a builder is named, else beside the store."""
    return registry(settings, settings.builder) if settings.builder else _layout(settings)


def _layout(settings: Settings) -> Layout:
    """The folder of images beside the store; where that is in S3, «beside» is on this machine."""
    from slipway.adapters.image import Layout
    from slipway.stages import package

    folder = settings.local if "://" in settings.store else Path(settings.store)
    return Layout(root=folder / ".images", registry=settings.registry, builder=package.builder())


def registry(settings: Settings, builder: str) -> Registry:
    """The registry, with images that are built upon this builder. Raises `InputError` if it is not named by digest."""
    from slipway.adapters import remote_address
    from slipway.adapters.container_registry import Registry
    from slipway.adapters.git import Git

    source = remote_address.find(Git(root=settings.repo))
    return Registry.of(settings.registry, builder, settings.local / "image", source=source)


def _landing(name: str) -> Landing:
    try:
        return Landing(name)
    except ValueError:
        raise InputError(f"SLIPWAY_LANDING is {name!r}", hint="It is push (the default) or branch.") from None
