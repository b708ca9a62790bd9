"""`tune`: search, refit, export. What it makes is kept under the key, and the same key makes it once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import trained
from slipway.adapters.store import Files, Place, Store, sha256
from slipway.errors import InputError, OutsideError
from slipway.journal import Journal
from slipway.key import SHORT, TRAINING
from slipway.results import ModelCard
from slipway.trained import CARD, ONNX
from slipway.training.faults import DataError
from slipway.training.trial import Outcome

if TYPE_CHECKING:
    from slipway.training.search import Runner, Study
    from slipway.training.trial import Material
    from slipway.workspace import Model, Workspace

TRIALS = "trials.json"
_SHOWN_ERRORS = 3


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A challenger and the search that it came from."""

    card: ModelCard
    onnx: bytes
    trials: tuple[Outcome, ...]
    seconds: float


def load(workspace: Workspace, model: Model) -> Tuned | None:
    """The challenger of this key, if it was trained before."""
    challenger = trained.load(workspace.store, model.name, model.key)
    search = workspace.store.get(_search_place(model.name, model.key))
    if challenger is None or search is None:
        return None
    record = json.loads(search[TRIALS])
    return Tuned(
        card=challenger.card,
        onnx=challenger.onnx,
        trials=tuple(Outcome.from_dict(trial) for trial in record["trials"]),
        seconds=record["seconds"],
    )


def run(workspace: Workspace, model: Model, runner: Runner) -> Tuned:
    """Train the challenger; `InputError` if no trial came to an end.

    Finished trials are on disk at once, so a search that was killed goes on where it was.
    """
    from slipway.challenger import make
    from slipway.training.search import Study
    from slipway.training.trial import prepare

    began = workspace.clock()
    _check_code(model)
    try:
        material, encoding = prepare(model.dataset, model.key)
    except DataError as error:
        raise InputError.of_data(error, model.data_name) from None
    journal = Journal(file=workspace.settings.local / "work" / model.name / f"{model.key}.jsonl")
    study = Study(model.spec.search, model.key, journal.read())
    _search(workspace, study, material, runner, journal)
    best = study.best()
    if best is None:
        raise InputError(_all_failed(study), hint=f"Look at [search] in data/{model.name}/model.toml.")
    made = make(model, best, study, material, encoding)
    trials = tuple(study.outcomes[number] for number in sorted(study.outcomes))
    tuned = Tuned(card=made.card, onnx=made.onnx, trials=trials, seconds=workspace.clock() - began)
    keep(workspace.store, tuned)
    journal.remove()
    return tuned


def _check_code(model: Model) -> None:
    """See to it that the training code and the packages that run are the repository's, which the key names."""
    from slipway import training

    here = Path(training.__file__).parent
    running = {f"{TRAINING}/{file.relative_to(here).as_posix()}": file for file in here.rglob("*.py")}
    digests = {name: sha256(file.read_bytes()) for name, file in running.items()}
    if digests != dict(model.inputs.training):
        raise InputError(
            f"the slipway that runs has other training code than {TRAINING}/ of this repository, which the key names",
            hint="Run the repository's own: make setup, then .venv/bin/slipway.",
        )
    others = [
        f"{name} {_installed(name)}, not {locked}"
        for name, locked in model.inputs.packages.items()
        if _installed(name) != locked
    ]
    if others:
        raise InputError(
            f"other packages are installed than uv.lock names, by which the key was made: {'; '.join(others)}",
            hint="Install what it names: make setup. In a container, use the tools image of this uv.lock.",
        )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _search(workspace: Workspace, study: Study, material: Material, runner: Runner, journal: Journal) -> None:
    total, metric = study.search.trials, study.search.metric
    with workspace.screen.progress("search", total) as advance:

        def done(outcome: Outcome) -> None:
            journal.append(outcome)
            best = study.best()
            advance(len(study.outcomes), f"best {metric} {best.score:.4g}" if best else "")

        runner.run(study, material, done)


def _all_failed(study: Study) -> str:
    reasons = sorted({outcome.error for outcome in study.outcomes.values()})[:_SHOWN_ERRORS]
    return f"all {len(study.outcomes)} trials failed: {'; '.join(reasons)}"


def keep(store: Store, tuned: Tuned) -> None:
    """Put the search and the challenger into the store; `OutsideError` if the same key gave other bytes before."""
    model, key = tuned.card.model, tuned.card.key
    record = {"seconds": tuned.seconds, "trials": [trial.to_dict() for trial in tuned.trials]}
    store.put(_search_place(model, key), {TRIALS: json.dumps(record, indent=1).encode()})
    files: Files = {ONNX: tuned.onnx, CARD: tuned.card.to_json()}
    kept = store.put(trained.place(model, key), files)
    if kept[ONNX] != tuned.onnx:
        raise OutsideError(
            f"key {key[:SHORT]} gave other bytes than it did before: this training is not reproducible here",
            hint="Is this machine of another kind? Or does something outside the key shape the model?",
        )


def _search_place(model: str, key: str) -> Place:
    return Place(model=model, key=key, entry="search")
