"""An event listener of Tekton's inside the cluster: it starts what it is there for, whatever it is sent.

https://tekton.dev/docs/triggers/eventlisteners/#understanding-eventlistener-response
"""

from __future__ import annotations

from http import HTTPStatus

from slipway.errors import OutsideError
from slipway.screen import plain

_TIMEOUT = 30.0
_SHOWN = 200
_HINT = "Look at its pod: kubectl logs --selector eventlistener=slipway-schedule"


def start(url: str) -> str:
    """Send an empty event, and return the name that the listener gave it; `OutsideError` where it takes none.

    That it was taken says nothing of the run, which the listener makes afterwards.
    """
    import httpx

    try:
        answer = httpx.post(url, json={}, timeout=_TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutsideError(f"the event listener cannot be asked: {error}", hint=_HINT) from None
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code != HTTPStatus.ACCEPTED or not isinstance(found, dict):
        told = plain(answer.text)[:_SHOWN]
        raise OutsideError(f"the event listener took no event: {answer.status_code} {told}", hint=_HINT)
    return plain(str(found.get("eventID", "")))
