"""gRPC's side of the server: refusals are INVALID_ARGUMENT, with the same words as in HTTP."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import grpc
from seldon_core.wrapper import SeldonModelGRPC

from slipway.serving.flask import rewarded
from slipway.serving.rows import Refused

log = logging.getLogger(__name__)

_EVERY = 1.0
"""Seconds between the moments when this process shows its metrics, and looks whether it is still wanted."""


class Servicer(SeldonModelGRPC):  # type: ignore[misc]  # it has no types
    """Seldon's service for one model, in a process of its own."""

    def __init__(self, user_model: Any, seldon_metrics: Any) -> None:  # noqa: ANN401  the wrapper's own
        """Serve the model, and show its metrics while the process that started this one lives."""
        super().__init__(user_model, seldon_metrics)
        logging.getLogger("grpc._common").setLevel(
            logging.CRITICAL
        )  # it logs a traceback for bytes that are no message
        threading.Thread(target=self._attend, args=(os.getppid(),), daemon=True).start()

    def Predict(self, request_grpc: Any, context: Any) -> Any:  # noqa: ANN401, N802  gRPC's name
        """Answer a message, or refuse it."""
        try:
            return super().Predict(request_grpc, context)
        except Refused as refusal:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))
        except Exception:  # gRPC answers with UNKNOWN, and logs it
            self._note(HTTPStatus.INTERNAL_SERVER_ERROR)
            raise

    def SendFeedback(self, feedback_grpc: Any, context: Any) -> Any:  # noqa: ANN401, N802
        """Count a reward and what was true, or refuse both."""
        try:
            rewarded(feedback_grpc)
            answer = super().SendFeedback(feedback_grpc, context)
        except Refused as refusal:
            self._note(HTTPStatus.BAD_REQUEST, "feedback")
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))
        self._note(HTTPStatus.OK, "feedback")
        return answer

    def _note(self, code: HTTPStatus, transport: str = "grpc") -> None:
        self.user_model.recorder.noted(code=code, transport=transport)

    def _has_not(self, _: Any, context: Any) -> None:  # noqa: ANN401
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "a model has no such method; ask Predict")

    TransformInput = TransformOutput = Route = Aggregate = GraphMetadata = _has_not

    def _attend(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY)
            self.user_model.recorder.flush()
        os._exit(0)


def kept(run: Callable[..., None]) -> Callable[..., None]:
    """A gRPC server that is started again when it dies, as gunicorn does with its workers."""

    def keep(*args: object) -> None:
        parent = os.getppid()
        while True:
            server = multiprocessing.Process(target=run, args=args)
            server.start()
            while server.exitcode is None:
                server.join(_EVERY)
                if os.getppid() != parent:
                    server.kill()
                    return
            log.warning("the gRPC server ended with %s; it is started again", server.exitcode)

    return keep
