"""The JSON Schema that editors complete `model.toml` with."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from slipway.spec import json_schema

jsonschema = pytest.importorskip("jsonschema")
DATA = Path(__file__).parents[2] / "data"
SCHEMA = json.loads(json_schema())


def test_the_committed_schema_is_current() -> None:
    assert (DATA / "model.schema.json").read_text(encoding="utf-8") == json_schema(), "run: slipway schema"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["diabetes", "fraud", "iris"])
def test_editors_find_no_fault_with_the_models(name: str) -> None:
    jsonschema.validate(tomllib.loads((DATA / name / "model.toml").read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("data", "hodlout", 0.3),
        ("data", "holdout", 2.0),
        ("model", "task", "clustering"),
        ("search", "metric", "f1"),
        ("gate", "confidence", "high"),
        ("serving", "canary_percent", 100),
    ],
)
def test_editors_find_faults(table: str, key: str, value: object) -> None:
    tables = tomllib.loads((DATA / "iris" / "model.toml").read_text(encoding="utf-8"))
    tables[table][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tables, SCHEMA)


def test_every_key_is_described_in_words() -> None:
    silent = [
        f"{table}.{key}"
        for table, content in SCHEMA["$defs"].items()
        for key, part in content.get("properties", {}).items()
        if not part.get("description")
    ]
    assert silent == []


def test_there_is_no_null_in_toml() -> None:
    assert {"type": "null"} not in list(_parts(SCHEMA))


def _parts(value: Any) -> Any:
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)
