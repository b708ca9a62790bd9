"""From a fitted model to the ONNX file that is reviewed and served.

The graph takes a row as a request has it (numbers, and texts for categories, missing values included)
and does the encoding itself, so that nothing of it can be forgotten or done differently in production.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.training.features import Encoding
from slipway.training.onnx_trees import FEATURES, TARGET_OPSET

NUMERIC = "numeric"
"""Input: rows x numeric columns, float32, NaN where missing."""
CATEGORICAL = "categorical"
"""Input: rows x categorical columns, text, empty where missing."""
PREDICTION = "prediction"
"""Output: probabilities (rows x classes) or numbers (rows x 1), float32."""


def to_onnx(trees: Any, encoding: Encoding, *, key: str, classes: Sequence[str]) -> bytes:  # noqa: ANN401
    """The bytes of `model.onnx`: the encoding, then the trees, then one output.

    The same model gives the same bytes. The key, the columns and the classes travel in its metadata.
    """
    _put_encoding_first(trees.graph, encoding)
    _keep_last_output(trees.graph)
    columns = encoding.columns
    metadata = {
        "slipway.key": key,
        NUMERIC: json.dumps(columns.numeric),
        CATEGORICAL: json.dumps(columns.categorical),
        "classes": json.dumps(list(classes)),
    }
    for name, text in metadata.items():
        entry = trees.metadata_props.add()
        entry.key, entry.value = name, text
    del trees.opset_import[:]
    trees.opset_import.extend(helper.make_opsetid(*domain) for domain in TARGET_OPSET.items())
    trees.producer_name, trees.producer_version, trees.domain = "slipway", "", ""
    onnx.checker.check_model(trees)
    content: bytes = trees.SerializeToString(deterministic=True)
    return content


def _put_encoding_first(graph: Any, encoding: Encoding) -> None:  # noqa: ANN401
    columns = encoding.columns
    del graph.input[:]
    nodes, parts = [], []
    if columns.numeric:
        graph.input.append(_input(NUMERIC, TensorProto.FLOAT, len(columns.numeric)))
        parts.append(NUMERIC)
    if columns.categorical:
        graph.input.append(_input(CATEGORICAL, TensorProto.STRING, len(columns.categorical)))
    for index, known in enumerate(encoding.categories):
        column, codes = f"category_{index}", f"code_{index}"
        graph.initializer.append(numpy_helper.from_array(np.array([index], dtype=np.int64), f"index_{index}"))
        nodes.append(helper.make_node("Gather", [CATEGORICAL, f"index_{index}"], [column], axis=1))
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [column],
                [codes],
                domain="ai.onnx.ml",
                keys_strings=["", *known],
                values_floats=[float("nan"), *map(float, range(len(known)))],
                default_float=float(len(known)),
            )
        )
        parts.append(codes)
    nodes.append(helper.make_node("Concat", parts, [FEATURES], axis=1))
    trees = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *trees])


def _input(name: str, kind: int, width: int) -> Any:  # noqa: ANN401
    return helper.make_tensor_value_info(name, kind, [None, width])


def _keep_last_output(graph: Any) -> None:  # noqa: ANN401
    """One output, called the same for every family and task: the last is the one with the probabilities."""
    last = graph.output[-1].name
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == last:
                node.output[index] = PREDICTION
    kept = graph.output[-1]
    kept.name = PREDICTION
    del graph.output[:-1]
