"""The model that was reviewed: it is loaded only if it is the one that its release record names."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from slipway.serving.rows import Batch

_OUTPUTS = ("prediction",)
_ENTRIES = ("onnx_sha256", "key", "model", "numeric", "categorical", "classes", "target", "golden")
_LARGEST = 2**31 - 1
"""Bytes of a message that protobuf reads."""
NO_CARD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a card raises that is none."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A model and what its release record (`model.json`) says of it."""

    card: Mapping[str, Any]
    session: Any
    """Of onnxruntime, which has no types."""
    inputs: tuple[str, ...]
    """What the graph reads: `numeric`, `categorical`, or both."""

    @property
    def key(self) -> str:
        """The content key of what shaped it."""
        return str(self.card["key"])

    @property
    def columns(self) -> tuple[str, ...]:
        """In the order of a row without names: numbers first."""
        return (*self.card["numeric"], *self.card["categorical"])

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes in the order of their probabilities; in a regression, the target."""
        return tuple(self.card["classes"] or [self.card["target"]])

    def predict(self, batch: Batch) -> NDArray[np.float32]:
        """Probabilities (rows x classes) or numbers (rows x 1)."""
        feeds = {name: getattr(batch, name) for name in self.inputs}
        prediction: NDArray[np.float32] = self.session.run(_OUTPUTS, feeds)[0]
        return prediction


def load(folder: Path) -> Reviewed:
    """Load a folder's `model.onnx`; exit with one line if it is not the model that its `model.json` names."""
    try:
        card: dict[str, Any] = json.loads((folder / "model.json").read_bytes())
        recorded, key, *_ = (card[name] for name in _ENTRIES)
        onnx = folder / "model.onnx"
        state, size = _state(onnx), onnx.stat().st_size
        if size > _LARGEST:
            no_start(f"model.onnx has {size} bytes; onnxruntime reads no more than {_LARGEST}: train a smaller model")
        digest = _digest(onnx) if size == card.get("onnx_bytes", size) else None
    except OSError as error:
        no_start(str(error))
    except NO_CARD as error:
        no_start(f"model.json is no model's card: {error!r}")
    if digest != recorded:
        no_start("model.onnx is damaged or another model's: its SHA-256 or its size is not what model.json names")
    session = _session(onnx)
    if _state(onnx) != state:
        no_start("model.onnx was written to while it was loaded")
    found = session.get_modelmeta().custom_metadata_map.get("slipway.key")
    if found != key:
        no_start(f"model.onnx is of the key {found}, model.json of {key}")
    inputs = tuple(entry.name for entry in session.get_inputs())
    if not set(inputs) <= {"numeric", "categorical"}:
        no_start(f"model.onnx reads {', '.join(inputs)}, which no model of slipway does")
    return Reviewed(card=card, session=session, inputs=inputs)


def _session(onnx: Path) -> Any:  # noqa: ANN401  onnxruntime has no types
    """Load it from the file: from bytes, onnxruntime would keep them beside what it makes of them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are forked, and threads would not follow
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  its errors have no other class in common
        no_start(f"onnxruntime cannot load model.onnx: {' '.join(str(error).split())}")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _state(file: Path) -> tuple[int, ...]:
    """What changes when the file is written to or replaced: what was hashed is what was loaded if it did not."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(file))
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def no_start(why: str) -> NoReturn:
    """End with one line."""
    raise SystemExit(f"this model is not served: {why}")
