"""What is counted of a model's answers: how they are distributed, beside the holdout's, and how right they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from slipway.serving.counted import Batch, Counted
from slipway.serving.exposition import Histogram, Labels, Numbers, distinct
from slipway.serving.reference import ranges
from slipway.serving.shared import Floats

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


def answers(card: Mapping[str, Any], common: Labels) -> list[Counted]:
    """How the predictions are distributed."""
    return _of_classes(card["classes"], common) if card["classes"] else _of_numbers(card, common)


def _of_classes(names: Sequence[str], common: Labels) -> list[Counted]:
    labels: Sequence[Labels] = [{"class": name} for name in distinct(names)]
    classes = Numbers(
        name="slipway_predictions_total",
        kind="counter",
        help="Rows by the class of the largest probability, the first of equal ones.",
        labels=labels,
        common=common,
    )
    probabilities = Numbers(
        name="slipway_probability_total",
        kind="counter",
        help="The sum of the rows' probabilities of a class: of a calibrated model, the rows that will turn out so.",
        labels=labels,
        common=common,
    )
    confidence = Histogram(
        name="slipway_confidence", help="The largest probability of a row.", bounds=CONFIDENCES, common=common
    )
    return [
        Counted(
            shown=classes,
            increments=lambda batch: np.bincount(batch.output.argmax(axis=1), minlength=classes.width).astype(float),
        ),
        Counted(shown=probabilities, increments=lambda batch: batch.output.sum(axis=0, dtype=np.float64)),
        Counted(shown=confidence, increments=lambda batch: confidence.count(batch.output.max(axis=1).astype(float))),
    ]


def _of_numbers(card: Mapping[str, Any], common: Labels) -> list[Counted]:
    bounds = _bounds(card)
    numbers = Histogram(name="slipway_prediction", help="Predicted numbers.", bounds=bounds, common=common)
    shown = Counted(shown=numbers, increments=lambda batch: numbers.count(batch.output.ravel().astype(float)))
    if not (known := card.get("predictions")):
        return [shown]
    edges = np.array(known["edges"], dtype=np.float64)
    bins = Numbers(
        name="slipway_prediction_bin_total",
        kind="counter",
        help="Rows by the bin of the holdout's predictions that the predicted number lies in.",
        labels=_bins(known["edges"]),
        common=common,
    )

    def binned(batch: Batch) -> Floats:
        places = np.searchsorted(edges, batch.output.ravel().astype(float), side="left")
        return np.bincount(places, minlength=bins.width).astype(float)

    return [shown, Counted(shown=bins, increments=binned)]


def _bounds(card: Mapping[str, Any]) -> tuple[float, ...]:
    """The deciles of the predictions; of the golden answers, with their ends, where the card does not say them."""
    if known := card.get("predictions"):
        return tuple(known["edges"])
    golden = [entry["answer"][0] for entry in card["golden"]]
    return tuple(np.unique(np.quantile(golden, np.arange(11) / 10)).tolist()) if golden else ()


def _bins(edges: Sequence[float]) -> Sequence[Labels]:
    return [{"bin": name} for name in ranges(edges)]


def labelled(card: Mapping[str, Any], common: Labels) -> list[Counted]:
    """How right the answers were, as far as anybody has told by feedback."""
    name, what = (
        ("slipway_labels_right_total", "Labels that are the likeliest class.")
        if card["classes"]
        else ("slipway_labels_absolute_error_total", "The sum of the distances of labels and predicted numbers.")
    )
    labels, measured, unused = (
        Numbers(name=name, kind="counter", help=what, labels=[{}], common=common)
        for name, what in (
            ("slipway_labels_total", "Rows of whose truth feedback told."),
            (name, what),
            ("slipway_labels_unused_total", "Rows of whose truth feedback told, and which another model answered."),
        )
    )
    return [
        Counted(shown=labels, increments=lambda batch: np.array([float(sum(rows for rows, _ in batch.labels))])),
        Counted(shown=measured, increments=lambda batch: np.array([float(sum(found for _, found in batch.labels))])),
        Counted(shown=unused, increments=lambda batch: np.array([float(batch.unused)])),
    ]


def reference(card: Mapping[str, Any], common: Labels) -> list[tuple[Numbers, Floats]]:
    """The same of the holdout, where the card knows it."""
    if not (known := card.get("predictions")):
        return []
    if card["classes"]:
        labels: Sequence[Labels] = [{"class": name} for name in distinct(card["classes"])]
        shares, metric = np.array(known["probabilities"]), "accuracy"
    else:
        labels = _bins(known["edges"])
        shares, metric = np.array(known["counts"]) / known["rows"], "mae"
    gauges: list[tuple[str, str, Sequence[Labels], Floats]] = [
        ("slipway_prediction_reference_rows", "Rows of the holdout.", [{}], np.array([float(known["rows"])])),
        ("slipway_prediction_reference_ratio", "Mean probability, or share of predictions, there.", labels, shares),
        ("slipway_label_reference", "How right the model is there.", [{"metric": metric}], np.array([known[metric]])),
    ]
    return [
        (Numbers(name=name, kind="gauge", help=what, labels=labels, common=common), values)
        for name, what, labels, values in gauges
    ]
