"""Which of a pull request's challengers may be shipped, and taking these into the store."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from slipway import reviewed_bytes, trained
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.tracking import Tracking
from slipway.bundle.document import Bundle
from slipway.bundle.rejected import Rejected
from slipway.errors import ExitCode
from slipway.forge import found as finding
from slipway.forge.about import About
from slipway.forge.found import Source
from slipway.forge.inputs import Inputs
from slipway.key import SHORT
from slipway.recorded import search_run
from slipway.settings import Reuse
from slipway.stages import tune
from slipway.stages.tune import Tuned

if TYPE_CHECKING:
    from slipway.adapters.store import Store
    from slipway.report import ReportInput
    from slipway.trained import Trained
    from slipway.workspace import Workspace


class Use(StrEnum):
    """What becomes of what a pull request trained."""

    SHIP = "ship"
    """Its bytes are released, if it is merged."""
    SHOW = "show"
    """Only its report is shown: the merge trains again, and says whether the bytes came out the same."""


class Alarm(Exception):  # noqa: N818  it says more than that something is wrong
    """A model that is whole, and not what it is said to be."""


def decide(*, is_fork: bool, brings_code: bool, reuse: Reuse) -> Use:
    """Whose bytes are shipped: those that main's code made of a branch of the repository's own. Pure."""
    return Use.SHOW if is_fork or brings_code or reuse is Reuse.NEVER else Use.SHIP


def keep(workspace: Workspace, source: Source, about: About, *, is_fork: bool) -> int:
    """Take what may be shipped into the store, with its search for MLflow, and note what may not.

    What is wrong with one model says nothing about the others. Exit code 2 where one was refused.
    """
    main = MainBranch.of(workspace.git)
    if about.pull.base_branch != main.name:
        workspace.screen.say(f"Nothing is kept: the pull request is not to be merged into {main.name}.")
        return ExitCode.DONE
    inputs = Inputs(git=workspace.git, main=main, pull=about.pull)
    use = decide(is_fork=is_fork, brings_code=inputs.brings_code, reuse=workspace.settings.reuse)
    collected = finding.collect(source, about.pull)
    refused = dict(collected.rejected)
    if collected.plan_rejected:
        refused["the plan"] = collected.plan_rejected
    for model, bundle in collected.bundles.items():
        try:
            challenger = finding.challenger(source, bundle)
            if challenger is not None:
                _check_key(challenger, inputs)
                _take(workspace, bundle, challenger, use)
        except (Rejected, Alarm) as error:
            refused[model] = str(error)
    for model, why in refused.items():
        workspace.screen.say(f"{model}: not taken: {why}")
    return ExitCode.BAD_INPUT if refused else ExitCode.DONE


def _check_key(challenger: Trained, inputs: Inputs) -> None:
    """See to it that nobody names his model by another change's key, and has it shipped when that is merged."""
    card = challenger.card
    if card.key not in inputs.keys(card.model):
        raise Alarm(
            f"the key {card.key[:SHORT]} is not of the pull request's inputs: main has changed the same inputs since, "
            "and the merge trains again; or what was handed on is of another change"
        )


def _take(workspace: Workspace, bundle: Bundle, challenger: Trained, use: Use) -> None:
    card = challenger.card
    if use is Use.SHIP and bundle.report is not None:
        report = bundle.report.to_input(bundle.head)
        _ship(workspace.store, bundle, challenger, report)
        workspace.screen.say(f"{card.model} {card.key[:SHORT]}: kept: a merge ships these bytes")
        _record(workspace, challenger, report)
    else:
        reviewed_bytes.show(workspace.store, card, pull_request=bundle.pull_request, head=bundle.head)
        workspace.screen.say(f"{card.model} {card.key[:SHORT]}: noted, not kept: the merge trains it again")


def _ship(store: Store, bundle: Bundle, challenger: Trained, report: ReportInput) -> None:
    """Keep it. Where another run made another model of the key, nobody can tell which is right: neither is shipped."""
    card = challenger.card
    known = trained.load(store, card.model, card.key)
    if known and known.card.onnx_sha256 != card.onnx_sha256:
        reviewed_bytes.dispute(store, card, pull_request=bundle.pull_request, head=bundle.head)
        raise Alarm(
            f"the store has another model of the key {card.key[:SHORT]}, by another run. Equal keys give equal bytes, "
            "so one of the two is not what training makes: the key is not released until somebody says which"
        )
    tune.keep(store, Tuned(card=card, onnx=challenger.onnx, trials=report.trials, seconds=_seconds(report)))


def _record(workspace: Workspace, challenger: Trained, report: ReportInput) -> None:
    """Tell MLflow. That it could not be told is a warning: it decides nothing."""
    run = search_run(
        challenger.card,
        report.trials,
        report.spec.search,
        data=(report.validation.data_file, report.data_digest),
        comparison=report.comparison,
        commit=report.commit,
        seconds=_seconds(report),
        ended=workspace.now().timestamp(),
    )
    files = {trained.ONNX: challenger.onnx, trained.CARD: challenger.card.to_json()}
    if report.comparison is not None:
        files["comparison.json"] = report.comparison.to_json()
    recorder = Tracking(uri=workspace.settings.tracking_uri).start(report.model)
    try:
        recorder.record(run, files)
    finally:
        problem = recorder.close()
    if problem:
        workspace.screen.say(f"warning: MLflow recorded nothing of {report.model}: {problem}")


def _seconds(report: ReportInput) -> float:
    return sum(time.seconds for time in report.times if time.stage == "tune")
