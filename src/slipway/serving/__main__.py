"""`python -m slipway.serving`: what the image of a model runs."""

import logging
import os

if __name__ == "__main__":
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else onnxruntime tells its maker of each session
    logging.captureWarnings(True)  # noqa: FBT003

    from slipway.serving.server import main

    main()
