"""Trees of scikit-learn and XGBoost as ONNX, through skl2onnx."""

from __future__ import annotations

from functools import cache
from typing import Any

TARGET_OPSET = {"": 18, "ai.onnx.ml": 3}
"""onnxmltools' XGBoost converter refuses a newer `ai.onnx.ml` domain."""
FEATURES = "features"


@cache
def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from xgboost import XGBClassifier, XGBRegressor

    update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        XGBRegressor, "XGBoostXGBRegressor", calculate_linear_regressor_output_shapes, convert_xgboost
    )


def convert_trees(model: Any, features: int) -> Any:  # noqa: ANN401
    """An ONNX `ModelProto` from `features` (rows x features, float32) to the model's outputs.

    The graph's name is fixed: skl2onnx would draw a new one each time, and equal models would differ.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    if type(model).__module__.startswith("xgboost"):
        _register_xgboost()
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    return convert_sklearn(
        model,
        name="slipway",
        initial_types=[(FEATURES, FloatTensorType([None, features]))],
        options=options,
        target_opset=TARGET_OPSET,
    )
