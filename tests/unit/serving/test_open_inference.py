"""The Open Inference Protocol: tensors in, tensors out, and refusals that name the tensor."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.serving.open_inference import read
from slipway.serving.rows import Columns, Refused

COLUMNS = ("a", "b")


def tensor(name: str, data: Any, shape: Any = None, datatype: str = "FP64") -> dict[str, Any]:
    return {"name": name, "shape": [len(data)] if shape is None else shape, "datatype": datatype, "data": data}


@pytest.mark.parametrize(
    ("inputs", "names", "rows"),
    [
        ([tensor("a", [1, 2]), tensor("b", ["x", "y"])], ["a", "b"], [[1, "x"], [2, "y"]]),
        ([tensor("b", ["x", None]), tensor("a", [1, 2])], ["b", "a"], [["x", 1], [None, 2]]),
        ([tensor("a", [1, 2], [2, 1]), tensor("b", [[3], [4]], [2, 1])], ["a", "b"], [[1, 3], [2, 4]]),
        ([tensor("predict", [1, 2, 3, 4], [2, 2])], None, [[1, 2], [3, 4]]),
        ([tensor("predict", [[1, 2], [3, 4]], [2, 2])], None, [[1, 2], [3, 4]]),
    ],
)
def test_tensors_are_columns_or_one_is_all_of_them(inputs: Any, names: Any, rows: Any) -> None:
    asked = read({"id": "7", "inputs": inputs}, COLUMNS)
    assert (asked.id, asked.names, asked.rows) == ("7", names, rows)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_one_column_alone_has_its_name(shape: list[int]) -> None:
    asked = read({"inputs": [tensor("misspelt", [1, 2], shape)]}, ("a",))
    with pytest.raises(Refused, match="columns are missing: 'a'"):
        Columns(["a"], []).batch(asked.names, asked.rows)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "the request has no inputs"),
        ({}, "the request has no inputs"),
        ({"inputs": []}, "the request has no inputs"),
        ({"inputs": [tensor("a", [1])], "id": 5}, "id must be a text"),
        ({"inputs": [5]}, "each input must be an object with a name"),
        ({"inputs": [{"name": 5}]}, "each input must be an object with a name"),
        ({"inputs": [tensor("a", [1], [])]}, "input 'a' must have a shape"),
        ({"inputs": [tensor("a", [1], ["1"])]}, "input 'a' must have a shape"),
        ({"inputs": [tensor("a", [1], [1, 0])]}, "input 'a' must have a shape"),
        ({"inputs": [tensor("a", [1], [10**30, 10**30])]}, "input 'a' must have data"),
        ({"inputs": [tensor("a", [1], [2])]}, "input 'a' must have data: as many values as its shape"),
        ({"inputs": [tensor("a", "x", [1])]}, "input 'a' must have data"),
        ({"inputs": [tensor("a", [1, 2, 3, 4], [2, 2])]}, "one value of each column for each row"),
        ({"inputs": [tensor("a", [1]), tensor("b", [1, 2])]}, "one value of each column for each row"),
        ({"inputs": [tensor("a", [1, 2], [1, 2]), tensor("b", [1, 2])]}, "one value of each column for each row"),
    ],
)
def test_what_is_no_request_is_refused_by_name(document: Any, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(document, COLUMNS)


_LEAF = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2)
_ANY = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
_TENSOR = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["a", "b", "c"]) | _LEAF, "shape": _ANY, "data": _ANY, "datatype": _LEAF}
)


@given(st.fixed_dictionaries({"inputs": st.lists(_TENSOR, max_size=3) | _ANY}, optional={"id": _ANY}))
def test_whatever_is_sent_is_read_or_refused(document: Any) -> None:
    try:
        read(document, COLUMNS)
    except Refused:
        return
