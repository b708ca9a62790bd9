"""What `tekton/` holds, as the tests of it look at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import OutsideError

ROOT = Path(__file__).parents[2]
TEKTON = ROOT / "tekton"
UNITS = {"h": 3600, "m": 60, "s": 1}

type Object = dict[str, Any]


def read(path: Path) -> list[Object]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def objects(folder: str) -> dict[str, Object]:
    """The objects of a folder by their short name, which their file has."""
    files = [path for path in sorted((TEKTON / folder).glob("*.yaml")) if path.name != "kustomization.yaml"]
    return {path.stem: document for path in files for document in read(path)[:1]}


def step(task: Object) -> Object:
    (only,) = task["spec"]["steps"]
    return only


def texts(found: Any) -> Iterator[str]:
    """Every text that something holds, names of keys aside."""
    match found:
        case dict():
            for value in found.values():
                yield from texts(value)
        case list():
            for item in found:
                yield from texts(item)
        case str():
            yield found


def references(found: Any, kind: str) -> set[str]:
    """The names in `$(kind.NAME…)`."""
    return {name for text in texts(found) for name in re.findall(rf"\$\({kind}\.([\w-]+)[^)]*\)", text)}


def seconds(duration: str) -> int:
    parts = re.findall(r"(\d+)([hms])", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise OutsideError(f"{duration} is no duration")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def pipeline_tasks(pipeline: Object) -> list[Object]:
    return [*pipeline["spec"]["tasks"], *pipeline["spec"].get("finally", [])]


def task_of(pipeline_task: Object) -> str:
    name: str = pipeline_task["taskRef"]["name"]
    return name.removeprefix("slipway-")


def secrets(task: Object) -> set[str]:
    """The Secrets that a task's step can see, whichever way."""
    spec = task["spec"]
    named = [source["secretRef"]["name"] for source in step(task).get("envFrom", []) if "secretRef" in source]
    named += [
        one["valueFrom"]["secretKeyRef"]["name"]
        for one in step(task)["env"]
        if "secretKeyRef" in one.get("valueFrom", {})
    ]
    return {*named, *(volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume)}
