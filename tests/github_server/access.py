"""Who asks the tests' GitHub, and whether that is allowed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.github_server.routes import MISSING, REFUSED, ROUTES, Answer, Asked, Route, message
from tests.github_server.state import State

INSTALLATION, INSTALLATION_TOKEN = 77, "ghs_" + "installed" * 4


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that came in."""

    method: str
    host: str
    path: str
    """Below `/repos/acme/models` where it begins so."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """With names in lower case."""
    body: Any

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").partition(" ")[2]


def act(state: State, request: Request) -> tuple[Answer, str]:
    """Do what a request asks for: the answer, and the permission that it takes."""
    if state.app_key and _signed(state, request.token):
        return _of_app(state, request), ""
    login = _login(state, request.token)
    if login is None:
        return message(401, "Bad credentials"), ""
    if request.method == "GET" and request.path in state.settings:
        found = state.settings[request.path]
        return (found if isinstance(found, Answer) else Answer(200, found)), ""
    route, ids = _find(request)
    if route is None:
        return MISSING, ""
    if route.permission and set(route.permission.split("; ")) <= state.denied:
        return REFUSED, route.permission
    asked = Asked(state=state, login=login, ids=ids, query=request.query, body=request.body or {})
    return route.act(asked), route.permission


def _login(state: State, token: str) -> str | None:
    if state.app_key and token == INSTALLATION_TOKEN:
        return f"{state.app_slug}[bot]"
    return state.tokens.get(token)


def _signed(state: State, token: str) -> bool:
    import jwt

    try:
        return bool(jwt.decode(token, state.app_key, algorithms=["RS256"]))
    except jwt.InvalidTokenError:
        return False


def _of_app(state: State, request: Request) -> Answer:
    """What GitHub answers to the App itself, which shows a token that it signed."""
    if request.path == "/app":
        return Answer(200, {"id": 5, "slug": state.app_slug, "name": state.app_slug})
    if request.path == "/installation":
        return Answer(200, {"id": INSTALLATION, "app_slug": state.app_slug})
    if request.path == f"/app/installations/{INSTALLATION}/access_tokens":
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return Answer(201, {"token": INSTALLATION_TOKEN, "expires_at": expires, "permissions": {}})
    return MISSING


def _find(request: Request) -> tuple[Route | None, tuple[str, ...]]:
    for route in ROUTES:
        if route.method == request.method and (match := route.path.match(request.path)):
            return route, match.groups()
    return None, ()
