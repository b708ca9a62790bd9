"""A release that was built wrongly, on purpose: the key that it names is right, and its answers are another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway import released
from slipway.adapters.store import sha256
from slipway.delivery import source_image

_OUTPUT, _RIGHT, _DOMAIN, _OPSET = "prediction", "prediction_as_reviewed", "", 18


def sabotaged(source: released.Source) -> Mapping[str, bytes]:
    """The files of an image that starts, says that it is healthy, and answers wrongly.

    Each class gets its neighbour's probability, each number the other sign. The card in it agrees with the graph, so
    that nothing but a question tells: the digest that it was reviewed with is in the store, and not in here.
    """
    card = source.card
    onnx = _turned(source.files[source_image.ONNX], len(card.classes))
    golden = tuple(one.model_copy(update={"answer": _wrong(one.answer)}) for one in card.golden)
    changed = {"golden": golden, "onnx_sha256": sha256(onnx), "onnx_bytes": len(onnx)}
    return source_image.source(card.model_copy(update=changed), onnx)


def _wrong(answer: Sequence[float]) -> tuple[float, ...]:
    return (*answer[-1:], *answer[:-1]) if len(answer) > 1 else tuple(-value for value in answer)


def _turned(onnx: bytes, classes: int) -> bytes:
    """The graph with one more operator at its end."""
    import onnx as library
    from onnx import TensorProto, helper

    model = library.load_model_from_string(onnx)
    for node in model.graph.node:
        node.output[:] = [_RIGHT if name == _OUTPUT else name for name in node.output]
        node.input[:] = [_RIGHT if name == _OUTPUT else name for name in node.input]
    if classes:
        order = [classes - 1, *range(classes - 1)]
        model.graph.initializer.append(helper.make_tensor("turned", TensorProto.INT64, [classes], order))
        model.graph.node.append(helper.make_node("Gather", [_RIGHT, "turned"], [_OUTPUT], axis=1))
    else:
        model.graph.node.append(helper.make_node("Neg", [_RIGHT], [_OUTPUT]))
    if not any(known.domain == _DOMAIN for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_DOMAIN, _OPSET))
    changed: bytes = model.SerializeToString()
    return changed
