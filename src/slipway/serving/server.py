"""The server of a model: seldon-core's own program, with other parts where its own are slow.

Its arguments and environment stay as they are. In the places of its own parts are put: uvicorn in gunicorn's workers
(`worker`), metrics in shared memory (`metrics`), and a gRPC server that is kept alive and refuses in gRPC's terms
(`grpc`). `SLIPWAY_HOST` is the address to listen on.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from types import SimpleNamespace
from typing import Any

from seldon_core import microservice, wrapper

from slipway.serving.flask import asked, feedback
from slipway.serving.grpc import Servicer, kept
from slipway.serving.model import Model
from slipway.serving.seldon_metrics import SharedSeldonMetrics
from slipway.serving.worker import Worker

HOST = "SLIPWAY_HOST"
_EVERYWHERE = "0.0.0.0"  # noqa: S104  as the wrapper has it: a container's port is published by its pod
_KEPT = 75
"""Seconds for an idle connection, between two requests; the wrapper's 2 are less than gateways keep theirs, whose next
request would be lost. How long a request may take to come is said in `connection` and `app`."""
_SLOWEST = 60
"""Seconds that a worker may be stuck, without its event loop's turn, before gunicorn kills it; the wrapper's 5,000 are
meant as milliseconds."""


class Served(Model):
    """A model whose metrics the wrapper's server shows."""

    def __init__(self) -> None:
        """Load the model, as `Model` does."""
        super().__init__()
        microservice.SeldonMetrics = partial(SharedSeldonMetrics, self.recorder)


def main() -> None:
    """Serve until the process is ended, with the arguments of `seldon-core-microservice` but for the class."""
    sys.argv.insert(1, f"{Served.__module__}.{Served.__qualname__}")
    _replace(os.environ.get(HOST) or _EVERYWHERE)
    first = os.getpid()
    try:
        microservice.main()
    except SystemExit as end:
        if os.getpid() == first:
            _end(multiprocessing.active_children(), end.code)
        raise


def _end(children: Sequence[BaseProcess], code: object) -> None:
    """Be gone, if anything was served: the wrapper would wait for its gRPC server, and libraries for their threads."""
    for child in children:
        child.terminate()
    if children:
        logging.shutdown()
        os._exit(code if isinstance(code, int) else 1)


class _Started(multiprocessing.Process):
    """A process of the wrapper's that workers look after."""

    def start(self) -> None:
        super().start()
        if self.pid:
            Worker.started.append((os.getpid(), self.pid))


def _replace(host: str) -> None:
    """Put our parts in the places of seldon-core's."""
    microservice.mp = SimpleNamespace(Process=_Started)
    for name in ("UserModelApplication", "StandaloneApplication"):
        setattr(microservice, name, _quick(getattr(microservice, name), host))
    microservice._run_grpc_server = kept(microservice._run_grpc_server)  # noqa: SLF001  it has no other seam
    wrapper.get_request, wrapper.json_to_feedback = asked(wrapper.get_request), feedback(wrapper.json_to_feedback)
    wrapper.SeldonModelGRPC = Servicer
    wrapper.get_grpc_server = _listening(wrapper.get_grpc_server, host)


def _quick(application: Any, host: str) -> type[Any]:  # noqa: ANN401  a class without types
    class Application(application):  # type: ignore[misc]  # it has no types
        def load_config(self) -> None:
            super().load_config()
            self.cfg.set("worker_class", "slipway.serving.worker.Worker")
            self.cfg.set("control_socket_disable", True)  # noqa: FBT003
            self.cfg.set("bind", [address.replace(_EVERYWHERE, host) for address in self.cfg.bind])
            self.cfg.set("keepalive", self.cfg.keepalive and max(self.cfg.keepalive, _KEPT))
            self.cfg.set("timeout", min(self.cfg.timeout, _SLOWEST))

    return Application


def _listening(make: Callable[..., Any], host: str) -> Callable[..., Any]:
    """A gRPC server that listens where it is told to, instead of everywhere."""

    def server(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        made = make(*args, **kwargs)
        add = made.add_insecure_port
        made.add_insecure_port = lambda address: add(address.replace(_EVERYWHERE, host))
        return made

    return server
