"""The S2I source folder of a model: what a release ships. Equal models give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.results import ModelCard

ONNX, CARD, ENVIRONMENT = "model.onnx", "model.json", ".s2i/environment"
_SETTINGS = {
    "GUNICORN_WORKERS": "1",
    "GRPC_WORKERS": "1",
    "FILTER_METRICS_ACCESS_LOGS": "true",
    "INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false",
}


def source(card: ModelCard, onnx: bytes) -> Mapping[str, bytes]:
    """The folder's files by their path: the model, its card, and how it is started. The builder has the server."""
    return {
        ENVIRONMENT: "".join(f"{name}={value}\n" for name, value in _SETTINGS.items()).encode(),
        CARD: card.to_json(),
        ONNX: onnx,
    }


def settings(files: Mapping[str, bytes]) -> dict[str, str]:
    """How the server of a source folder is started, as its `.s2i/environment` says."""
    lines = files[ENVIRONMENT].decode().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines) if value}
