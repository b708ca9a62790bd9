"""`python -m slipway.serving`: what the image of a model runs."""

import logging

from slipway.serving.server import main

if __name__ == "__main__":
    logging.captureWarnings(True)  # noqa: FBT003
    main()
