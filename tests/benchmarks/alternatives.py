"""The same search as others write it. Run as a program: `alternatives NAME REPOSITORY MODEL [TRIALS]`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from slipway import spec
from slipway.training.dataset import read
from slipway.training.families import family
from slipway.training.features import dataset
from slipway.training.recipe import Choice, Dimension, FloatRange, IntRange, dimensions
from slipway.training.search import InProcess, Study
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
    """The fits of the search and nothing else, one after the other."""
    parsed, material, _ = load(repository, model, trials)
    study = Study(parsed.search, "benchmark", {})
    began = time.process_time()
    InProcess().run(study, material, lambda _: None)
    sys.stdout.write(json.dumps({"cpu": time.process_time() - began}) + "\n")


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
    """A function trainable, everything else at Tune's defaults: a new process for each trial."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray import tune

    parsed, material, space = load(repository, model, trials)
    ray.init(include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    metric = parsed.search.metric

    def train(config: dict[str, Any]) -> None:
        suggestion = Suggestion(number=0, family=config["family"], params=config["params"])
        tune.report({"score": evaluate(suggestion, material).score})

    names = sorted(space)
    tuner = tune.Tuner(
        train,
        param_space={
            "family": tune.choice(names),
            "params": tune.sample_from(lambda spec: _sample(space[spec.config.family])),
        },
        tune_config=tune.TuneConfig(
            metric="score", mode="max" if metric.higher_is_better else "min", num_samples=parsed.search.trials
        ),
        run_config=tune.RunConfig(verbose=0),
    )
    tuner.fit()


def _sample(space: dict[str, Dimension]) -> dict[str, Any]:
    import math
    import random

    def one(dimension: Dimension) -> Any:
        match dimension:
            case IntRange(bounds=(low, high)):
                return (
                    round(math.exp(random.uniform(math.log(low), math.log(high))))
                    if dimension.log
                    else random.randint(low, high)
                )
            case FloatRange(bounds=(low, high)):
                return (
                    math.exp(random.uniform(math.log(low), math.log(high)))
                    if dimension.log
                    else random.uniform(low, high)
                )
            case Choice():
                return random.choice(dimension.choice)
            case constant:
                return constant

    return {name: one(dimension) for name, dimension in space.items()}


if __name__ == "__main__":
    which, repository, model, *rest = sys.argv[1:]
    {"floor": floor, "joblib": joblib, "tutorial": tutorial}[which](
        Path(repository), model, int(rest[0]) if rest else None
    )
