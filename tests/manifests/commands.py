"""The `slipway` commands that the engines' YAML holds, read as the real command line reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer
import yaml

from slipway.cli import app

SAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "base": "main",
        "builder": f"ghcr.io/team/serving@sha256:{'b' * 64}",
        "bundle": "bundle",
        "head": "a" * 40,
        "models": '["iris"]',
        "model": "iris",
        "number": "7",
        "pull_request": "7",
        "ray_image": "registry.example/slipway-tools:1",
        "ray_queue": "queue",
        "ref": "refs/pull/7/merge",
        "repository": "team/models",
        "review_store": "s3://bucket/review",
        "revision": "a" * 40,
        "run": "1",
        "store": "s3://bucket/store",
        "url": "https://github.com/team/models",
        "workers": "2",
    }
)
"""What stands for a variable or a parameter, by its name in lower case; a place or a file for any other."""
_TEKTON = re.compile(r"\$\(([^()]+)\)")
_SHELL = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line that begins with `slipway`, with a sample in the place of each parameter."""

    where: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The subcommand."""
        return self._found()[0]

    def parse(self) -> tuple[str, dict[str, Any]]:
        """The subcommand and the values of its parameters; raises what the command line says of a slip."""
        name, command, rest = self._found()
        return name, command.make_context(f"slipway {name}", rest).params

    def _found(self) -> tuple[str, Any, list[str]]:
        """The subcommand's name, what reads its arguments, and these."""
        command = _program()
        path: list[str] = []
        rest = list(self.words[1:])
        while hasattr(command, "commands"):
            name = rest.pop(0)
            assert name in command.commands, f"{self.where}: there is no slipway {' '.join([*path, name])}"
            path.append(name)
            command = command.commands[name]
        return " ".join(path), command, rest


@cache
def _program() -> Any:
    return typer.main.get_command(app)


def of_workflow(path: Path) -> Iterator[Command]:
    """The commands of a workflow of GitHub Actions, or of an action: lines of their steps' scripts."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = document["jobs"] if "jobs" in document else {"runs": document["runs"]}
    for name, job in jobs.items():
        for number, step in enumerate(job.get("steps", [])):
            yield from of_script(step.get("run", ""), f"{path.name}: {name}: step {number + 1}")


def of_script(script: str, where: str) -> Iterator[Command]:
    """The commands of a shell script that stand alone on a line, as all of them should."""
    for line in script.replace("\\\n", " ").splitlines():
        if re.match(r"\s*(?:\S*/)?slipway\s", f"{line} "):
            yield Command(where=where, words=tuple(_sampled(word, _SHELL) for word in shlex.split(line)))


def of_tekton(path: Path) -> Iterator[Command]:
    """The commands of the steps in a file of Tekton's objects, wherever they stand: `command`, then `args`."""
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        for where, step in _steps(document, path.name):
            words = [*step.get("command", []), *step.get("args", [])]
            if words[:1] == ["slipway"]:
                yield Command(where=where, words=tuple(_sampled(word, _TEKTON) for word in words))
            yield from of_script(step.get("script", ""), where)


def _steps(found: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(found, list):
        for item in found:
            yield from _steps(item, where)
    elif isinstance(found, dict):
        name = found.get("name") or found.get("metadata", {}).get("name") or ""
        place = f"{where}: {name}" if name else where
        if "image" in found and ("command" in found or "args" in found or "script" in found):
            yield place, found
        for value in found.values():
            yield from _steps(value, place)


def _sampled(word: str, reference: re.Pattern[str]) -> str:
    return reference.sub(_sample, word)


def _sample(reference: re.Match[str]) -> str:
    whole = next(group for group in reference.groups() if group)
    if whole.endswith(".path"):  # a workspace's or a result's
        return "/workspace"
    name = re.split(r"[.\[]", whole)[1 if whole.startswith("params.") else -1]
    return SAMPLES.get(name.replace("-", "_").lower(), f"/workspace/{name}")
