"""Trials on Ray Tune.

Ray decides where and when a trial runs, never what is tried: that is the study's, which gives the same
trials at any width. One actor a core is reused for all trials, and the data reach it through Ray's object
store.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, override

import ray
from ray import tune
from ray.tune.search import Searcher

from slipway.adapters.cluster import Cluster
from slipway.errors import OutsideError
from slipway.training.search import Study
from slipway.training.trial import Material, Outcome, Suggestion, evaluate

Done = Callable[[Outcome], None]

_RETRIES = 2
"""A trial whose worker died is tried so many times again; then the search ends, to be gone on with."""


@dataclass(frozen=True, kw_only=True)
class RayTune:
    """A `slipway.training.search.Runner` on a Ray cluster."""

    cluster: Cluster

    def run(self, study: Study, material: Material, done: Done) -> None:
        """Run the trials; `OutsideError` if Ray fails as a whole."""
        width = min(self.cluster.ready(), study.search.batch)
        with tempfile.TemporaryDirectory(prefix="slipway-tune-") as folder:
            tuner = tune.Tuner(
                tune.with_parameters(_Worker, material=material),
                tune_config=tune.TuneConfig(
                    search_alg=_InOrder(study, done),
                    num_samples=study.search.trials,
                    max_concurrent_trials=width,
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name="search",
                    storage_path=folder,
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=_RETRIES),
                ),
            )
            try:
                tuner.fit()
            except (tune.TuneError, ray.exceptions.RayError) as error:
                raise OutsideError(
                    f"Ray Tune failed: {error}",
                    hint="Run the command again: it goes on after the last finished trial.",
                ) from None
        if not study.finished:
            raise OutsideError(
                f"the search stopped after {len(study.outcomes)} of {study.search.trials} trials: "
                f"a worker of Ray died, or did not start, {_RETRIES + 1} times over",
                hint="Is there enough memory? What it said is in /tmp/ray/session_latest/logs. "
                "Run the command again: it goes on after the last finished trial.",
            )


class _Worker(tune.Trainable):  # type: ignore[misc]  # ray has no types here
    """An actor that evaluates one trial after another."""

    @override
    def setup(self, config: dict[str, Any], material: Material) -> None:
        self._material = material

    @override
    def step(self) -> dict[str, Any]:
        outcome = evaluate(Suggestion(**self.config["suggestion"]), self._material)
        return {"outcome": json.dumps(outcome.to_dict()), "done": True}  # Tune would flatten a dictionary

    @override
    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    @override
    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: a finished trial is in the search's own record."""

    @override
    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing."""


class _InOrder(Searcher):  # type: ignore[misc]
    """Hands the study's questions to Tune and Tune's answers to the study."""

    def __init__(self, study: Study, done: Done) -> None:
        super().__init__()
        self._study = study
        self._done = done
        self._running: dict[str, Suggestion] = {}
        self._lost = False

    @override
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._lost:
            return Searcher.FINISHED
        suggestion = self._study.ask()
        if suggestion is None:
            return Searcher.FINISHED if self._study.exhausted else None
        self._running[trial_id] = suggestion
        return {"suggestion": asdict(suggestion)}

    @override
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._running.pop(trial_id)
        told = None if error or result is None else result.get("outcome")
        if not told:  # what the machine lacks must not decide which model wins
            self._lost = True
            return
        outcome = Outcome.from_dict(json.loads(told))
        self._study.tell(outcome)
        self._done(outcome)

    @override
    def __getstate__(self) -> dict[str, Any]:
        """Nothing, for the state that Tune writes down: nobody reads it."""
        return {}

    @override
    def save(self, checkpoint_path: str) -> None:
        """Nothing: the search keeps its own record, without pickles."""

    @override
    def restore(self, checkpoint_path: str) -> None:
        """Nothing."""
