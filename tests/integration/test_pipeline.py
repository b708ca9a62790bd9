"""The whole of a pull request, through the command line, on a small model and on iris."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.git import Git

SOURCE = Path(__file__).parents[2]


def slipway(repository: Git, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error::DeprecationWarning:slipway",
            "-m",
            "slipway",
            *arguments,
            "--repo",
            repository.root,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


def run_json(repository: Git, *arguments: str, code: int = 0) -> Any:
    done = slipway(repository, *arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture
def iris(repository: Git) -> Git:
    """The repository with iris in it as well, not yet committed: a change that adds a model."""
    shutil.copytree(SOURCE / "data" / "iris", repository.root / "data" / "iris")
    return repository


def test_a_pull_request_on_iris(iris: Git) -> None:
    (model,) = run_json(iris, "run", "iris", "--trials", "6", "--workers", "2")["models"]
    assert model["verdict"] == "promote"
    assert [(stage["stage"], stage["reused"]) for stage in model["stages"]] == [
        ("validate", False), ("tune", False), ("compare", False), ("report", False),
    ]  # fmt: skip
    report = Path(model["report"])
    assert {file.name for file in report.iterdir()} >= {"report.md", "report.html", "comparison.json", "plots"}
    comparison = json.loads((report / "comparison.json").read_text())
    assert comparison["champion"]["kind"] == "baseline"
    assert comparison["metrics"][0]["challenger"] < comparison["metrics"][0]["champion"]

    (again,) = run_json(iris, "run", "iris", "--trials", "6")["models"]
    assert all(stage["reused"] for stage in again["stages"])
    assert again["key"] == model["key"]


def release(repository: Git, key: str) -> None:
    """What a merge does: here main is the clone's own."""
    (step,) = run_json(repository, "release")["steps"]
    assert (step["key"], step["done"]) == (key, "committed")


def test_the_life_of_a_model(repository: Git) -> None:
    """First model, release, a worse challenger, a champion that is gone from the store, data that do not pass."""
    folder = repository.root / "data" / "toy"
    (first,) = run_json(repository, "run", "toy")["models"]
    assert first["verdict"] == "promote"
    release(repository, first["key"])

    # the same model again: nothing is trained, and it is no better than itself
    (same,) = run_json(repository, "run", "toy", code=1)["models"]
    assert same["verdict"] == "inconclusive"
    assert [stage["reused"] for stage in same["stages"]][:2] == [True, True]

    # a change for the worse: the column that tells is left out
    repository.run("switch", "--quiet", "--create", "worse")
    edit(folder / "model.toml", "[search]", 'drop = ["width"]\n\n[search]')
    assert run_json(repository, "plan")["models"][0]["reasons"] == ["model.toml [data] changed"]
    affected = run_json(repository, "run", code=1)["models"]  # no name: what the change affects
    assert [(model["model"], model["verdict"]) for model in affected] == [("toy", "block")]
    comparison = json.loads((Path(affected[0]["report"]) / "comparison.json").read_text())
    assert comparison["champion"]["kind"] == "live"
    assert comparison["champion"]["key"] == first["key"]
    assert comparison["champion_timing"]["p99_ms"] > 0

    # the gate's table changes the verdict and trains nothing
    with (folder / "model.toml").open("a") as spec:
        spec.write("\n[gate]\nmin_improvement = -5.0\n")
    (accepted,) = run_json(repository, "run", "toy")["models"]
    assert accepted["verdict"] == "promote"
    assert [stage["reused"] for stage in accepted["stages"]][1:3] == [True, False]

    # data that do not pass are not searched, and the reviewer still gets a report
    edit(folder / "train.csv", ",no\n", ",maybe\n")
    (blocked,) = run_json(repository, "run", "toy", code=1)["models"]
    assert blocked["verdict"] == "block"
    assert [stage["stage"] for stage in blocked["stages"]] == ["validate", "report"]
    assert "maybe" in (Path(blocked["report"]) / "report.md").read_text()

    # a champion that the store has lost is one message
    edit(folder / "train.csv", ",maybe\n", ",no\n")
    edit(folder / "model.toml", "min_improvement = -5.0", "min_improvement = -6.0")
    shutil.rmtree(repository.root / ".slipway/store/toy" / first["key"])
    done = slipway(repository, "run", "toy")
    assert done.returncode == 3
    assert f"champion {first['key'][:8]} of toy is not in the store" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "train.csv: the file is empty"),
        (b"width,height,colour,label\n1,2,red\n", "train.csv:2:"),
        (b"width,height,colour,label\n1,2,\xff,no\n", "train.csv:2: this is not UTF-8"),
        (b"PAR1", "this is a Parquet file"),
    ],
)
def test_data_that_cannot_be_read_change_nothing(repository: Git, content: bytes, said: str) -> None:
    (repository.root / "data/toy/train.csv").write_bytes(content)
    done = slipway(repository, "run", "toy")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((repository.root / ".slipway").rglob("*.json"))


def test_one_bad_model_does_not_hide_the_others(repository: Git) -> None:
    shutil.copytree(repository.root / "data/toy", repository.root / "data/bad")
    edit(repository.root / "data/bad/model.toml", "trials = 4", "trials = 0")
    documents = run_json(repository, "run", "bad", "toy", code=2)["models"]
    assert "[search] trials" in documents[0]["error"]
    assert documents[1]["verdict"] == "promote"
