"""From the best trial to the challenger: `model.onnx` and the card that says all about it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from slipway.adapters.store import sha256
from slipway.results import FeatureReference, Golden, ModelCard, Parity, PredictionReference, SplitRule
from slipway.scoring import Scorer
from slipway.training import seeds
from slipway.training.evaluation import Floats, score
from slipway.training.export import to_onnx
from slipway.training.families import Fitted
from slipway.training.features import Dataset, Encoding, Matrix, Target, Texts, raw
from slipway.training.recipe import MetricName
from slipway.training.search import Study, refit
from slipway.training.trial import Material, Outcome, TrialState
from slipway.workspace import Model

PARITY_ROWS = 10_000
PARITY_TOLERANCE = 1e-5
"""Of a probability; of a number, times the largest prediction."""
GOLDEN_REQUESTS = 20
BINS = 10
COUNTED_CATEGORIES = 20
UNKNOWN = "a value that no training row has"


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """A model and its card."""

    onnx: bytes
    card: ModelCard


def make(model: Model, best: Outcome, study: Study, material: Material, encoding: Encoding) -> Challenger:
    """Refit the best configuration on the whole training side, export it, and prove that nothing got lost."""
    data = model.dataset
    fitted, params = refit(best, material, threads=os.cpu_count() or 1)
    onnx = to_onnx(fitted.to_onnx(), encoding, key=model.key, classes=data.classes)
    scorer = Scorer.load(onnx)
    holdout = data.table.filter(data.holdout)
    asked = raw(holdout, data.columns)
    outcomes = study.outcomes.values()
    card = ModelCard(
        model=model.name,
        key=model.key,
        task=model.spec.model.task.value,
        target=model.spec.model.target,
        classes=data.classes,
        numeric=data.columns.numeric,
        categorical=data.columns.categorical,
        family=best.family,
        params=params,
        trial=best.number,
        trials=len(study.outcomes),
        failed_trials=sum(outcome.state is not TrialState.COMPLETE for outcome in outcomes),
        metric=model.spec.search.metric.value,
        cv_score=best.score or 0.0,
        cv_fold_scores=best.fold_scores,
        training_rows=int(data.training.sum()),
        holdout_rows=holdout.num_rows,
        split=SplitRule(columns=data.split.columns, share=data.split.share, newest_from=data.split.newest_from),
        onnx_sha256=sha256(onnx),
        onnx_bytes=len(onnx),
        parity=_parity(fitted, scorer, encoding, *asked),
        packages=dict(model.inputs.packages),
        golden=_golden(scorer, model.key, *asked),
        reference=_reference(data),
        predictions=_predictions(scorer.predict(holdout), data.target[data.holdout]),
    )
    return Challenger(onnx=onnx, card=card)


def _parity(fitted: Fitted, scorer: Scorer, encoding: Encoding, numeric: Matrix, categorical: Texts) -> Parity:
    """Ask both on the holdout, and on a row that is all missing and one that is all unknown."""
    probes = np.array([[np.nan], [1e9]], dtype=np.float32).repeat(numeric.shape[1], axis=1)
    words = np.array([[""], [UNKNOWN]], dtype=object).repeat(categorical.shape[1], axis=1)
    numeric = np.vstack([numeric[:PARITY_ROWS], probes])
    categorical = np.vstack([categorical[:PARITY_ROWS], words])
    native = fitted.predict(encoding.encode(numeric, categorical))
    difference = np.abs(scorer.ask(numeric, categorical) - native)
    scale = 1.0 if native.ndim > 1 else max(1.0, float(np.abs(native).max()))
    return Parity(rows=len(numeric), largest=float(difference.max()), tolerance=PARITY_TOLERANCE * scale)


def _golden(scorer: Scorer, key: str, numeric: Matrix, categorical: Texts) -> tuple[Golden, ...]:
    rng = np.random.default_rng(seeds.derive(key, "golden"))
    rows = np.sort(rng.permutation(len(numeric))[:GOLDEN_REQUESTS])
    answers: Floats = np.atleast_2d(scorer.ask(numeric[rows], categorical[rows]).reshape(len(rows), -1))
    return tuple(
        Golden(
            numeric=tuple(None if np.isnan(value) else float(value) for value in numeric[row]),
            categorical=tuple(value or None for value in categorical[row]),
            answer=tuple(answer.tolist()),
        )
        for row, answer in zip(rows, answers, strict=True)
    )


def _predictions(answers: Floats, truth: Target) -> PredictionReference:
    """How the answers are distributed. Sums are exact, so that their order and the machine have no part in them."""
    rows = len(answers)
    if answers.ndim > 1:
        means = tuple(math.fsum(column) / rows for column in answers.T)
        return PredictionReference(rows=rows, probabilities=means, accuracy=score(MetricName.ACCURACY, truth, answers))
    edges = np.unique(np.quantile(answers, np.arange(1, BINS) / BINS))
    counts = np.bincount(np.searchsorted(edges, answers, side="left"), minlength=len(edges) + 1)
    error = math.fsum(np.abs(answers - truth)) / rows
    return PredictionReference(rows=rows, edges=tuple(edges.tolist()), counts=tuple(counts.tolist()), mae=error)


def _reference(data: Dataset) -> tuple[FeatureReference, ...]:
    table = data.table.filter(data.training)
    numeric = [_of_number(name, table.column(name)) for name in data.columns.numeric]
    return (*numeric, *(_of_category(name, table.column(name)) for name in data.columns.categorical))


def _of_number(name: str, column: pa.ChunkedArray) -> FeatureReference:
    values = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return FeatureReference(
        name=name,
        kind="numeric",
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=len(values) - len(known),
    )


def _of_category(name: str, column: pa.ChunkedArray) -> FeatureReference:
    found: list[dict[str, Any]] = column.drop_null().value_counts().to_pylist()
    ordered = sorted(found, key=lambda entry: (-entry["counts"], entry["values"]))
    shown, rest = ordered[:COUNTED_CATEGORIES], ordered[COUNTED_CATEGORIES:]
    counts = [entry["counts"] for entry in shown] + [sum(entry["counts"] for entry in rest)]
    return FeatureReference(
        name=name,
        kind="categorical",
        categories=tuple(entry["values"] for entry in shown),
        counts=tuple(counts),
        missing=column.null_count,
    )
