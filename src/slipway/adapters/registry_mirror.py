"""The process that has MLflow's model registry follow Git: `registry.Registry` starts it and tells it."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway.adapters.registry_steps import COMMIT, IMAGE, KEY, Found, Step, Version, Wanted, decide
from slipway.adapters.tracking import URI, connect, search_run, without_credentials
from slipway.errors import OutsideError

_UNNEEDED = ("numpy", "pandas")
"""MLflow does without them where it must, as in mlflow-skinny; they are a quarter of its import."""

_ROUNDS = 6
"""Two suffice, and a third to see that it is done, unless others write at the same time."""

_ENOUGH = 2
"""Models that fail before the others are left: it is the server then, not a model."""

_GONE = "RESOURCE_DOES_NOT_EXIST"
_RACES = {_GONE, "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST", "TEMPORARILY_UNAVAILABLE"}
"""Two that set one alias at once get a bad request, from the database's own constraint."""

_LONGEST = 300


def mirror(client: Any, wanted: Wanted) -> Iterator[str]:  # noqa: ANN401  mlflow is heavy
    """Have one model follow; a line for each change. It looks again until there is nothing left to do.

    Raises `OutsideError` when others undo it all the time, and what MLflow raises.
    """
    refusal: Exception | None = None
    for _ in range(_ROUNDS):
        steps = decide(wanted, _found(client, wanted))
        if not steps:
            return
        for step in steps:
            refusal = _refusal(client, step)
            if refusal is not None:
                break
            if step.line:
                yield step.line
    raise refusal or OutsideError(f"{wanted.model}: another program changes the registered model at the same time")


def _refusal(client: Any, step: Step) -> Exception | None:  # noqa: ANN401
    """Do a step; what MLflow says to one that another process was quicker with."""
    from mlflow.exceptions import MlflowException

    try:
        getattr(client, step.call)(**step.arguments)
    except MlflowException as error:
        if error.error_code in _RACES:
            return error
        raise
    return None


def _found(client: Any, wanted: Wanted) -> Found:  # noqa: ANN401
    from mlflow.exceptions import MlflowException

    try:
        aliases = client.get_registered_model(wanted.model).aliases
    except MlflowException as error:
        if error.error_code != _GONE:
            raise
        return Found(exists=False, sources={key: _source(client, wanted.model, key) for key in wanted.images})
    versions = {key: _versions(client, wanted.model, key) for key in wanted.images}
    known = {version.number: version for found in versions.values() for version in found}
    return Found(
        aliases={
            alias: known.get(int(number)) or _other(client, wanted.model, int(number))
            for alias, number in aliases.items()
        },
        versions={key: found for key, found in versions.items() if found},
        sources={key: _source(client, wanted.model, key) for key, found in versions.items() if not found},
    )


def _versions(client: Any, model: str, key: str) -> Sequence[Version]:  # noqa: ANN401
    found = client.search_model_versions(f"name = '{model}' AND tags.`{KEY}` = '{key}'", max_results=100)
    return sorted((_read(version) for version in found), key=lambda version: version.number)


def _other(client: Any, model: str, number: int) -> Version:  # noqa: ANN401
    from mlflow.exceptions import MlflowException

    try:
        return _read(client.get_model_version(model, str(number)))
    except MlflowException as error:
        if error.error_code != _GONE:
            raise
        return Version(number=number)


def _read(version: Any) -> Version:  # noqa: ANN401
    tags = version.tags
    return Version(
        number=int(version.version), key=tags.get(KEY), image=tags.get(IMAGE, ""), commit=tags.get(COMMIT, "")
    )


def _source(client: Any, model: str, key: str) -> Mapping[str, str]:  # noqa: ANN401
    """Where a key's files are: with the run that recorded them, or else their place in the store.

    Without a run a server takes no path and no http address, but any other scheme with an absolute path.
    """
    experiment = client.get_experiment_by_name(model)
    run = search_run(client, experiment.experiment_id, key) if experiment else None
    if run is None:
        return {"source": f"slipway:///{model}/{key}/challenger"}
    return {"source": run.info.artifact_uri, "run_id": run.info.run_id}


def main() -> None:
    """Make MLflow ready; then have the registry follow what the file named on standard input says, if any."""
    gc.disable()  # a short life: looking for garbage is a quarter of the import ...
    for name in _UNNEEDED:
        sys.modules[name] = None  # type: ignore[assignment] # Python documents it: the module is not found
    uri = os.environ[URI]
    lines, sys.stdout = sys.stdout, sys.stderr  # whatever MLflow prints is no change
    _prepare(uri)
    gc.freeze()  # ... and half a second of the end
    if line := sys.stdin.readline().strip():
        wanted = [Wanted(**entry) for entry in json.loads(Path(line).read_text())]
        sys.exit(follow(uri, wanted, lambda change: print(change, file=lines, flush=True)) or 0)


def follow(uri: str, wanted: Sequence[Wanted], tell: Callable[[str], None]) -> str:
    """Have all models follow, and tell each change; the first problem, or an empty text.

    A model that cannot follow does not keep the others from it, unless it is the server that fails.
    """
    problems: list[str] = []
    waiting = [*wanted]
    while waiting and len(problems) < _ENOUGH:
        one = waiting.pop(0)
        try:
            for change in mirror(connect(uri), one):
                tell(change)
        except Exception as error:  # noqa: BLE001  the registry is a mirror: whatever fails is told, and no more
            problems.append(one_line(error))
    return problems[0] if problems else ""


def _prepare(uri: str) -> None:
    """Import what the client will need, which takes longest, and connect to nothing yet."""
    import mlflow.tracking

    if not uri.startswith("http"):
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def one_line(error: Exception) -> str:
    """An error in one line for people, without the credentials of an address."""
    first: BaseException = error
    while first.__cause__ or first.__context__:
        first = first.__cause__ or first.__context__ or first
    if isinstance(first, OSError) and first is not error:  # MLflow's own words wrap it in four others
        return f"MLflow cannot be reached: {first.strerror or first}"
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return without_credentials(text)[:_LONGEST]  # in this order: half of an address shows the password and no @


if __name__ == "__main__":
    main()
