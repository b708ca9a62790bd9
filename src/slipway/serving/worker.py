"""The gunicorn worker that serves: asyncio, where seldon-core's default answers one connection at a time."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from a2wsgi import WSGIMiddleware
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from slipway.serving.app import App
from slipway.serving.connection import Connection
from slipway.serving.model import EXTENSION

_LINGER = 0.5
"""Seconds for a request that is on its way while the server ends; its answer tells the client to go elsewhere."""


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # it has no types
    """Serves the Flask application of a model with `App` in front, and any other as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  gunicorn's own
        """Before the fork."""
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()

    def load_wsgi(self) -> None:
        """Load the application, in the worker's own process."""
        flask = self.app.wsgi()
        model = flask.extensions.get(EXTENSION)
        self.asgi = App(model, flask) if model else WSGIMiddleware(flask)
        ASGIProtocol._check_h1c_protocol_available()  # noqa: SLF001  a subclass finds the quick parser only if it knows it
        gasgi.ASGIProtocol = Connection  # it has no other seam

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

    async def _shutdown(self) -> None:
        """Finish what is asked, and wait for nobody who asks nothing."""
        for server in self.servers:
            server.close()
        if not self._quick_shutdown:
            await asyncio.sleep(_LINGER)
        for connection in list(self.connections):
            if connection.is_idle:
                connection.leave()
        await super()._shutdown()
