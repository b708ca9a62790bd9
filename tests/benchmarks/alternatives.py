"""The same search as others write it. Run as a program: `alternatives NAME REPOSITORY MODEL [TRIALS]`."""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from slipway import spec
from slipway.training.dataset import read
from slipway.training.families import family
from slipway.training.features import dataset
from slipway.training.recipe import Choice, Constant, Dimension, FloatRange, IntRange, dimensions
from slipway.training.trial import Material, Suggestion, evaluate, prepare

Space = dict[str, dict[str, Dimension]]


def load(repository: Path, model: str, trials: int | None) -> tuple[spec.ModelSpec, Material, Space]:
    """A model's spec, its training side and its search space."""
    parsed = spec.parse((repository / spec.spec_path(model)).read_bytes(), model)
    if trials is not None:
        parsed = parsed.model_copy(update={"search": parsed.search.model_copy(update={"trials": trials})})
    data = dataset(read(repository / spec.folder(model) / parsed.data.path, parsed.data), parsed)
    space = {
        name: dimensions(table) or dict(family(name).DEFAULT_SPACE) for name, table in parsed.search.families.items()
    }
    return parsed, prepare(data, "benchmark")[0], space


def floor(repository: Path, model: str, trials: int | None) -> None:
    """The fits of a search that was run before and nothing else: CPU seconds, one after the other."""
    parsed, material, _ = load(repository, model, trials)
    record = json.loads(_search_of(repository, model, parsed.search.trials).read_text())
    suggestions = [Suggestion(number=t["number"], family=t["family"], params=t["params"]) for t in record["trials"]]
    for name in {suggestion.family for suggestion in suggestions}:
        family(name)  # imports are not fits
    began = time.process_time()
    for suggestion in suggestions:
        evaluate(suggestion, material)
    sys.stdout.write(json.dumps({"cpu": time.process_time() - began}) + "\n")


def _search_of(repository: Path, model: str, trials: int) -> Path:
    """The record of the newest search with this many trials."""
    files = (repository / ".slipway/store" / model).glob("*/search/trials.json")
    newest_first = sorted(files, key=lambda file: -file.stat().st_mtime)
    return next(file for file in newest_first if len(json.loads(file.read_text())["trials"]) == trials)


def joblib(repository: Path, model: str, trials: int | None) -> None:
    """Optuna asks for a batch, joblib's processes evaluate it."""
    import optuna
    from joblib import Parallel, delayed

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parsed, material, space = load(repository, model, trials)
    sign = "maximize" if parsed.search.metric.higher_is_better else "minimize"
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), direction=sign)
    with Parallel(n_jobs=os.cpu_count()) as pool:
        for start in range(0, parsed.search.trials, parsed.search.batch):
            asked = [study.ask() for _ in range(min(parsed.search.batch, parsed.search.trials - start))]
            suggested = [_suggest(trial, space) for trial in asked]
            for trial, outcome in zip(asked, pool(delayed(evaluate)(s, material) for s in suggested), strict=True):
                study.tell(trial, outcome.score)


def _suggest(trial: Any, space: Space) -> Suggestion:
    name = trial.suggest_categorical("family", sorted(space))
    params = {}
    for key, dimension in space[name].items():
        match dimension:
            case IntRange(bounds=(low, high)):
                params[key] = trial.suggest_int(f"{name}.{key}", low, high, log=dimension.log)
            case FloatRange(bounds=(low, high)):
                params[key] = trial.suggest_float(f"{name}.{key}", low, high, log=dimension.log)
            case Choice():
                params[key] = trial.suggest_categorical(f"{name}.{key}", list(dimension.choice))
            case constant:
                params[key] = constant
    return Suggestion(number=trial.number, family=name, params=params)


def tutorial(repository: Path, model: str, trials: int | None) -> None:
    """A function trainable with Optuna's search, everything else as Ray's own tutorials leave it.

    That is a new process for each trial, which imports and loads all it needs.
    """
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    parsed, _, space = load(repository, model, trials)
    metric = parsed.search.metric

    def train(config: dict[str, Any]) -> None:
        _, material, _ = load(repository, model, trials)
        name = config.pop("family")
        params = {key.removeprefix(f"{name}."): value for key, value in config.items()}
        fixed = {key: value for key, value in space[name].items() if isinstance(value, Constant)}
        tune.report({"score": evaluate(Suggestion(number=0, family=name, params=params | fixed), material).score})

    mode = "max" if metric.higher_is_better else "min"
    tuner = tune.Tuner(
        train,
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(space=partial(_configure, space), metric="score", mode=mode),
            num_samples=parsed.search.trials,
        ),
    )
    tuner.fit()


def _configure(space: Space, trial: Any) -> None:
    _suggest(trial, space)


if __name__ == "__main__":
    which, repository, model, *rest = sys.argv[1:]
    {"floor": floor, "joblib": joblib, "tutorial": tutorial}[which](
        Path(repository), model, int(rest[0]) if rest else None
    )
