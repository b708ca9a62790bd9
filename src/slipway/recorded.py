"""What MLflow is told of a search, made of what the stages found. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.adapters.tracking import SearchRun
from slipway.results import Comparison, ModelCard

if TYPE_CHECKING:
    from slipway.training.recipe import SearchTable
    from slipway.training.trial import Outcome


def search_run(
    card: ModelCard,
    trials: Sequence[Outcome],
    search: SearchTable,
    *,
    data: tuple[str, str],
    comparison: Comparison | None,
    commit: str | None,
    seconds: float,
    ended: float,
) -> SearchRun:
    """A search as MLflow records it.

    `data` are the file's path and its digest; `seconds` is how long the search took, and `ended` when, in seconds
    since 1970.
    """
    metrics = {f"cv_{card.metric}": card.cv_score, "seconds": seconds}
    tags = {"slipway.onnx_sha256": card.onnx_sha256}
    if comparison is not None:
        metrics |= {f"holdout_{row.name}": row.challenger for row in comparison.metrics}
        metrics |= {"improvement": comparison.primary.improvement.estimate}
        tags |= {"slipway.verdict": comparison.verdict.value}
    return SearchRun(
        model=card.model,
        key=card.key,
        commit=commit,
        data_file=data[0],
        data_digest=data[1],
        rows=card.training_rows + card.holdout_rows,
        columns=len(card.numeric) + len(card.categorical) + 1,
        params={
            "metric": card.metric,
            "trials": search.trials,
            "batch": search.batch,
            "folds": search.folds,
            "families": ", ".join(search.families),
            "family": card.family,
            **card.params,
        },
        metrics=metrics,
        tags=tags,
        metric=card.metric,
        best=card.trial,
        trials=[trial.to_dict() for trial in trials],
        began_ms=round((ended - seconds) * 1000),
    )
