"""Git's own server for HTTP as a WSGI application: anybody may read, and whoever has the token may push."""

import base64
import os
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

from tests.github_server import TOKEN

ROOT = "/srv/git"
_PASSED = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "HTTP_CONTENT_ENCODING")
_PUSH = "git-receive-pack"
_BASIC = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()

type Start = Callable[[str, list[tuple[str, str]]], object]


def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    is_push = _PUSH in environ["PATH_INFO"] or _PUSH in environ["QUERY_STRING"]
    if is_push and environ.get("HTTP_AUTHORIZATION") != _BASIC:
        start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"')])
        return []
    head, _, content = _backend(environ, environ["wsgi.input"].read()).partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    start(headers.pop("Status", "200 OK"), list(headers.items()))
    return [content]


def _backend(environ: dict[str, Any], body: bytes) -> bytes:
    told = {name: environ[name] for name in _PASSED if environ.get(name)} | {
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
        "GIT_PROJECT_ROOT": ROOT,
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": "e2e",
    }
    command = ["git", "http-backend"]
    return subprocess.run(command, input=body, env={**os.environ, **told}, stdout=subprocess.PIPE, check=True).stdout
