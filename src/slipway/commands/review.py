"""`run`, and each of its stages alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.adapters.git import WorkTree
from slipway.commands.plan import to_review
from slipway.datasets.named import check_inside, named
from slipway.errors import ExitCode, SlipwayError
from slipway.key import models as of_tree
from slipway.results import VerdictName
from slipway.screen import emit, emit_json
from slipway.workspace import Model, Workspace

if TYPE_CHECKING:
    from slipway.stages.tune import Tuned

_MARKS = {VerdictName.PROMOTE: "✅", VerdictName.BLOCK: "❌", VerdictName.INCONCLUSIVE: "⚠️"}


def review(
    workspace: Workspace,
    models: Sequence[str],
    *,
    base: str | None,
    trials: int | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Run the pull request's stages; the worst exit code of all the models."""
    from slipway.pipeline import Options, Pipeline

    names = to_review(workspace, base, models)
    if not names:
        workspace.screen.say("The change affects no model. Name one to run it all the same: slipway run MODEL")
        _say_what_is_edited(workspace)
    codes = [ExitCode.DONE]
    documents: list[dict[str, Any]] = []
    with closing(Pipeline(workspace=workspace, options=Options(base=base, trials=trials, workers=workers))) as pipeline:
        for name in names:
            try:
                reviewed = pipeline.review(name, last=name == names[-1])
            except SlipwayError as error:
                if len(names) == 1:
                    raise
                workspace.screen.say(f"{name}: {error}")
                documents.append({"model": name, "error": str(error)})
                codes.append(error.exit_code)
                continue
            documents.append(
                {
                    "model": name,
                    "key": reviewed.key,
                    "verdict": reviewed.verdict.value,
                    "report": str(reviewed.report),
                    "stages": [time.model_dump() for time in reviewed.times],
                }
            )
            codes.append(_code(reviewed.verdict))
            total = sum(time.seconds for time in reviewed.times if not time.reused)
            workspace.screen.say(f"{name}: {_MARKS[reviewed.verdict]} {reviewed.verdict.value}, {total:.1f} s")
            workspace.screen.say(f"  {reviewed.report / 'report.html'}")
    if as_json:
        emit_json({"models": documents})
    return max(codes)


def _say_what_is_edited(workspace: Workspace) -> None:
    """Data beyond Git that somebody edited change nothing until they are pushed: the pointer is what Git knows."""
    repo = workspace.settings.repo
    tree = WorkTree(root=repo)
    for model in of_tree(tree):
        try:
            if (one := named(tree, model)) is not None and (repo / one.name).is_file():
                check_inside(repo / one.name, one.name, repo)
                workspace.data().check_unedited(one, repo / one.name)
        except SlipwayError as error:
            workspace.screen.say(str(error))


def validate(workspace: Workspace, model: str, *, base: str | None, as_json: bool) -> int:
    """Print every check."""
    from slipway.pipeline import Options, Pipeline

    with closing(Pipeline(workspace=workspace, options=Options(base=base))) as pipeline:
        found = pipeline.validate(model)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        for check in found.checks:
            mark = "pass" if check.passed else check.severity.value
            about = f"{check.column}: " if check.column else ""
            emit(f"{mark:9} {about}{check.expected}" + ("" if check.passed else f" - {check.observed}"))
            for row in check.examples:
                emit(f"          {found.data_file}:{row.line}: {row.value}")
    return ExitCode.DONE if found.passed else ExitCode.VERDICT_NO


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a search is asked for."""

    trials: int | None = None
    workers: int | None = None
    validated: bool = False
    """Search only where the data pass: a pull request's run asks for each stage apart."""
    ray_job: Path | None = None
    """The RayJob by which a cluster searches, instead of this machine."""
    ray_image: str | None = None
    ray_queue: str | None = None


def tune(workspace: Workspace, model: str, search: Search, *, as_json: bool) -> int:
    """Print what the search found."""
    from slipway.pipeline import Options, Pipeline

    elsewhere = _in_cluster(workspace, search) if search.ray_job else None
    options = Options(trials=search.trials, workers=search.workers, elsewhere=elsewhere)
    with closing(Pipeline(workspace=workspace, options=options)) as pipeline:
        if search.validated and not pipeline.validate(model).passed:
            workspace.screen.say(f"{model}: nothing is searched: the data do not pass")
            return ExitCode.VERDICT_NO
        card = pipeline.tune(model).card
    if as_json:
        emit_json(card.model_dump(mode="json"))
    else:
        params = ", ".join(f"{name} {value}" for name, value in card.params.items())
        score = f"cross-validated {card.metric} {card.cv_score:.4g}"
        emit(f"{card.key}\ntrial {card.trial} of {card.trials}: {card.family}, {score}\n{params}")
    return ExitCode.DONE


def _in_cluster(workspace: Workspace, search: Search) -> Callable[[Model], Tuned]:
    """The search as a RayJob. Its own `slipway tune` puts what it found into the store."""
    from slipway.stages import remote_tune, tune
    from slipway.stages.remote_tune import RayJob

    job = RayJob(template=search.ray_job or Path(), image=search.ray_image, queue=search.ray_queue)

    def elsewhere(model: Model) -> Tuned:
        return remote_tune.run(
            workspace,
            model,
            job,
            load=lambda: tune.load(workspace, model),
            environ=os.environ,
            trials=search.trials,
        )

    return elsewhere


def compare(workspace: Workspace, model: str, *, base: str | None, trials: int | None, as_json: bool) -> int:
    """Print the verdict and its reasons."""
    from slipway.pipeline import Options, Pipeline

    with closing(Pipeline(workspace=workspace, options=Options(base=base, trials=trials))) as pipeline:
        found = pipeline.compare(model)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        emit(f"{found.verdict.value}: against the {found.champion.name}")
        for reason in found.reasons:
            emit(f"{reason.state.value:5} {reason.check:12} {reason.text}")
    return _code(found.verdict)


def report(workspace: Workspace, model: str, *, base: str | None, trials: int | None, as_json: bool) -> int:
    """Print where the report is."""
    from slipway.pipeline import Options, Pipeline

    with closing(Pipeline(workspace=workspace, options=Options(base=base, trials=trials))) as pipeline:
        reviewed = pipeline.report(model)
    if as_json:
        emit_json(
            {"model": model, "key": reviewed.key, "verdict": reviewed.verdict.value, "report": str(reviewed.report)}
        )
    else:
        emit(f"{reviewed.report / 'report.md'}\n{reviewed.report / 'report.html'}")
    return ExitCode.DONE


def _code(verdict: VerdictName) -> ExitCode:
    return ExitCode.DONE if verdict is VerdictName.PROMOTE else ExitCode.VERDICT_NO
