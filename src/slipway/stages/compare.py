"""`compare`: champion and challenger on the same holdout, and the verdict."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from slipway.adapters.store import Place
from slipway.errors import InputError
from slipway.key import SHORT, canonical
from slipway.results import Champion, Comparison
from slipway.sources import sources

if TYPE_CHECKING:
    from slipway.adapters.git import Commit
    from slipway.champion import Baseline, Live
    from slipway.gate.intervals import Holdout
    from slipway.results import MetricRow, SliceRow, Timing
    from slipway.trained import Trained
    from slipway.training.evaluation import Floats
    from slipway.training.features import Dataset
    from slipway.training.recipe import MetricName
    from slipway.training.split import Bools, Rule
    from slipway.workspace import Model, Workspace

FILE = "comparison.json"
_JUDGES = ("gate", "champion.py", "scoring.py", "stages/compare.py")
"""The code that decides: where it changed, old comparisons are made again."""


def run(workspace: Workspace, model: Model, challenger: Trained, *, base: Commit | None) -> tuple[Comparison, bool]:
    """Compare, and keep the comparison; whether it had been made before is the second value."""
    from slipway import champion as champions

    found = champions.find(model.name, model.key, workspace.settings.onwards, base)
    place = _place(model, found)
    if before := _kept(workspace, place):
        return before, True
    made = _Judge(workspace, model, challenger, found).compare()
    kept = workspace.store.put(place, {FILE: made.to_json()})
    return Comparison.from_json(kept[FILE], f"{place.path}/{FILE}"), False


def known(workspace: Workspace, model: Model, *, base: Commit | None) -> Comparison | None:
    """The comparison, if it was made before; nothing is compared."""
    from slipway import champion as champions

    return _kept(workspace, _place(model, champions.find(model.name, model.key, workspace.settings.onwards, base)))


def _kept(workspace: Workspace, place: Place) -> Comparison | None:
    kept = workspace.store.get(place)
    return Comparison.from_json(kept[FILE], f"{place.path}/{FILE}") if kept else None


def check_champion(workspace: Workspace, model: Model, *, base: Commit | None) -> None:
    """See to it that there is something to compare with, before anybody trains; else `StoreError`."""
    from slipway import champion as champions

    found = champions.find(model.name, model.key, workspace.settings.onwards, base)
    if isinstance(found, champions.Live):
        champions.fetch(workspace.store, model.name, found)


def _place(model: Model, champion: Baseline | Live) -> Place:
    """A comparison is told by both keys and by what judges: the gate's table."""
    name = getattr(champion, "key", "baseline")[:SHORT]
    judge = canonical({"gate": model.spec.gate.model_dump(mode="json"), "code": sources(*_JUDGES)})
    digest = hashlib.sha256(judge).hexdigest()[:8]
    return Place(model=model.name, key=model.key, entry=f"comparison-{name}-{digest}")


def _fair_rows(data: Dataset, split: Rule) -> tuple[Bools, str]:
    """The holdout's rows that the champion was not trained on either, and what is to be said of it.

    Where the split was changed since (another share, another column), these are fewer than all.
    """
    from slipway.gate.verdict import LEAST_UNITS

    held_out = split.rows(data.table)
    if held_out is None:
        return data.holdout, "which rows the champion was trained on cannot be told: columns of its split are gone"
    fair = data.holdout & held_out
    kept, total = int(fair.sum()), int(data.holdout.sum())
    if kept == total:
        return fair, ""
    if kept < LEAST_UNITS:
        return data.holdout, f"the champion was trained on {total - kept:,} of the {total:,} rows that it is judged by"
    return fair, f"judged on {kept:,} of {total:,} holdout rows: the champion was trained on the others"


class _Judge:
    """One comparison: the data, both models' predictions, and what is derived from them."""

    def __init__(self, workspace: Workspace, model: Model, challenger: Trained, champion: Baseline | Live) -> None:
        from slipway.champion import Live, fetch
        from slipway.scoring import Scorer

        self._workspace = workspace
        self._began = workspace.clock()
        self._model = model
        self._challenger = challenger
        self._champion = champion
        self._data: Dataset = model.dataset
        self._metric: MetricName = model.spec.search.metric
        self._scorer = Scorer.load(challenger.onnx)
        fetched = fetch(workspace.store, model.name, champion) if isinstance(champion, Live) else None
        self._live = fetched.onnx if fetched else None
        self._live_scorer = Scorer.load(fetched.onnx) if fetched else None
        self._rows: Bools = model.dataset.holdout
        self._caveat = ""
        if fetched:
            self._rows, self._caveat = _fair_rows(model.dataset, fetched.split)
        self._table = self._data.table.filter(self._rows)
        self._holdout = self._predict()

    def compare(self) -> Comparison:
        """The whole comparison."""
        from slipway.gate.diagnostics import diagnose, importances
        from slipway.gate.verdict import Evidence, decide

        card, clock, seed = self._challenger.card, self._workspace.clock, self._seed("diagnostics")
        metrics, slices = self._metrics(), self._slices()
        champion = self._champion_document()
        primary = next(row for row in metrics if row.primary)
        timing = self._time(self._challenger.onnx)
        evidence = Evidence(
            metric=self._metric,
            champion=champion.name,
            improvement=primary.improvement,
            slices=slices,
            timing=timing,
            size=card.onnx_bytes,
            parity=card.parity,
            units=self._holdout.unit_count,
            same_model=champion.key == self._model.key,
            missing_columns=champion.missing_columns,
            caveat=self._caveat,
        )
        verdict = decide(evidence, self._model.spec.gate)
        truth, classes = self._holdout.target, self._data.classes
        return Comparison(
            model=self._model.name,
            key=self._model.key,
            champion=champion,
            task=card.task,
            classes=classes,
            metric=self._metric.value,
            holdout_rows=self._table.num_rows,
            units=self._holdout.unit_count,
            metrics=metrics,
            slices=slices,
            champion_timing=self._time(self._live) if self._live is not None else None,
            challenger_timing=timing,
            champion_bytes=len(self._live) if self._live is not None else None,
            challenger_bytes=card.onnx_bytes,
            parity=card.parity,
            importances=importances(self._scorer, self._table, truth, self._metric, seed),
            champion_diagnostics=diagnose(truth, self._holdout.champion, classes, seed),
            challenger_diagnostics=diagnose(truth, self._holdout.challenger, classes, seed),
            verdict=verdict.name,
            reasons=verdict.reasons,
            min_improvement=self._model.spec.gate.min_improvement,
            seconds=clock() - self._began,
        )

    def _time(self, model: bytes) -> Timing:
        """The calmest of three measurements: what else the machine does is no fault of the model's."""
        from slipway.gate.diagnostics import time_one_row

        clock = self._workspace.clock
        return min((time_one_row(model, self._table, clock) for _ in range(3)), key=lambda timing: timing.p99_ms)

    def _predict(self) -> Holdout:
        import numpy as np

        from slipway.gate.intervals import Holdout
        from slipway.training.split import row_hashes

        keys = self._model.spec.data.split_key
        rows = self._table.num_rows
        units = np.unique(row_hashes(self._table, keys), return_inverse=True)[1] if keys else np.arange(rows)
        return Holdout(
            target=self._data.target[self._rows],
            champion=self._champion_prediction(),
            challenger=self._scorer.predict(self._table),
            units=units,
        )

    def _champion_prediction(self) -> Floats:
        from slipway.champion import Baseline, predict_as

        if self._live_scorer is not None:
            self._check_same_task()
            return predict_as(self._data.classes, self._live_scorer, self._table)
        return Baseline().predict(self._data, self._table.num_rows)

    def _check_same_task(self) -> None:
        live = self._live_scorer
        if live is not None and bool(live.classes) != bool(self._data.classes):
            raise InputError(
                f"the champion of {self._model.name} learned another task: the two cannot be compared",
                hint="Give the new task a model of its own: slipway new.",
            )

    def _champion_document(self) -> Champion:
        from slipway.champion import Live

        if not isinstance(self._champion, Live) or self._live_scorer is None:
            return Champion(kind="baseline")
        gone = tuple(name for name in self._live_scorer.columns.names if name not in self._table.column_names)
        return Champion(kind="live", key=self._champion.key, commit=self._champion.commit, missing_columns=gone)

    def _metrics(self) -> tuple[MetricRow, ...]:
        import numpy as np

        from slipway.gate.intervals import improvement
        from slipway.results import MetricRow
        from slipway.training.evaluation import score

        holdout = self._holdout
        scores = {
            metric: (
                score(metric, holdout.target, holdout.champion),
                score(metric, holdout.target, holdout.challenger),
            )
            for metric in self._shown_metrics()
        }
        if not np.isfinite(scores[self._metric]).all():
            raise InputError(
                f"{self._metric} cannot be told on the holdout of {self._model.name}: its rows are all of one class, "
                "or a prediction is no finite number",
                hint="Give the holdout more rows ([data] holdout), or judge by another metric.",
            )
        return tuple(
            MetricRow(
                name=metric.value,
                primary=metric is self._metric,
                higher_is_better=metric.higher_is_better,
                champion=champion,
                challenger=challenger,
                improvement=improvement(
                    metric,
                    holdout,
                    confidence=self._model.spec.gate.confidence,
                    seed=self._seed(metric.value),
                ),
            )
            for metric, (champion, challenger) in scores.items()
            if np.isfinite(champion) and np.isfinite(challenger)
        )

    def _shown_metrics(self) -> list[MetricName]:
        """The primary metric first, then all others that judge this task."""
        from slipway.training.recipe import MetricName

        ranking = (MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION)
        binary = len(self._data.classes) == 2  # noqa: PLR2004
        fitting = [m for m in MetricName if m.task is self._metric.task and (binary or m not in ranking)]
        return sorted(fitting, key=lambda metric: metric is not self._metric)

    def _slices(self) -> tuple[SliceRow, ...]:
        from slipway.gate.slices import groups, judge

        found = list(groups(self._table, self._model.spec.data.slices))
        return tuple(
            judge(
                group,
                self._metric,
                self._holdout,
                self._model.spec.gate,
                among=len(found),
                seed=self._seed("slice", group.column, group.name),
            )
            for group in found
        )

    def _seed(self, *purpose: str) -> int:
        """Both keys decide every resample."""
        from slipway.training.seeds import derive

        return derive(self._model.key, "compare", getattr(self._champion, "key", "baseline"), *purpose)
