"""What tests share: a real repository with one small model, and a workspace in it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from rich.console import Console

from slipway.adapters.git import Git
from slipway.adapters.store import open_store
from slipway.screen import Screen
from slipway.settings import Settings
from slipway.workspace import Workspace

EXAMPLES = os.environ.get("SLIPWAY_EXAMPLES")
"""How many examples a property is tried with, other ones each time. Where it is unset, the same commit is given the
same examples wherever and whenever it is tested: what is found by luck is found by whoever looks for it, and not by
the CI of somebody's pull request."""
hypothesis.settings.register_profile(
    "slipway", max_examples=int(EXAMPLES or 100), derandomize=EXAMPLES is None, deadline=None
)
hypothesis.settings.load_profile("slipway")

SOURCE = Path(__file__).parents[1]
# Under nohup, or in the background of a shell without job control, these are ignored, and the programs of these tests
# would inherit that.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MODEL_TOML = """\
[model]
task = "classification"
target = "label"

[data]
path = "train.csv"
holdout = 0.25
slices = ["colour"]

[search]
trials = 4
batch = 2
folds = 3
metric = "log_loss"

[search.random_forest]
n_estimators = 10
max_depth = { int = [2, 4] }

[search.xgboost]
n_estimators = 20
learning_rate = { float = [0.05, 0.3], log = true }
"""
EXPECTATIONS = {
    "name": "toy",
    "expectations": [
        {
            "type": "expect_table_columns_to_match_set",
            "kwargs": {"column_set": ["width", "height", "colour", "label"]},
            "severity": "critical",
        },
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "width", "min_value": 0, "max_value": 10},
            "severity": "critical",
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "height"}, "severity": "warning"},
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "label", "value_set": ["no", "yes"]},
            "severity": "critical",
        },
    ],
}


def toy_csv(rows: int = 160) -> str:
    """Rows that can be learned: the label follows the width, with some noise."""
    draw = random.Random(7)
    lines = ["width,height,colour,label"]
    for _ in range(rows):
        width, height = draw.uniform(0, 10), draw.gauss(50, 8)
        label = "yes" if width + draw.gauss(0, 1.5) > 5 else "no"
        lines.append(f"{width:.3f},{height:.2f},{draw.choice(['blue', 'green', 'red'])},{label}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A Git repository at `.root` with the model `toy` committed on main."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git = Git(root=tmp_path / "repository")
    model = git.root / "data" / "toy"
    model.mkdir(parents=True)
    (model / "model.toml").write_text(MODEL_TOML)
    (model / "expectations.json").write_text(json.dumps(EXPECTATIONS, indent=2) + "\n")
    (model / "train.csv").write_text(toy_csv())
    (git.root / ".gitignore").write_text(".slipway/\n")
    for name in ("pyproject.toml", "uv.lock", ".python-version"):
        shutil.copy(SOURCE / name, git.root)
    training = "src/slipway/training"
    shutil.copytree(SOURCE / training, git.root / training, ignore=shutil.ignore_patterns("__pycache__"))
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("config", "user.name", "Test")
    git.run("config", "user.email", "test@example.org")
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message=Add toy")
    return git


@pytest.fixture
def commit(repository: Git) -> Callable[[str], str]:
    """Commit whatever changed in the repository; the commit's id."""

    def everything(message: str) -> str:
        repository.run("add", "--all")
        repository.run("commit", "--quiet", "--allow-empty", f"--message={message}")
        return repository.run("rev-parse", "HEAD")

    return everything


@pytest.fixture
def workspace(repository: Git, tmp_path: Path) -> Workspace:
    """A workspace in the repository: a store in a folder, a silent screen, a fixed time of day."""
    store = str(tmp_path / "store")
    return Workspace(
        settings=Settings(repo=repository.root, store=store, tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}"),
        git=repository,
        store=open_store(store),
        screen=Screen(console=Console(stderr=True), quiet=True),
        now=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC),
        clock=time.monotonic,
    )
