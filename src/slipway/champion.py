"""The champion: what `gitops/` says is live on the base branch, or the baseline until something is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from slipway import trained
from slipway.adapters.store import Store
from slipway.delivery.manifest import live_key
from slipway.errors import InputError, StoreError
from slipway.key import SHORT
from slipway.plan import served
from slipway.scoring import Scorer
from slipway.training.recipe import MetricName
from slipway.training.split import Rule

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.adapters.git import Commit
    from slipway.training.evaluation import Floats
    from slipway.training.features import Dataset


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Nothing is live: the training side's mean (its median for `mae`), or its class frequencies, for every row."""

    def predict(self, data: Dataset, rows: int) -> Floats:
        """Probabilities (rows x classes) or numbers (rows)."""
        known = data.target[data.training]
        if not data.classes:
            middle = np.median(known) if data.recipe.search.metric is MetricName.MAE else known.mean()
            return np.full(rows, float(middle))
        shares = np.bincount(known.astype(np.int64), minlength=len(data.classes)) / len(known)
        return np.tile(shares, (rows, 1))


@dataclass(frozen=True, kw_only=True)
class Live:
    """The model that is live."""

    key: str
    commit: str
    """The base commit whose `gitops/` says so."""


def find(model: str, key: str, environments: Sequence[str], base: Commit | None) -> Baseline | Live:
    """What the base branch says is live; `InputError` if its manifest cannot be read.

    An environment that is new has nothing yet. What passes there goes on to those that follow, so it is held to what
    the first of them has; unless that is this very key, which need not be better than itself to be there too.
    """
    for environment in environments if base is not None else ():
        if base is not None and (found := served.find(base.read, model, environment)):
            path, manifest = found
            live = Live(key=live_key(manifest, f"{base.id[:8]}:{path}"), commit=base.id)
            return Baseline() if live.key == key and environment != environments[0] else live
    return Baseline()


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A live model from the store, and the rule by which its own data were split."""

    onnx: bytes
    split: Rule


def fetch(store: Store, model: str, live: Live) -> Fetched:
    """The champion, checked by its digest; `StoreError` if the store does not have it."""
    found = trained.load(store, model, live.key)
    if found is None:
        raise StoreError(
            f"the champion {live.key[:SHORT]} of {model} is not in the store",
            hint="Point SLIPWAY_STORE to the store that releases use, "
            f"or make it again: check out the commit it was released from and run: slipway tune {model}",
        )
    split = found.card.split
    rule = Rule(columns=split.columns, share=split.share, newest_from=split.newest_from)
    return Fetched(onnx=found.onnx, split=rule)


def predict_as(classes: tuple[str, ...], scorer: Scorer, table: pa.Table) -> Floats:
    """A live model's predictions, its classes put into the order of the challenger's.

    A class that it does not know gets no probability.
    """
    prediction = scorer.predict(table)
    if not classes:
        return prediction
    if not set(classes) & set(scorer.classes):
        raise InputError(
            f"champion ({', '.join(scorer.classes[:5])}) and challenger ({', '.join(classes[:5])}) share no class",
            hint="Keep the spelling of the classes, or give the new ones a model of their own: slipway new.",
        )
    place: Mapping[str, int] = {name: index for index, name in enumerate(scorer.classes)}
    columns = [
        prediction[:, place[name]] if name in place else np.zeros(len(prediction), dtype=np.float64) for name in classes
    ]
    return np.column_stack(columns)
