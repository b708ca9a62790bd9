"""What Seldon's Flask application reads, refused with 400 where the wrapper would answer with 500."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from slipway.serving.rows import FORM, refuse


def asked(read: Callable[..., Any]) -> Callable[..., Any]:
    """The document of a request, in any of the wrapper's forms. What it gives raises `Refused`."""

    def get_request(**how: bool) -> Any:  # noqa: ANN401  whatever a client sent
        try:
            return read(**how)
        except (ValueError, RecursionError):
            refuse(f"the request is no JSON: {FORM}")

    return get_request


def feedback(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A document as Seldon's feedback. What it gives raises `Refused`."""

    def json_to_feedback(document: Any) -> Any:  # noqa: ANN401
        if not isinstance(document, dict):
            refuse('the feedback is no object: send {"reward": 1.0}')
        try:
            message = convert(document)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            refuse(f"the request is no feedback: {error}")
        except SystemError:  # protobuf's, for half of a surrogate pair in a name
            refuse("the request is no feedback: it holds a name that is no text")
        rewarded(message)
        return message

    return json_to_feedback


def rewarded(message: Any) -> None:  # noqa: ANN401  generated, without types
    """Refuse what cannot be summed. Raises `Refused`."""
    if not math.isfinite(message.reward):
        refuse("reward must be a finite number: it is summed")
