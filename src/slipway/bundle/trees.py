"""Whether an ensemble of trees, as ONNX writes it, is one: each node below one other, each leaf with its values.

A runtime follows the numbers in these lists; what is checked here cannot lead it round in circles or out of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DEEPEST = 1_000
"""Levels of a tree: onnxruntime goes down them by recursion."""
_LEAF = b"LEAF"
_MODES = frozenset({b"BRANCH_LEQ", b"BRANCH_LT", _LEAF})
_TRANSFORMS = frozenset({b"NONE", b"LOGISTIC", b"SOFTMAX"})
_OF_NODES = ("falsenodeids", "featureids", "hitrates", "missing_value_tracks_true", "modes", "nodeids", "treeids",
             "truenodeids", "values")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the trees read and give."""

    features: int
    outputs: int
    leaves: str
    """How the lists of the leaves' values are called: `class` or `target`."""


def faults(given: Mapping[str, Any], shape: Shape) -> Iterator[str]:
    """What is wrong with the attributes of a `TreeEnsembleClassifier` or `TreeEnsembleRegressor`."""
    nodes = {name: given[f"nodes_{name}"] for name in _OF_NODES if f"nodes_{name}" in given}
    leaves = {part: given.get(f"{shape.leaves}_{part}", ()) for part in ("ids", "nodeids", "treeids", "weights")}
    if len({len(part) for part in nodes.values()}) != 1 or len({len(part) for part in leaves.values()}) != 1:
        yield "its lists of nodes or of leaves differ in length"
        return
    if not set(nodes["modes"]) <= _MODES or given["post_transform"] not in _TRANSFORMS:
        yield "it compares or ends otherwise than slipway's models do"
        return
    forest = _Forest.of(nodes)
    if forest is None:
        yield "its nodes are not numbered tree by tree"
    elif not forest.is_sound(_ints(nodes["truenodeids"]), _ints(nodes["falsenodeids"])):
        yield "its nodes are not trees, or are too deep ones"
    elif not _in_range(_ints(nodes["featureids"]), shape.features):
        yield "it reads a column that there is not"
    elif not forest.are_leaves(_ints(leaves["treeids"]), _ints(leaves["nodeids"])):
        yield "it has a value of a leaf that there is not"
    else:
        yield from _value_faults(given, leaves, shape, int(forest.is_leaf.sum()))


def _value_faults(
    given: Mapping[str, Any], leaves: Mapping[str, Sequence[Any]], shape: Shape, count: int
) -> Iterator[str]:
    base = given.get("base_values", ())
    if not _in_range(_ints(leaves["ids"]), shape.outputs) or len(leaves["ids"]) > count * shape.outputs:
        yield "a leaf has a value for an output that there is not"
    if len(base) not in {0, 1, shape.outputs} or not np.isfinite([*base, *leaves["weights"]]).all():
        yield "a value of it is no number"
    labels = given.get("classlabels_int64s")
    if (given.get("n_targets", 1), labels is None or list(labels)) != (1, labels is None or list(range(shape.outputs))):
        yield "it gives other classes than its card names"


@dataclass(frozen=True, kw_only=True)
class _Forest:
    """Nodes, tree by tree, each numbered from 0."""

    trees: Ints
    """Of each node."""
    nodes: Ints
    starts: Ints
    """Of each tree: its root's place among all nodes."""
    counts: Ints
    is_leaf: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, nodes: Mapping[str, Sequence[Any]]) -> _Forest | None:
        """The forest; None if the numbers are not those."""
        numbers, trees = _ints(nodes["nodeids"]), _ints(nodes["treeids"])
        starts = np.flatnonzero(numbers == 0)
        if not len(numbers) or numbers[0] or not np.array_equal(trees, np.cumsum(numbers == 0) - 1):
            return None
        if not np.array_equal(numbers, np.arange(len(numbers)) - starts[trees]):
            return None
        modes = nodes["modes"]
        return cls(
            trees=trees,
            nodes=numbers,
            starts=starts,
            counts=np.diff(np.append(starts, len(numbers))),
            is_leaf=np.fromiter((mode == _LEAF for mode in modes), dtype=np.bool_, count=len(modes)),
        )

    def is_sound(self, yes: Ints, no: Ints) -> bool:
        """Whether every node but the roots is below one other, and none is too deep."""
        branch = np.flatnonzero(~self.is_leaf)
        own, size = self.nodes[branch], self.counts[self.trees[branch]]
        for below in (yes[branch], no[branch]):
            if not ((own < below) & (below < size)).all():
                return False
        if yes[self.is_leaf].any() or no[self.is_leaf].any():
            return False
        start = self.starts[self.trees]
        children = np.concatenate([(start + yes)[branch], (start + no)[branch]])
        if not np.array_equal(np.bincount(children, minlength=len(self.nodes)), self.nodes != 0):
            return False
        level = self.starts
        for _ in range(DEEPEST):
            level = level[~self.is_leaf[level]]
            if not len(level):
                return True
            level = np.concatenate([(start + yes)[level], (start + no)[level]])
        return False

    def are_leaves(self, trees: Ints, nodes: Ints) -> bool:
        """Whether each of these is a leaf of its tree."""
        if not _in_range(trees, len(self.starts)) or not ((nodes >= 0) & (nodes < self.counts[trees])).all():
            return False
        return bool(self.is_leaf[self.starts[trees] + nodes].all())


def _ints(values: Sequence[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _in_range(values: Ints, below: int) -> bool:
    return bool(((values >= 0) & (values < below)).all())
