"""Whether a `model.onnx` is one that slipway's export writes: its bytes, and trees that are trees.

The trees are read out of the file and exported again; a file that is not the same to the byte holds something
else: another operator, a file to be read, an initialiser of gigabytes. Nothing is run. Reading it takes place in
a process of its own, with little memory, time and environment, because a parser can be choked as well.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slipway.bundle.rejected import Rejected
from slipway.results import ModelCard

SECONDS = 120
_MEMORY = 2**29
"""Bytes beyond what the process has once all is imported, and `_TIMES` the file's size."""
_TIMES = 12
_START = "import sys; sys.path.insert(0, sys.argv[1]); from slipway.bundle.graph import main; main()"
_REFUSED = 3
_HINT = "Nothing is lost: the merge trains the model again, with the code of main."
_MOST_CATEGORIES = 64
_IR_VERSIONS = range(8, 11)

_FIELDS = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}
"""Where an attribute of each type has its value."""
_FLOAT_LISTS = ("base_values", "class_weights", "nodes_hitrates", "nodes_values", "target_weights")
_TYPES = {"nodes_modes": 8, "post_transform": 3, "n_targets": 2, **dict.fromkeys(_FLOAT_LISTS, 6)}
_LISTS = ("falsenodeids", "featureids", "missing_value_tracks_true", "nodeids", "treeids", "truenodeids")
_COMMON = {*(f"nodes_{name}" for name in (*_LISTS, "hitrates", "modes", "values")), "base_values", "post_transform"}
_OWN = {
    "TreeEnsembleClassifier": {"classlabels_int64s", "class_ids", "class_nodeids", "class_treeids", "class_weights"},
    "TreeEnsembleRegressor": {"n_targets", "target_ids", "target_nodeids", "target_treeids", "target_weights"},
}
_OPTIONAL = {"nodes_hitrates", "base_values"}


def check(onnx: bytes, card: ModelCard) -> None:
    """See to it that a model is one that slipway exports, and its card's; else `Rejected`."""
    document = card.model_dump_json().encode()
    sizes = f"{len(document)} {len(onnx)}\n".encode()
    home = str(Path(__file__).parents[2])
    try:
        done = subprocess.run(  # noqa: S603  our own module, in an isolated interpreter
            [sys.executable, "-I", "-c", _START, home],
            input=sizes + document + onnx,
            capture_output=True,
            timeout=SECONDS,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Rejected("model.onnx takes too long to be read", hint=_HINT) from None
    if done.returncode == _REFUSED:
        raise Rejected(f"model.onnx is not what slipway exports: {done.stdout[:200].decode('ascii')}", hint=_HINT)
    if done.returncode:
        raise Rejected("model.onnx cannot be read within the memory that a model of its size needs", hint=_HINT)


def main() -> None:
    """Read a card and a model from standard input; exit 3 with what is wrong on standard output."""
    import onnx  # noqa: F401  before memory is counted

    from slipway.training import export  # noqa: F401

    sizes = [int(part) for part in sys.stdin.buffer.readline().split()]
    _limit(_MEMORY + _TIMES * sizes[1])
    card = ModelCard.from_json(sys.stdin.buffer.read(sizes[0]), "the card")
    for fault in faults(sys.stdin.buffer.read(sizes[1]), card):
        sys.stdout.write(fault)
        sys.exit(_REFUSED)


def _limit(memory: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = Path("/proc/self/statm")
    if used.exists():  # elsewhere an address space cannot be limited
        most = int(used.read_text().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def faults(content: bytes, card: ModelCard) -> Iterator[str]:
    """What is wrong with a model, in words that quote nothing of it. Parses here: `check` does not."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    from slipway.bundle.trees import Shape
    from slipway.bundle.trees import faults as tree_faults

    try:
        model = ModelProto.FromString(content)
    except DecodeError:
        yield "it cannot be parsed"
        return
    trees = [node for node in model.graph.node if node.op_type in _OWN]
    if len(trees) != 1 or (trees[0].op_type == "TreeEnsembleClassifier") != bool(card.classes):
        yield "it does not hold one ensemble of trees for its task"
        return
    given = _attributes(trees[0])
    if given is None:
        yield "its trees lack an attribute, or have one too many"
        return
    shape = Shape(
        features=len(card.numeric) + len(card.categorical),
        outputs=len(card.classes) or 1,
        leaves="class" if card.classes else "target",
    )
    found = list(tree_faults(given, shape))
    yield from found
    if not found and _exported(model, trees[0].op_type, given, card) != content:
        yield "exported again, its trees give another file"


def _attributes(node: Any) -> dict[str, Any] | None:  # noqa: ANN401  onnx has no types
    """The values by name, in the order of the file; None unless they are those that the export writes."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        kind = _TYPES.get(attribute.name, 7)
        if attribute.type != kind or attribute.name in found:
            return None
        found[attribute.name] = getattr(attribute, _FIELDS[kind])
    known = _COMMON | _OWN[node.op_type]
    return found if known - _OPTIONAL <= found.keys() <= known else None


def _exported(model: Any, operator: str, given: dict[str, Any], card: ModelCard) -> bytes | None:  # noqa: ANN401
    """What the export makes of these trees and of the file's categories; None if it can make nothing of them."""
    from onnx import ModelProto, TensorProto, helper
    from onnx.checker import ValidationError

    from slipway.training.export import to_onnx
    from slipway.training.features import Columns, Encoding
    from slipway.training.onnx_trees import FEATURES

    lists = [a.strings for node in model.graph.node if node.op_type == "LabelEncoder" for a in node.attribute
             if a.name == "keys_strings"]  # fmt: skip
    too_many = any(len(known) > _MOST_CATEGORIES + 1 for known in lists)
    if len(lists) != len(card.categorical) or too_many or model.ir_version not in _IR_VERSIONS:
        return None
    bare = ModelProto(ir_version=model.ir_version, model_version=0, doc_string="")  # as skl2onnx leaves them
    bare.graph.name = "slipway"
    node = bare.graph.node.add(op_type=operator, name=operator, domain="ai.onnx.ml", input=[FEATURES])
    node.output.extend(["label", "out"] if card.classes else ["out"])
    for name, value in given.items():
        kind = _TYPES.get(name, 7)
        node.attribute.add(name=name, type=kind, **{_FIELDS[kind]: value})
    width = len(card.classes) or 1
    bare.graph.output.append(helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, width]))
    try:
        encoding = Encoding(
            columns=Columns(numeric=card.numeric, categorical=card.categorical),
            categories=tuple(tuple(name.decode() for name in known[1:]) for known in lists),
        )
        return to_onnx(bare, encoding, key=card.key, classes=card.classes)
    except (ValidationError, ValueError):
        return None
