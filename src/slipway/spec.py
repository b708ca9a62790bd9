"""`model.toml`: what to learn, how to search, what it takes to ship, how to serve.

Every fault is reported at once, each with its line.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import Field, ValidationError

from slipway.errors import InputError
from slipway.training.faults import Fault
from slipway.training.recipe import Lenient, Recipe, Table

MODEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""A model's name is also the name of Kubernetes objects."""


class GateTable(Table):
    """What it takes to ship. Changing it retrains nothing."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of the interval around the improvement."""
    min_improvement: float = 0.0
    """Least improvement of the primary metric, in its own unit; negative: how much worse is accepted."""
    max_slice_regression: Annotated[float, Field(ge=0)] | None = None
    """No slice may get worse than this, with the same confidence; absent: slices are only shown."""
    max_p99_ms: Annotated[float, Field(gt=0)] = 25.0
    """Longest 99th percentile of one row's prediction, in milliseconds."""
    max_size_mb: Annotated[float, Field(gt=0)] = 50.0
    """Largest `model.onnx`, in megabytes."""


class Platform(StrEnum):
    """What serves a model."""

    SELDON = "seldon"
    KSERVE = "kserve"


class DeploymentMode(StrEnum):
    """How KServe deploys a model."""

    STANDARD = "standard"
    KNATIVE = "knative"


class ServingTable(Table):
    """How the model is served. Changing it retrains nothing."""

    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Pods that serve the model."""
    canary_percent: Annotated[int, Field(ge=0, le=99)] = 10
    """Traffic of a release while it is on trial; 0 promotes at once."""
    canary_minutes: Annotated[float, Field(gt=0, le=10_080)] = 10.0
    """How long a canary is watched at least before it gets the full traffic."""
    canary_requests: Annotated[int, Field(ge=0)] = 200
    """How many requests a canary answers at least before it is compared with the default."""
    canary_hours: Annotated[float, Field(gt=0, le=720)] = 24.0
    """How long a canary waits for so many; then its golden requests decide, unless it looks worse than the default."""
    platform: Annotated[Platform, Lenient] = Platform.SELDON
    """What serves it: another one is another manifest, and retrains nothing."""
    deployment_mode: Annotated[DeploymentMode, Lenient] = DeploymentMode.STANDARD
    """KServe's: `knative` splits the traffic itself, `standard` has a second service for a canary."""


class ModelSpec(Recipe):
    """One model's `model.toml`."""

    gate: GateTable = GateTable()
    serving: ServingTable = ServingTable()


def folder(model: str) -> PurePosixPath:
    """The folder of a model, from the repository's root."""
    return PurePosixPath("data") / model


def spec_path(model: str) -> PurePosixPath:
    """The `model.toml` of a model, from the repository's root."""
    return folder(model) / "model.toml"


def suite_path(model: str) -> PurePosixPath:
    """The expectation suite of a model, from the repository's root."""
    return folder(model) / "expectations.json"


def data_path(model: str, tables: Mapping[str, Any]) -> PurePosixPath:
    """The data file of a model, from the repository's root.

    Raises `InputError` when it would lie outside the model's folder.
    """
    name = str(tables["data"]["path"])
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise InputError(
            Fault(
                file=str(spec_path(model)),
                what=f"[data] path {name!r} leaves the model's folder",
                hint=f"Put the file into {folder(model)}/ and name it from there.",
            )
        )
    return folder(model) / path


def check_name(model: str) -> str:
    """The name itself, if it can name a folder and a Kubernetes object; else `InputError`."""
    if not MODEL_NAME.fullmatch(model):
        raise InputError(
            f"{model!r} cannot name a model",
            hint="Use at most 40 lower-case letters, digits and hyphens, starting with a letter.",
        )
    return model


def parse_toml(source: bytes, file: str) -> dict[str, Any]:
    """The tables of a `model.toml`; `InputError` with the line when it is not TOML."""
    try:
        return tomllib.loads(source.decode("utf-8"))
    except UnicodeDecodeError as error:
        place = source.count(b"\n", 0, error.start) + 1
        raise InputError(Fault(file=file, line=place, what="the file is not UTF-8")) from None
    except RecursionError:
        raise InputError(Fault(file=file, what="the tables are nested too deeply")) from None
    except tomllib.TOMLDecodeError as error:
        what, line = _toml_place(str(error), last=source.count(b"\n") + 1)
        raise InputError(Fault(file=file, line=line, what=f"this is not TOML: {what}")) from None


def parse(source: bytes, file: str) -> ModelSpec:
    """Check a `model.toml`; `InputError` names every fault with its line."""
    tables = parse_toml(source, file)
    try:
        return ModelSpec.model_validate(tables)
    except ValidationError as error:
        lines = key_lines(source.decode("utf-8"))
        faults = [_fault(detail, file, lines) for detail in error.errors()]
        raise InputError(sorted(faults, key=lambda fault: fault.line or 0)) from None


def json_schema() -> str:
    """The JSON Schema of `model.toml`, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "model.toml",
        **_for_editors(ModelSpec.model_json_schema()),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _for_editors(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what is noise in a TOML editor: names made of our own, and null, which TOML lacks."""
    kept = {key: _nested(key, value) for key, value in schema.items() if not _is_noise(key, value)}
    options = [option for option in kept.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del kept["anyOf"]
        return {**options[0], **kept}
    return {**kept, "anyOf": options} if options else kept


def _nested(key: str, value: Any) -> Any:  # noqa: ANN401  JSON
    if key in ("properties", "$defs"):
        return {name: _for_editors(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_for_editors(part) if isinstance(part, dict) else part for part in value]
    return _for_editors(value) if isinstance(value, dict) and key != "default" else value


def _is_noise(key: str, value: object) -> bool:
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and (value is None or isinstance(value, dict))
    )


_TOML_PLACE = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$")
_NAMED = re.compile(r"^\[(\w+)\] (\w+)")
_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")


def _toml_place(message: str, *, last: int) -> tuple[str, int]:
    found = _TOML_PLACE.match(message)
    return (found[1], int(found[2] or last)) if found else (message, 1)


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every table header and key of a TOML text, by dotted path."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _dotted(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_dotted(key[1])), number)
    return lines


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


_FORMS = "a value, { int = [low, high] }, { float = [low, high] } or { choice = [...] }"
_DIMENSION = 3
"""Where in a key's path pydantic puts the form of a hyper-parameter: after table, family and name."""
_TAGS = frozenset({"int", "float", "choice", "constant", "str", "bool"})


def _fault(detail: Mapping[str, Any], file: str, lines: Mapping[tuple[str, ...], int]) -> Fault:
    loc = [part for part in detail["loc"] if isinstance(part, str)]
    path: tuple[str, ...] = tuple(part for at, part in enumerate(loc) if at < _DIMENSION or part not in _TAGS)
    name = _spoken(path)
    hint = ""
    match detail["type"]:
        case "missing":
            what = f"{name} is missing"
        case "extra_forbidden":
            what = f"{name} is not known here"
            hint = _suggestion(path)
        case "union_tag_not_found" | "union_tag_invalid":
            what, hint = f"{name} cannot be read", f"Write {_FORMS}."
        case "tuple_type":
            what, hint = (
                f"{name} is a list",
                f"Write [{detail['input']!r}]." if isinstance(detail["input"], str) else "",
            )
        case "value_error":
            what = f"{name}: {detail['ctx']['error']}" if name else str(detail["ctx"]["error"])
            if not path and (named := _NAMED.match(what)):  # two tables that do not fit each other
                path = named.groups()
        case _:
            message = str(detail["msg"])
            what = f"{name}: {message[0].lower()}{message[1:]}, not {detail['input']!r}"
    return Fault(file=file, line=_line(path, lines), what=what, hint=hint)


def _spoken(path: tuple[str, ...]) -> str:
    """A key as a person would say it: `[data] holdout`, `[search.xgboost] max_depth`."""
    match path:
        case ():
            return ""
        case (table,):
            return f"[{table}]"
        case ("search", ("random_forest" | "xgboost") as family, *rest) if rest:
            return f"[search.{family}] {'.'.join(rest)}"
        case ("search", ("random_forest" | "xgboost") as family):
            return f"[search.{family}]"
    return f"[{path[0]}] {'.'.join(path[1:])}"


def _line(path: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> int | None:
    """The line of the key itself, else of the table that it should be in."""
    places = (path[:depth] for depth in range(len(path), 0, -1))
    return next((lines[place] for place in places if place in lines), None)


def _suggestion(path: tuple[str, ...]) -> str:
    known = _known_keys(path[:-1])
    close = difflib.get_close_matches(path[-1], known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known here: {', '.join(known)}."


def _known_keys(path: tuple[str, ...]) -> list[str]:
    table: Any = ModelSpec
    for part in path:
        annotation = table.model_fields[part].annotation if part in table.model_fields else None
        options = [annotation, *getattr(annotation, "__args__", ())]
        table = next((o for o in options if isinstance(o, type) and issubclass(o, Table)), None)
        if table is None:
            return ["int", "float", "choice", "log"]
    return list(table.model_fields)
