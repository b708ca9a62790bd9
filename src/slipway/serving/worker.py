"""The gunicorn worker that serves: asyncio, where seldon-core's default answers one connection at a time."""

from __future__ import annotations

import logging
import os

from a2wsgi import WSGIMiddleware
from gunicorn.workers.gasgi import ASGIWorker

from slipway.serving.app import App
from slipway.serving.model import EXTENSION


class Worker(ASGIWorker):  # type: ignore[misc]  # it has no types
    """Serves the Flask application of a model with `App` in front, and any other as it is."""

    def load_wsgi(self) -> None:
        """Load the application, in the worker's own process."""
        flask = self.app.wsgi()
        model = flask.extensions.get(EXTENSION)
        self.asgi = App(model, flask) if model else WSGIMiddleware(flask)

    def run(self) -> None:
        """Serve until told to stop, and be gone then.

        A way out through all of Python would be the whole server's, whose copy this process is; and it hangs in
        libraries (gRPC's among them) that had threads before the fork.
        """
        code = 0
        try:
            super().run()
        except SystemExit as end:
            code = 1 if end.code else 0
        logging.shutdown()
        os._exit(code)
