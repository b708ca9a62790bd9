"""The gunicorn worker that serves: uvicorn, where seldon-core's default answers one connection at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any, ClassVar

from a2wsgi import WSGIMiddleware
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # it has no types
from uvicorn import Server
from uvicorn_worker import UvicornWorker

from slipway.serving.app import App
from slipway.serving.connection import Connection
from slipway.serving.model import EXTENSION

log = logging.getLogger(__name__)

_LINGER = 0.5
"""Seconds for a request that is on its way while the server ends; its answer tells the client to go elsewhere."""


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """Serves the Flask application of a model with `App` in front, and any other as it is."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": Connection,
        "ws": "none",
        "lifespan": "auto",
        "timeout_notify": 1,
        "server_header": False,
        "access_log": False,
    }

    started: ClassVar[list[tuple[int, int]]] = []
    """The processes that serve beside the workers, gRPC's and metrics': each with the one that started it, before."""
    _code = 0

    def load_wsgi(self) -> None:
        """Load the application, in the worker's own process."""
        flask = self.app.wsgi()
        model = flask.extensions.get(EXTENSION)
        self.wsgi = App(model, flask) if model else WSGIMiddleware(flask)

    def run(self) -> None:
        """Serve until told to stop, and be gone then.

        A way out through all of Python would be the whole server's, whose copy this process is; and it hangs in
        libraries (gRPC's among them) that had threads before the fork.
        """
        try:
            super().run()
        except SystemExit as end:
            self._code = self._code or (1 if end.code else 0)
        logging.shutdown()
        os._exit(self._code)

    async def callback_notify(self) -> None:
        """Called each second: tell the server that this process lives, and end if that does not.

        Where a process beside is gone the whole server ends, to be started anew: gunicorn ends by itself after a worker
        that could not start.
        """
        self.notify()
        if os.getppid() != self.ppid:
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self._code and not all(_lives(pid) for parent, pid in self.started if parent == self.ppid):
            log.error("the process that serves gRPC, or the metrics', is gone: the server ends")
            self._code = Arbiter.WORKER_BOOT_ERROR
            self._server.should_exit = True

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        self._install_sigquit_handler()
        self._server = _Lingering(self.config)
        await self._server.serve(sockets=self.sockets)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # gone just now, or a system that does not tell
        return True
    return state != "Z"  # ended before gunicorn looked after its children


class _Lingering(Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  closed by then
        """Take no more connections, and answer what comes on those that there are before they are closed."""
        Connection.ending = True
        for server in self.servers:
            server.close()
        if not self.force_exit:
            await asyncio.sleep(_LINGER)
        await super().shutdown()
