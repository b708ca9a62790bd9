"""The stages of a pull request, in order: validate, tune, compare, report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import trained
from slipway.adapters.cluster import Cluster
from slipway.adapters.git import Commit
from slipway.adapters.tracking import Recorder, Tracking
from slipway.errors import InputError, StoreError
from slipway.plan.preview import Merge, of_merge
from slipway.recorded import search_run
from slipway.report import ReportInput
from slipway.results import Comparison, ReasonState, Severity, StageTime, Validation, VerdictName
from slipway.stages import compare, report, tune, validate
from slipway.stages.tune import Tuned
from slipway.workspace import Model, Workspace

if TYPE_CHECKING:
    from slipway.training.search import Runner


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says of a run."""

    base: str | None = None
    trials: int | None = None
    workers: int | None = None
    elsewhere: Callable[[Model], Tuned] | None = None
    """Searches somewhere else than here: in a cluster, say."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What a run found of one model."""

    model: str
    key: str
    verdict: VerdictName
    report: Path
    times: tuple[StageTime, ...]
    content: ReportInput = field(repr=False)
    """What the report was made of."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Whether a model may be released, and why not."""

    key: str
    verdict: VerdictName
    trained: bool
    """Whether it had to be trained."""
    known: bool
    """Whether nothing had to be asked anew."""
    metrics: Mapping[str, float]
    """Of the challenger, on the holdout."""
    reasons: tuple[str, ...]


@dataclass(kw_only=True)
class Pipeline:
    """Runs stages of one model after the other, and keeps Ray for all of them."""

    workspace: Workspace
    options: Options
    cluster: Cluster = field(init=False)

    def __post_init__(self) -> None:
        """Ray is named here and started when it is first of use."""
        settings = self.workspace.settings
        self.cluster = Cluster(address=settings.ray_address, workers=self.options.workers)

    def close(self) -> None:
        """End what was started."""
        self.cluster.stop()

    def review(self, name: str, *, last: bool = True) -> Reviewed:
        """Everything that a pull request runs for a model. What was done before is not done again.

        After the `last` model's search Ray ends while the other stages go on.
        """
        review = _Review(self, name, last=last)
        try:
            return review.run()
        finally:
            review.close()

    def judge(self, name: str) -> Judged:
        """What a merge asks of a model: may it be released? What the review found is not done again."""
        review = _Review(self, name)
        try:
            return review.judge()
        finally:
            review.close()

    def known(self, name: str) -> Judged | None:
        """What `judge` would say, if the store has all that it takes; nothing is done for it."""
        return _Review(self, name).known()

    def validate(self, name: str) -> Validation:
        """The first stage alone."""
        return _Review(self, name).validate()

    def tune(self, name: str) -> Tuned:
        """The search alone, on data that may not have been validated."""
        review = _Review(self, name)
        try:
            tuned = review.tune()
            self.cluster.release()
            review.track(tuned, None)
            return tuned
        finally:
            review.close()

    def compare(self, name: str) -> Comparison:
        """The comparison of a challenger that was trained before."""
        review = _Review(self, name)
        return review.compare(review.trained())

    def report(self, name: str) -> Reviewed:
        """The report of what the other stages found before."""
        review = _Review(self, name)
        tuned = review.trained()
        return review.report(review.validate(), tuned, review.compare(tuned))


class _Review:
    """One model on its way through the stages."""

    def __init__(self, pipeline: Pipeline, name: str, *, last: bool = False) -> None:
        self._pipeline = pipeline
        self._last = last
        self._workspace: Workspace = pipeline.workspace
        self._model: Model = self._workspace.model(name, trials=pipeline.options.trials)
        self._model.check_unedited()
        self._base: Commit | None = self._workspace.base(pipeline.options.base)
        self._times: list[StageTime] = []
        self._recorder: Recorder | None = None
        self._told = False

    def run(self) -> Reviewed:
        """All stages; a search only where the data pass."""
        tuned = tune.load(self._workspace, self._model)
        if tuned is None:
            _ = self._model.dataset  # data that cannot be read end it here
            if self._pipeline.options.elsewhere is None:
                self._pipeline.cluster.start()  # while the data are validated
        validation = self.validate()
        if not validation.passed:
            return self.report(validation, None, None)
        tuned = self.tune(tuned)
        if self._last:
            self._pipeline.cluster.release()
        comparison = self.compare(tuned)
        self.track(tuned, comparison)
        return self.report(validation, tuned, comparison)

    def judge(self) -> Judged:
        """The checks of the data, the model and the comparison; each only if it is not in the store."""
        known = trained.load(self._workspace.store, self._model.name, self._model.key)
        if known is None:
            _ = self._model.dataset
            compare.check_champion(self._workspace, self._model, base=self._base)
            self._pipeline.cluster.start()
        validation, validated = validate.checked(self._workspace, self._model)
        if known is None:
            self._note("validate", validation.seconds, reused=validated)
        if not validation.passed:
            return _refused(validation, known=validated)
        tuned = None if known else self.tune()
        made = known or trained.load(self._workspace.store, self._model.name, self._model.key)
        if made is None:
            raise StoreError(f"the store lost {self._model.short_key} of {self._model.name}", hint="Run it again.")
        comparison, compared = compare.run(self._workspace, self._model, made, base=self._base)
        if tuned:
            self.track(tuned, comparison)
        return _judged(comparison, trained=known is None, known=known is not None and validated and compared)

    def known(self) -> Judged | None:
        """The verdict, if all that it is made from was found before."""
        validation = validate.known(self._workspace, self._model)
        if validation is None:
            return None
        if not validation.passed:
            return _refused(validation, known=True)
        comparison = compare.known(self._workspace, self._model, base=self._base)
        return None if comparison is None else _judged(comparison, trained=False, known=True)

    def validate(self) -> Validation:
        """Check the data."""
        fork = self._workspace.fork_point(self._base)
        validation, reused = validate.run(self._workspace, self._model, base=fork)
        self._note("validate", validation.seconds, reused=reused)
        return validation

    def trained(self) -> Tuned:
        """The challenger of the working tree's key; `InputError` if there is none yet."""
        tuned = tune.load(self._workspace, self._model)
        if tuned is None:
            model = self._model
            raise InputError(
                f"key {model.short_key} of {model.name} has no challenger yet",
                hint=f"Train it: slipway tune {model.name}",
            )
        return tuned

    def tune(self, tuned: Tuned | None = None) -> Tuned:
        """Train the challenger, unless its key is known."""
        known = tuned or tune.load(self._workspace, self._model)
        if known is None:
            self._record_soon()
        made = known or self._search()
        self._note("tune", made.seconds, reused=known is not None)
        return made

    def _search(self) -> Tuned:
        elsewhere = self._pipeline.options.elsewhere
        return elsewhere(self._model) if elsewhere else tune.run(self._workspace, self._model, self._runner())

    def compare(self, tuned: Tuned) -> Comparison:
        """Judge the challenger against the champion."""
        challenger = trained.Trained(card=tuned.card, onnx=tuned.onnx)
        comparison, reused = compare.run(self._workspace, self._model, challenger, base=self._base)
        self._note("compare", comparison.seconds, reused=reused)
        return comparison

    def report(self, validation: Validation, tuned: Tuned | None, comparison: Comparison | None) -> Reviewed:
        """Write the report."""
        began = self._workspace.clock()
        content = ReportInput(
            model=self._model.name,
            key=self._model.key,
            commit=self._workspace.head(),
            base=self._base.id if self._base else None,
            validation=validation,
            card=tuned.card if tuned else None,
            trials=tuned.trials if tuned else (),
            comparison=comparison,
            times=tuple(self._times),
            spec=self._model.spec,
            manifest_diff=self._manifest_diff(comparison),
            data_digest=self._model.inputs.data,
        )
        folder, reused = report.run(self._workspace, content)
        self._note("report", self._workspace.clock() - began, reused=reused)
        return Reviewed(
            model=self._model.name,
            key=self._model.key,
            verdict=content.verdict,
            report=folder,
            times=tuple(self._times),
            content=content,
        )

    def _manifest_diff(self, comparison: Comparison | None) -> str:
        """What a merge would change in `gitops/`, as far as it can be told before."""
        if self._base is None:
            return ""
        settings, name = self._workspace.settings, self._model.name
        merge = Merge(
            model=name,
            key=self._model.key,
            image=f"{settings.registry}/{name}",
            metrics={row.name: row.challenger for row in comparison.metrics} if comparison else {},
            serving=self._model.spec.serving,
            passes=comparison is not None and comparison.verdict is VerdictName.PROMOTE,
        )
        return of_merge(self._workspace.git, self._base.id, settings.environment, merge)

    def track(self, tuned: Tuned, comparison: Comparison | None) -> None:
        """Have MLflow record the search while other work goes on; once for each key and server."""
        recorder = self._record_soon()
        if recorder is None:
            return
        files = {"model.onnx": tuned.onnx, "model.json": tuned.card.to_json()}
        if comparison is not None:
            files["comparison.json"] = comparison.to_json()
        model, now = self._model, self._workspace.now()
        run = search_run(
            tuned.card,
            tuned.trials,
            model.spec.search,
            data=(model.data_name, model.inputs.data),
            comparison=comparison,
            commit=self._workspace.head(),
            seconds=tuned.seconds,
            ended=now.timestamp(),
        )
        recorder.record(run, files)
        self._told = True

    def close(self) -> None:
        """See to it that the recording ended well. Its failure is a warning: it decides nothing."""
        if self._recorder is None:
            return
        problem = self._recorder.close()
        if problem and self._told:
            self._workspace.screen.say(f"warning: MLflow recorded nothing: {problem}. The next run tries again.")
        elif self._told:
            self._tracked().parent.mkdir(parents=True, exist_ok=True)
            self._tracked().touch()

    def _record_soon(self) -> Recorder | None:
        """The recorder, which takes seconds to get ready; None for a search that was recorded before."""
        if self._recorder is None and not self._tracked().exists():
            self._recorder = Tracking(uri=self._workspace.settings.tracking_uri).start(self._model.name)
        return self._recorder

    def _tracked(self) -> Path:
        server = hashlib.sha256(self._workspace.settings.tracking_uri.encode()).hexdigest()[:8]
        return self._workspace.settings.local / "tracked" / f"{self._model.key}-{server}"

    def _runner(self) -> Runner:
        self._pipeline.cluster.start()
        from slipway.adapters.tuner import RayTune

        return RayTune(cluster=self._pipeline.cluster)

    def _note(self, stage: str, seconds: float, *, reused: bool) -> None:
        self._times.append(StageTime(stage=stage, seconds=seconds, reused=reused))
        took = f"done before, in {seconds:.1f} s" if reused else f"{seconds:.1f} s"
        self._workspace.screen.say(f"{self._model.name}: {stage:8} {took}")


def _judged(comparison: Comparison, *, trained: bool, known: bool) -> Judged:
    return Judged(
        key=comparison.key,
        verdict=comparison.verdict,
        trained=trained,
        known=known,
        metrics={row.name: row.challenger for row in comparison.metrics},
        reasons=tuple(reason.text for reason in comparison.reasons if reason.state is not ReasonState.PASS),
    )


def _refused(validation: Validation, *, known: bool) -> Judged:
    reasons = [f"{check.column or 'the table'}: {check.expected}; {check.observed}" for check in validation.blocking]
    if validation.leakage.severity is Severity.CRITICAL:
        reasons.append(f"{validation.leakage.duplicates:,} holdout rows stand on the training side as well")
    return Judged(
        key=validation.key, verdict=VerdictName.BLOCK, trained=False, known=known, metrics={}, reasons=tuple(reasons)
    )
