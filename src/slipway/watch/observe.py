"""What Prometheus knows of the release that is live: asked here, and judged elsewhere."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from slipway.delivery.manifest import DEFAULT
from slipway.errors import OutsideError
from slipway.watch.decision import Live
from slipway.watch.drift import Counts, Subject, measure
from slipway.watch.labels import Metric, Quality, Sample

if TYPE_CHECKING:
    from slipway.adapters.prometheus import Sample as Value
    from slipway.live.selector import Selector

_MOMENTS = 86_400
"""At most so many, and one a second, are looked at for another key."""
_MOST = 1e100
"""Whatever is added to whatever else, and squared, is finite."""
_METRICS = {"accuracy": Metric.ACCURACY, "mae": Metric.ERROR}
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"(?:(?P<low>{_NUMBER}) to {_NUMBER}|up to {_NUMBER}|(?P<above>above) {_NUMBER}|any)")


class Asking(Protocol):
    """Whoever answers for Prometheus."""

    def query(self, expression: str) -> Sequence[Value]:
        """The value of each series now."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Asks about one model's default predictor in one environment."""

    prometheus: Asking
    selector: Selector = field(repr=False)
    environment: str

    def look(self, key: str, *, over: timedelta) -> Live:
        """What was counted since no other key than this one answered, over so long at most; raises as `query`.

        A counter carries no key: after a release, one that goes back further is of two models. While a release rolls
        out, the older key's last answer is the beginning.
        """
        seconds = self._alone(key, max(1, int(over.total_seconds())))
        live = Live(key=key, environment=self.environment, seconds=seconds)
        if seconds < 1:
            return live
        counts = [*self._features(seconds), *self._predictions(seconds)]
        return Live(
            key=key,
            environment=self.environment,
            seconds=seconds,
            moved=measure(counts),
            quality=self._quality(seconds),
        )

    def _alone(self, key: str, longest: int) -> int:
        """Seconds since another key was seen last, less what may lie between two moments."""
        step = max(1, longest // _MOMENTS)
        info = self.selector.series("slipway_model_info", predictor_name=DEFAULT)
        seen = f"max_over_time(timestamp({info})[{longest}s:{step}s])"
        ages = self._asked(f"time() - max by (key) ({seen})")
        others = [one.value for one in ages if one.labels.get("key") != key]
        return min(longest, math.floor(min(others) - step)) if others else longest

    def _features(self, seconds: int) -> Iterator[Counts]:
        before = _by_feature(self._held("slipway_feature_reference_ratio", seconds, "feature", "bin"))
        now = _by_feature(self._counted("slipway_feature_total", seconds, "feature", "bin"))
        rows = _only(self._held("slipway_reference_rows", seconds)) or 0.0
        for name, ratios in sorted(before.items()):
            bins = {label: ratio * rows for label, ratio in ratios.items()}
            yield _counts(name, Subject.FEATURE, bins, now.get(name, {}))

    def _predictions(self, seconds: int) -> Iterator[Counts]:
        """Mean probabilities tell more than the likeliest classes do, and both are compared with the holdout's."""
        held = self._held("slipway_prediction_reference_ratio", seconds, "class", "bin")
        rows = _only(self._held("slipway_prediction_reference_rows", seconds))
        if not held or not rows:
            return
        label, metric = (
            ("class", "slipway_probability_total")
            if any(one.labels.get("class") for one in held)
            else ("bin", "slipway_prediction_bin_total")
        )
        bins = {name: ratio * rows for name, ratio in _by(held, label).items()}
        yield _counts("", Subject.PREDICTIONS, bins, _by(self._counted(metric, seconds, label), label))

    def _quality(self, seconds: int) -> Quality | None:
        reference = next(
            (one for one in self._held("slipway_label_reference", seconds, "metric") if _metric(one) is not None), None
        )
        metric = _metric(reference) if reference else None
        if reference is None or metric is None:
            return None
        total = "slipway_labels_right_total" if metric is Metric.ACCURACY else "slipway_labels_absolute_error_total"
        rows = _only(self._counted("slipway_labels_total", seconds))
        measured = _only(self._counted(total, seconds))
        holdout = _only(self._held("slipway_prediction_reference_rows", seconds))
        return Quality(
            metric=metric,
            now=Sample(rows=rows, value=(measured or 0.0) / rows) if rows and round(rows) else None,
            before=Sample(rows=holdout if holdout and round(holdout) else math.inf, value=reference.value),
        )

    def _held(self, metric: str, seconds: int, *labels: str) -> Sequence[Value]:
        """A gauge that stays the same while a release is live, though its pods may be down just now."""
        series = self.selector.series(metric, predictor_name=DEFAULT)
        return self._asked(f"max by ({', '.join(labels)}) (last_over_time({series}[{seconds}s]))")

    def _counted(self, metric: str, seconds: int, *labels: str) -> Sequence[Value]:
        """How much a counter grew, over all pods."""
        series = self.selector.series(metric, predictor_name=DEFAULT)
        return self._asked(f"sum by ({', '.join(labels)}) (increase({series}[{seconds}s]))")

    def _asked(self, expression: str) -> Sequence[Value]:
        found = self.prometheus.query(expression)
        if odd := [one.value for one in found if abs(one.value) > _MOST]:
            raise OutsideError(
                f"Prometheus answered with {odd[0]:g}", hint="Do other series have the names of a model's?"
            )
        return found


def _metric(value: Value) -> Metric | None:
    return _METRICS.get(value.labels.get("metric", ""))


def _by(values: Sequence[Value], label: str) -> Mapping[str, float]:
    """By what a label says. What is less than nothing is no count."""
    return {one.labels.get(label, ""): max(0.0, one.value) for one in values}


def _by_feature(values: Sequence[Value]) -> Mapping[str, Mapping[str, float]]:
    """Each feature's values, by bin."""
    found: defaultdict[str, list[Value]] = defaultdict(list)
    for one in values:
        found[one.labels.get("feature", "")].append(one)
    return {name: _by(own, "bin") for name, own in found.items()}


def _only(values: Sequence[Value]) -> float | None:
    return max(0.0, values[0].value) if values else None


def _counts(name: str, subject: Subject, bins: Mapping[str, float], now: Mapping[str, float]) -> Counts:
    order = sorted(bins, key=lambda label: _place(label, bins[label]))
    return Counts(
        name=name,
        subject=subject,
        labels=tuple(order),
        before=tuple(bins[label] for label in order),
        now=tuple(now.get(label, 0.0) for label in order),
    )


def _place(label: str, rows: float) -> tuple[int, float, str]:
    """Where a bin is shown: numbers in their order, categories by how many there were, what is special last."""
    if label in {"other", "missing"}:
        return 2, label == "missing", label
    found = _RANGE.fullmatch(label)
    if found is None:
        return 1, -rows, label
    return 0, float(found["low"]) if found["low"] else math.inf if found["above"] else -math.inf, label
