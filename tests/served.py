"""A model that is quickly trained, with columns of every kind: what tests serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from slipway import challenger
from slipway.adapters.endpoint import PREDICT, Endpoint
from slipway.challenger import Challenger
from slipway.key import KeyInputs
from slipway.results import ModelCard
from slipway.spec import parse
from slipway.training.search import InProcess, Study
from slipway.training.trial import prepare
from slipway.workspace import Model

ROW = {"width": 7.5, "count": 3, "flag": True, "kind": "blå, «x»", "zip": "01067"}
NAMES = list(ROW)
VALUES: list[Any] = list(ROW.values())


def model_toml(task: str) -> bytes:
    metric = "log_loss" if task == "classification" else "rmse"
    return f"""\
[model]
task = "{task}"
target = "target"
[data]
path = "train.csv"
categorical = ["zip"]
[search]
trials = 1
batch = 1
folds = 2
metric = "{metric}"
[search.xgboost]
n_estimators = 20
""".encode()


def csv(task: str) -> str:
    """Numbers, whole numbers, truth values, texts and codes, with missing ones in most columns."""
    draw = np.random.default_rng(3)
    lines = ["width,count,flag,kind,zip,target"]
    for _ in range(240):
        width, kind = draw.uniform(0, 10), draw.choice(["blå, «x»", "green", ""])
        signal = width + 3 * (kind == "green") + draw.normal()
        target = f"{signal:.3f}" if task == "regression" else ["low", "high"][int(signal > 6)]
        shown = "" if draw.random() < 0.1 else f"{width:.4f}"
        code = draw.choice(["01067", "80331"])
        lines.append(f'{shown},{draw.integers(9)},{draw.choice(["true", "false"])},"{kind}",{code},{target}')
    return "\n".join(lines) + "\n"


def make(task: str, repo: Path, *, data: str = "") -> Challenger:
    """A real challenger, trained in this process; `data` gives it another key, and another model."""
    folder = repo / "data" / "toy"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text(csv(task))
    inputs = KeyInputs(data_file="train.csv", data=data or task, tables={}, training={}, packages={}, python="3.12")
    model = Model(name="toy", spec=parse(model_toml(task), "model.toml"), inputs=inputs, repo=repo)
    material, encoding = prepare(model.dataset, model.key)
    study = Study(model.dataset.recipe.search, model.key, {})
    InProcess().run(study, material, lambda _: None)
    best = study.best()
    assert best is not None
    return challenger.make(model, best, study, material, encoding)


def golden_difference(endpoint: Endpoint, card: ModelCard) -> float:
    """How far the answers to the golden requests are from the review's, at most."""
    answer = endpoint.ask([(*one.numeric, *one.categorical) for one in card.golden], (*card.numeric, *card.categorical))
    assert answer.key == card.key
    assert answer.names == (card.classes or (card.target,))
    expected = [golden.answer for golden in card.golden]
    return float(np.abs(np.array(answer.rows) - np.array(expected)).max())


def posted(endpoint: Endpoint, document: object) -> tuple[int, Any]:
    """The status and the document that a JSON document is answered with."""
    with endpoint.connect() as line:
        reply = line.ask("POST", PREDICT, json.dumps(document).encode())
    return reply.status, json.loads(reply.body)
