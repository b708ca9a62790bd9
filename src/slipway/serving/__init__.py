"""What runs in a model's image: seldon-core's server around one ONNX model.

It stands on the `serving` packages alone, and nothing of it imports the rest of slipway.
"""
