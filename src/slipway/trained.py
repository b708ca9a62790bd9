"""A trained model as the store keeps it under its key: `model.onnx`, and the card that says all about it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.adapters.store import Place, Store, sha256
from slipway.errors import StoreError
from slipway.results import ModelCard

ONNX, CARD = "model.onnx", "model.json"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model's bytes and its card, which name each other."""

    card: ModelCard
    onnx: bytes


def place(model: str, key: str) -> Place:
    """Where the store keeps it."""
    return Place(model=model, key=key, entry="challenger")


def load(store: Store, model: str, key: str) -> Trained | None:
    """The model of a key, None if there is none; `StoreError` if its card names another key or other bytes."""
    where = place(model, key)
    files = store.get(where)
    if files is None:
        return None
    card = ModelCard.from_json(files.get(CARD, b""), f"{where.path}/{CARD}")
    onnx = files.get(ONNX, b"")
    if (card.key, card.onnx_sha256) != (key, sha256(onnx)):
        raise StoreError(
            f"{where.path} is not what training made: its card names another key or another file",
            hint=f"Delete {where.path} from the store and run the command again.",
        )
    return Trained(card=card, onnx=onnx)
