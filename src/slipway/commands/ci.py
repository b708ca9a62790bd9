"""`ci`: what an engine's jobs call before and beside `release`. None of it talks to GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from slipway import trained
from slipway.bundle import folder as bundles
from slipway.bundle import hostile
from slipway.bundle.document import MOST_MODELS, Also, Bundle, Plan
from slipway.commands.plan import beside, to_review
from slipway.commands.undone import Undone
from slipway.commands.undone import first as first_undone
from slipway.errors import ExitCode, InputError, OutsideError, SlipwayError
from slipway.forge.gate import decide
from slipway.outputs import Outputs
from slipway.report.review import ModelReview
from slipway.screen import Screen, emit
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.trained import Trained
    from slipway.workspace import Model, Workspace

_OTHER = "TO_"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Change:
    """The pull request that a run is about."""

    number: int
    head: str

    @classmethod
    def of(cls, number: int, head: str) -> Self:
        """What the command line says of it; `InputError` where the head is no commit's whole name."""
        return cls(number=number, head=whole_commit(head))


def whole_commit(text: str) -> str:
    """A commit's name, all 40 digits: what a webhook says of it may be anything."""
    if not _COMMIT.fullmatch(text):
        raise InputError("--head is no commit", hint="Give all 40 hexadecimal digits, in lower case.")
    return text


def plan(workspace: Workspace, change: Change, folder: Path, outputs: Outputs, *, base: str | None) -> int:
    """Say which models are to be reviewed. A refusal is written down too, so that the comment can tell it."""
    bundles.forget(folder, bundles.PLAN_FOLDER, bundles.PLAN)
    try:
        names = _to_plan(workspace, base)
    except InputError as error:
        bundles.write_plan(folder, Plan(pull_request=change.number, head=change.head, models=(), refused=str(error)))
        from slipway.report.pull_request.entry import said

        outputs.summarize(f"## ❌ refused: this change\n\n{said(str(error))}\n")
        raise
    also = beside(workspace, base)
    acts = tuple(Also(model=one.model, act=one.act) for one in also)
    bundles.write_plan(folder, Plan(pull_request=change.number, head=change.head, models=tuple(names), also=acts))
    outputs.models(names)
    emit("\n".join(names) or "No model is to be judged.")
    for one in also:
        workspace.screen.say(f"{one.model}: {one.act.value}: nothing to judge, and a merge changes what is served")
    return ExitCode.DONE


def _to_plan(workspace: Workspace, base: str | None) -> list[str]:
    names = to_review(workspace, base, ())
    if len(names) > MOST_MODELS:
        raise InputError(
            f"the change affects {len(names)} models, and no engine runs more than {MOST_MODELS} jobs at once",
            hint="Split it into several pull requests.",
        )
    return names


def review(
    workspace: Workspace,
    model: str,
    change: Change,
    folder: Path,
    outputs: Outputs,
    *,
    base: str | None,
    workers: int | None,
) -> int:
    """All the stages of a model, and its bundle, whatever came of them.

    Where a job of a stage left its work undone, this is the second try of it, and the bundle says why from the start:
    this job may be ended as that one was. What a cluster was asked for is not done again on this machine.
    """
    from slipway.report.pull_request import summary

    bundles.forget(folder, check_name(model), bundles.BUNDLE)
    undone = first_undone(workspace, model)
    if undone is not None:
        workspace.screen.say(f"{model}: {undone.stage} was left undone: {undone.why}")
        early = ModelReview(model=model, error=undone.why, is_outside=True)
        bundles.write(folder, Bundle.of(early, pull_request=change.number, head=change.head), None)
    found, failure = _reviewed(workspace, model, undone, base=base, workers=workers)
    try:
        bundle = Bundle.of(found, pull_request=change.number, head=change.head)
        bundles.write(folder, bundle, _challenger(workspace, found))
    except InputError as error:  # it is too much to be handed on: that is handed on
        found, failure = ModelReview(model=model, error=str(error)), error
        bundles.write(folder, Bundle.of(found, pull_request=change.number, head=change.head), None)
    outputs.summarize(summary([found]))
    if failure is not None:
        raise failure
    passed = decide([model], [found])[0]
    workspace.screen.say(f"{model}: {passed.text}")
    return passed.exit_code


def _reviewed(
    workspace: Workspace, model: str, undone: Undone | None, *, base: str | None, workers: int | None
) -> tuple[ModelReview, SlipwayError | None]:
    from slipway.pipeline import Options, Pipeline

    def refuse(_: Model) -> NoReturn:
        raise OutsideError(undone.why if undone else "")

    elsewhere = refuse if undone and undone.elsewhere else None
    options = Options(base=base, workers=workers, elsewhere=elsewhere)
    try:
        with closing(Pipeline(workspace=workspace, options=options)) as pipeline:
            return ModelReview(model=model, report=pipeline.review(model).content), None
    except SlipwayError as error:
        outside = error.exit_code is ExitCode.OUTSIDE_FAILED
        return ModelReview(model=model, error=str(error), is_outside=outside), error


def _challenger(workspace: Workspace, found: ModelReview) -> Trained | None:
    if found.report is None or found.report.card is None:
        return None
    return trained.load(workspace.store, found.model, found.report.key)


def gate(folder: Path, planned: str, change: Change | None) -> int:
    """Print what each model's review came to; the worst exit code. A bundle of another change is no review."""
    names = _planned(planned)
    found = decide(names, [review for name in names if (review := _read(folder, name, change))])
    for one in found:
        emit(f"{one.model:24} {one.text}")
    if not found:
        emit("No model is to be judged, so nothing speaks against a merge.")
    return max((one.exit_code for one in found), default=ExitCode.DONE)


def _planned(text: str) -> list[str]:
    """What `plan` said; `InputError` where it said nothing, for it failed then."""
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("there is no plan to judge by", hint="See what the job before says: slipway ci plan failed.")
    return [check_name(name) for name in names]


def _read(folder: Path, model: str, change: Change | None) -> Bundle | None:
    """A model's bundle, by the name that the engine gave its folder. It may be anybody's: no link is followed."""
    for name in (model, f"slipway-model-{model}"):
        content = hostile.from_folder(folder / name, (bundles.BUNDLE,)).get(bundles.BUNDLE)
        if content is not None:
            bundle = Bundle.from_json(content, f"{name}/{bundles.BUNDLE}")
            its = (bundle.model, bundle.pull_request, bundle.head)
            expected = (model, change.number, change.head) if change else (model, *its[1:])
            return bundle if its == expected else None
    return None


def wanted(workspace: Workspace, outputs: Outputs) -> int:
    """The models of which main asks anything."""
    from slipway.commands.release import wanted as of_main

    names = of_main(workspace)
    outputs.models(names)
    emit("\n".join(names) or "Main asks for nothing.")
    return ExitCode.DONE


def copy_champions(workspace: Workspace, to: str, environ: Mapping[str, str]) -> int:
    """Copy what is live into another store. With `TO_AWS_*` that one has keys, region and endpoint of its own."""
    from slipway import champions
    from slipway.adapters.store import open_store

    told = False
    for line in champions.copy(workspace, open_store(to, _of_the_other(environ) or None)):
        emit(line)
        told = True
    if not told:
        emit("Nothing is live, so there is nothing to copy.")
    return ExitCode.DONE


def _of_the_other(environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of the other store, by the names that it would have if that were the only one."""
    own = {name.removeprefix(_OTHER): value for name, value in environ.items() if name.startswith(_OTHER)}
    return {name: value for name, value in own.items() if name.startswith("AWS_") and value}


def fetch_data(workspace: Workspace, checkout: Path, to: Path | None) -> int:
    """Fetch what a pull request's pointers name to where its run finds it."""
    from slipway.datasets import proposed

    told = False
    for line in proposed.fetch(workspace, checkout.resolve(), to.absolute() if to else None):
        emit(line)
        told = True
    if not told:
        emit("No pointer names data that are reviewed here.")
    return ExitCode.DONE


def deferred(command: Callable[[], int], screen: Screen) -> int:
    """What a command found is told by a later job: it fails only where it could not do its work."""
    try:
        code = command()
    except InputError as error:
        screen.say(f"{error}\nThe gate tells it; this job has done its work.")
        return ExitCode.DONE
    return ExitCode.DONE if code in (ExitCode.VERDICT_NO, ExitCode.BAD_INPUT) else code
