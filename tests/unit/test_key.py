"""Content keys: what changes them, what does not, and where they can be computed from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.git import Git, WorkTree
from slipway.adapters.store import sha256
from slipway.errors import InputError
from slipway.key import canonical, key_inputs, models

LOCK = '[[package]]\nname = "xgboost"\nversion = "3.4.1"\n\n[[package]]\nname = "certifi"\nversion = "1"\n'
PROJECT = '[dependency-groups]\ntraining = ["XGBoost>=3"]\n'
TOML = """\
[model]
task = "regression"
target = "y"
[data]
path = "train.csv"
[search]
metric = "rmse"
[search.xgboost]
[gate]
confidence = 0.95
"""
FILES = {
    "data/a/model.toml": TOML,
    "data/a/train.csv": "x,y\n1,2\n",
    "data/a/expectations.json": "{}",
    "data/a/README.md": "where the data come from",
    "src/slipway/training/search.py": "search",
    "src/slipway/training/families/forest.py": "forest",
    "src/slipway/training/__pycache__/search.pyc": "compiled",
    "src/slipway/gate/verdict.py": "verdict",
    "pyproject.toml": PROJECT,
    "uv.lock": LOCK,
    ".python-version": "3.12\n",
}


@dataclass(frozen=True)
class Fake:
    """A tree in memory."""

    content: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        return self.content[path].encode() if path in self.content else None

    def files(self, prefix: str) -> dict[str, str]:
        return {path: text for path, text in self.content.items() if path.startswith(f"{prefix}/")}

    def digest(self, path: str) -> str | None:
        return sha256(self.content[path].encode()) if path in self.content else None


def key(**changes: str) -> str:
    return key_inputs(Fake({**FILES, **changes}), "a").key


def replaced(path: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[path]
    return {path: FILES[path].replace(old, new)}


CHANGING = {
    "data": ({"data/a/train.csv": "x,y\n1,3\n"}, "train.csv changed"),
    "model": (replaced("data/a/model.toml", '"y"', '"x"'), "model.toml [model] changed"),
    "data table": (replaced("data/a/model.toml", "[search]", "holdout = 0.3\n[search]"), "model.toml [data] changed"),
    "search": (replaced("data/a/model.toml", "[gate]", "max_depth = 3\n[gate]"), "model.toml [search] changed"),
    "training code": (
        {"src/slipway/training/families/forest.py": "other"},
        "training code: src/slipway/training/families/forest.py",
    ),
    "new training code": ({"src/slipway/training/new.py": ""}, "training code: src/slipway/training/new.py"),
    "package": (replaced("uv.lock", "3.4.1", "3.4.2"), "package xgboost 3.4.1 -> 3.4.2"),
    "python": ({".python-version": "3.13"}, "Python 3.12 -> 3.13"),
}
KEEPING = {
    "expectations": {"data/a/expectations.json": "[]"},
    "readme": {"data/a/README.md": "elsewhere"},
    "gate": replaced("data/a/model.toml", "0.95", "0.99"),
    "serving": replaced("data/a/model.toml", "[gate]", "[serving]\nreplicas = 3\n[gate]"),
    "comment and order": {
        "data/a/model.toml": '# a comment\n[search]\nmetric = "rmse"\n[search.xgboost]\n[data]\n'
        'path = "train.csv"\n[model]\ntarget = "y"\ntask = "regression"\n'
    },
    "other code": {"src/slipway/gate/verdict.py": "other"},
    "compiled code": {"src/slipway/training/__pycache__/search.pyc": "other"},
    "unrelated package": replaced("uv.lock", '"1"', '"2"'),
}


@pytest.mark.parametrize(("change", "reason"), CHANGING.values(), ids=CHANGING)
def test_what_shapes_the_model_changes_the_key_and_says_why(change: dict[str, str], reason: str) -> None:
    before, now = key_inputs(Fake(FILES), "a"), key_inputs(Fake({**FILES, **change}), "a")
    assert now.key != before.key
    assert now.reasons(before) == (reason,)


@pytest.mark.parametrize("change", KEEPING.values(), ids=KEEPING)
def test_what_does_not_shape_the_model_keeps_the_key(change: dict[str, str]) -> None:
    assert key(**change) == key()


def test_a_pointer_stands_for_its_data() -> None:
    pointer = {"data/a/train.csv.dvc": "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: train.csv\n"}
    without_data = {path: text for path, text in FILES.items() if path != "data/a/train.csv"}
    first = key_inputs(Fake({**without_data, **pointer}), "a")
    assert first.data == "md5:d41d8cd98f00b204e9800998ecf8427e"
    assert first.key == key_inputs(Fake({**FILES, **pointer}), "a").key  # whether it was fetched or not


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data/a/model.toml": ""}, "[data] path is missing"),
        ({"data/a/model.toml": "[data]\npath = 3"}, "does not exist"),
        ({"data/a/model.toml": "[data"}, "model.toml:1: this is not TOML"),
        (replaced("data/a/model.toml", "train.csv", "../b/train.csv"), "leaves the model's folder"),
        (replaced("data/a/model.toml", "train.csv", "/etc/passwd"), "leaves the model's folder"),
        (replaced("data/a/model.toml", "train.csv", "gone.csv"), "data/a/gone.csv does not exist"),
        ({"data/a/train.csv.dvc": "outs: [{path: train.csv}]"}, "train.csv.dvc:1: the pointer names no checksum"),
    ],
)
def test_faults_are_said_in_one_message(change: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        key(**change)


def test_an_unknown_model_is_told_which_there_are() -> None:
    with pytest.raises(InputError, match="Models here: a"):
        key_inputs(Fake(FILES), "b")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.randoms())
def test_the_canonical_form_has_one_spelling(value: object, draw: object) -> None:
    def shuffled(part: object) -> object:
        if isinstance(part, dict):
            pairs = list(part.items())
            draw.shuffle(pairs)  # type: ignore[attr-defined]
            return {name: shuffled(inner) for name, inner in pairs}
        return [shuffled(inner) for inner in part] if isinstance(part, list) else part

    assert canonical(shuffled(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


def test_a_commit_and_its_checkout_have_the_same_key(repository: Git, commit: Callable[[str], str]) -> None:
    tree = WorkTree(root=repository.root)
    assert models(tree) == ["toy"]
    before = key_inputs(tree, "toy").key
    assert key_inputs(repository.commit("HEAD"), "toy").key == before

    file = repository.root / "data/toy/train.csv"
    file.write_text(file.read_text() + "1.0,50.0,red,no\n")
    now = key_inputs(tree, "toy").key
    assert now != before
    assert key_inputs(repository.commit("HEAD"), "toy").key == before
    changed = commit("More rows")
    assert key_inputs(repository.commit(changed), "toy").key == now
    assert key_inputs(repository.commit(f"{changed}~1"), "toy").key == before
