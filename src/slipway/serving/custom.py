"""Seldon's custom metrics and rewards, in the place of `seldon_core.metrics.SeldonMetrics`.

Seldon's own keeps them in a process of their own that every request waits for, twice, whether it has any or not.
Here a request without any waits for nothing; one with some takes a lock that all workers share.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from slipway.serving.exposition import MEDIA_TYPE, distinct, spoken
from slipway.serving.metrics import Metrics
from slipway.serving.shared import Floats, Shared

NAMES = 1 << 18
"""Bytes for the names and tags of all series."""
CELLS = 1 << 14
"""Numbers of all series: one for a counter or a gauge, 52 for a timer."""
_KINDS = {"COUNTER": "counter", "GAUGE": "gauge", "TIMER": "histogram"}
_NAME = re.compile(r"(?!slipway_)[a-zA-Z_:][a-zA-Z0-9_:]*")
_TAG = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_HELP = "A custom metric of the model."

Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""Kind, name, tags."""


class SharedSeldonMetrics:
    """What seldon-core's wrapper calls, over all workers: their counters add up, the last gauge stands.

    Seldon adds `worker_id`; without it a worker that starts again goes on in the same series.
    """

    def __init__(self, metrics: Metrics, *, extra_default_labels: Mapping[str, str] | None = None, **_: object) -> None:
        """Make it before the workers are forked. Anything else that Seldon's own is given has no use here."""
        from seldon_core.metrics import BINS, DEFAULT_LABELS

        set_ones = {name: value for name, value in DEFAULT_LABELS.items() if "NOT_IMPLEMENTED" not in value}
        self._metrics = metrics
        # Seldon's dashboards ask its own series for all of its labels.
        self._labels = {**set_ones, **(extra_default_labels or {})}
        self._bounds = BINS[1:-1]
        self._ledger = Ledger()

    def update(self, custom_metrics: Sequence[Mapping[str, Any]], method: str) -> None:
        """Note what a model's method reported. What is no metric is logged and left out, as by Seldon's own."""
        for metric in custom_metrics or ():
            kind, name = str(metric.get("type", "COUNTER")), str(metric["key"])
            name = name.removesuffix("_total") if kind == "COUNTER" else name
            tags = {**(metric.get("tags") or {}), "method": method}
            if kind not in _KINDS or not _NAME.fullmatch(name) or not all(map(_TAG.fullmatch, tags)):
                logging.getLogger(__name__).error("no valid metric: %s %r with the tags %s", kind, name, list(tags))
                continue
            key = (kind, name, tuple(sorted((tag, distinct([str(value)])[0]) for tag, value in tags.items())))
            if kind == "GAUGE":
                self._ledger.put(key, float(metric["value"]))
            else:
                self._ledger.add(key, self._increments(kind, float(metric["value"])))

    def update_reward(self, reward: float) -> None:
        """Note a feedback's reward; one of nought is none."""
        from seldon_core import metrics as seldon

        if reward and not seldon.legacy_mode:
            entries = ((seldon.FEEDBACK_KEY, 1), (seldon.FEEDBACK_REWARD_KEY, reward))
            self.update([{"key": key, "value": value} for key, value in entries], seldon.FEEDBACK_METRIC_METHOD_TAG)

    def collect(self) -> Iterator[Metric]:
        """The custom metrics, for a registry of Prometheus' client."""
        families: dict[str, Metric] = {}
        for (kind, name, tags), cells in self._ledger.read():
            shown = f"{name}_total" if kind == "COUNTER" else name
            family = families.setdefault(shown, Metric(name, _HELP, _KINDS[kind]))
            if family.type == _KINDS[kind]:
                self._add(family, {**dict(tags), **self._labels}, cells)
        yield from families.values()

    def generate_metrics(self) -> tuple[str, str]:
        """All numbers, the model's and the custom ones, as text, and its type, to which the wrapper adds a charset.

        A charset that stands there twice is no valid header, and Prometheus 3 refuses what has none.
        """
        registry = CollectorRegistry()
        registry.register(self)
        own, _ = self._metrics.text()
        return own + generate_latest(registry).decode(), MEDIA_TYPE

    def clear(self) -> None:
        """Called as a worker ends. Its numbers stay, or counters would go backwards."""
        self._metrics.flush()

    def _increments(self, kind: str, value: float) -> Floats:
        if kind == "COUNTER":
            return np.array([value])
        seconds = value / 1000  # Seldon's timers are in milliseconds
        cells = np.zeros(len(self._bounds) + 2)
        cells[np.searchsorted(self._bounds, seconds)] = 1
        cells[-1] = seconds
        return cells

    def _add(self, family: Metric, labels: dict[str, str], cells: Floats) -> None:
        if family.type != "histogram":
            family.add_sample(family.name + ("_total" if family.type == "counter" else ""), labels, cells[0].item())
            return
        counts = np.cumsum(cells[:-1]).tolist()
        for bound, count in zip([*map(spoken, self._bounds), "+Inf"], counts, strict=True):
            family.add_sample(f"{family.name}_bucket", {**labels, "le": bound}, count)
        family.add_sample(f"{family.name}_count", labels, counts[-1])
        family.add_sample(f"{family.name}_sum", labels, cells[-1].item())


class Ledger:
    """Numbers under names that nobody knows beforehand, in memory that processes share.

    The names stand one a line, in the order in which they came; the first number is the length of what is valid
    of them. It is written last, so that a process killed while it adds a name leaves none behind.
    """

    def __init__(self) -> None:
        """Raises `OSError` as `Shared` does."""
        self._shared = Shared(NAMES + CELLS * 8)
        numbers = np.frombuffer(self._shared.memory, dtype=np.float64)
        self._length, self._cells = numbers[:1], numbers[NAMES // 8 :]
        self._end = self._length.nbytes
        self._used = 0
        self._places: dict[Key, slice] = {}

    def add(self, key: Key, increments: Floats) -> None:
        """Add to the numbers of a key."""
        with self._shared.locked():
            self._cells[self._place(key, len(increments))] += increments

    def put(self, key: Key, value: float) -> None:
        """Have this one number for a key."""
        with self._shared.locked():
            self._cells[self._place(key, 1)] = value

    def read(self) -> list[tuple[Key, Floats]]:
        """All keys with their numbers."""
        with self._shared.locked():
            self._learn()
            return [(key, self._cells[place].copy()) for key, place in self._places.items()]

    def _place(self, key: Key, width: int) -> slice:
        """Where a key's numbers are; nowhere, which is logged, if there is no room for more."""
        if key not in self._places:
            self._learn()
        if key not in self._places:
            line = json.dumps([key, self._used, self._used + width]).encode() + b"\n"
            if self._end + len(line) > NAMES or self._used + width > len(self._cells):
                logging.getLogger(__name__).error("no room for another custom metric: %s", key)
                return slice(0, 0)
            self._shared.memory[self._end : self._end + len(line)] = line
            self._length[0] = self._end + len(line)
            self._learn()
        return self._places[key]

    def _learn(self) -> None:
        """Take note of the names that came since."""
        valid = max(int(self._length[0]), self._end)
        for line in self._shared.memory[self._end : valid].splitlines():
            (kind, name, tags), start, self._used = json.loads(line)
            key = (kind, name, tuple((tag, value) for tag, value in tags))
            self._places[key] = slice(start, self._used)
        self._end = valid
