"""What a release ships: a folder that follows from the key alone."""

from __future__ import annotations

import json

from slipway.adapters.store import sha256
from slipway.delivery.source_image import settings, source
from slipway.results import ModelCard

ONNX = b"a graph"
CARD = ModelCard.model_validate(
    {
        "model": "toy",
        "key": "ab" * 32,
        "task": "classification",
        "target": "label",
        "classes": ("no", "yes"),
        "numeric": ("width",),
        "categorical": (),
        "family": "xgboost",
        "params": {"n_estimators": 20},
        "trial": 0,
        "trials": 1,
        "failed_trials": 0,
        "metric": "log_loss",
        "cv_score": 0.5,
        "cv_fold_scores": (0.5,),
        "training_rows": 3,
        "holdout_rows": 1,
        "split": {"columns": (), "share": 0.25},
        "onnx_sha256": sha256(ONNX),
        "onnx_bytes": len(ONNX),
        "parity": {"rows": 1, "largest": 0.0, "tolerance": 1e-5},
        "packages": {},
        "golden": (),
        "reference": (),
    }
)


def test_the_folder_holds_the_model_its_card_and_how_it_starts() -> None:
    files = source(CARD, ONNX)
    assert sorted(files) == [".s2i/environment", "model.json", "model.onnx"]
    assert files["model.onnx"] == ONNX
    assert ModelCard.from_json(files["model.json"], "model.json") == CARD
    assert sha256(files["model.onnx"]) == json.loads(files["model.json"])["onnx_sha256"]


def test_equal_inputs_give_equal_bytes() -> None:
    assert source(CARD, ONNX) == source(CARD.model_copy(), ONNX)


def test_the_environment_is_as_s2i_reads_it() -> None:
    files = source(CARD, ONNX)
    assert files[".s2i/environment"].decode().endswith("\n")
    assert settings(files) == {
        "GUNICORN_WORKERS": "1",
        "GRPC_WORKERS": "1",
        "FILTER_METRICS_ACCESS_LOGS": "true",
        "INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false",
    }
