"""What Argo CD is told of a SeldonDeployment's health, by the Lua that it would run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.manifests.gitops_objects import GITOPS

SCRIPT = GITOPS / "bootstrap/base/health/seldon-deployment.lua"
FORBIDDEN = ("io", "os", "require", "dofile", "loadfile", "python")
"""Argo CD runs it without these."""


def health(found: dict[str, Any]) -> tuple[str, str]:
    """The status and message that the script has for an object."""
    lua: Any = pytest.importorskip("lupa.lua51", reason="lupa, which runs Lua 5.1 as Argo CD does, is not installed")
    runtime = lua.LuaRuntime(register_eval=False, register_builtins=False)
    scope = runtime.globals()
    for name in FORBIDDEN:
        scope[name] = None
    scope["obj"] = runtime.table_from(found, recursive=True)
    result = dict(runtime.execute(SCRIPT.read_text(encoding="utf-8")))
    assert set(result) == {"status", "message"}
    return result["status"], result["message"]


CASES: list[tuple[str, dict[str, Any] | None, str, str]] = [
    ("nobody has looked yet", None, "Progressing", "not looked at it yet"),
    ("an empty status", {}, "Progressing", "not looked at it yet"),
    ("an empty state", {"state": ""}, "Progressing", "not looked at it yet"),
    ("it serves", {"state": "Available"}, "Healthy", ""),
    ("it starts", {"state": "Creating"}, "Progressing", "Creating"),
    ("it starts, and says why", {"state": "Creating", "description": "1 of 2"}, "Progressing", "1 of 2"),
    ("it failed", {"state": "Failed"}, "Degraded", "Failed"),
    ("it failed, and says why", {"state": "Failed", "description": "no such image"}, "Degraded", "no such image"),
    ("a state that is not known", {"state": "Dreaming"}, "Progressing", "Dreaming"),
    ("seen as it is", {"state": "Available", "observedGeneration": 3}, "Healthy", ""),
    ("seen as it was", {"state": "Available", "observedGeneration": 2}, "Progressing", "newest version"),
    ("a failure of what it was", {"state": "Failed", "observedGeneration": 2}, "Progressing", "newest version"),
    ("what it has seen is never said", {"state": "Available", "observedGeneration": 0}, "Healthy", ""),
]


@pytest.mark.parametrize(("status", "word", "part"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_health_follows_the_operator(status: dict[str, Any] | None, word: str, part: str) -> None:
    found: dict[str, Any] = {"metadata": {"name": "iris", "generation": 3}}
    if status is not None:
        found["status"] = status
    said, message = health(found)
    assert said == word
    assert part in message


def test_an_object_without_a_generation_is_no_mistake() -> None:
    said, _ = health({"metadata": {"name": "iris"}, "status": {"state": "Available", "observedGeneration": 2}})
    assert said == "Healthy"
