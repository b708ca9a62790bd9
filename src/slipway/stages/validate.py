"""`validate`: is what the model would learn from what people think it is?

The expectations are checked, the data are compared with the base's, and the holdout with the training
side. What was found is kept in the store, so the same question is answered once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slipway import spec
from slipway.adapters.git import Commit
from slipway.adapters.store import Place
from slipway.datasets.named import Named, named
from slipway.errors import InputError, OutsideError
from slipway.key import canonical
from slipway.results import DataChange, Document, Validation
from slipway.sources import sources
from slipway.training.faults import DataError, Fault
from slipway.workspace import Model, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_JUDGES = ("validation", "stages/validate.py")
"""The code that finds what is found: where it changed, it is asked again."""
FILE, CHANGE = "validation.json", "change.json"


class _Change(Document):
    """What the store keeps of a comparison with a base."""

    change: DataChange | None
    seconds: float


def run(workspace: Workspace, model: Model, *, base: Commit | None) -> tuple[Validation, bool]:
    """What `validate` finds, and whether it was found before and kept.

    Raises `InputError` for a suite or data that cannot be used, with every fault; nothing is kept then.
    """
    found, reused = checked(workspace, model)
    if base is None:
        return found, reused
    change, compared = _changed(workspace, model, base)
    seconds = found.seconds + change.seconds
    return found.model_copy(update={"change": change.change, "seconds": seconds}), reused and compared


def checked(workspace: Workspace, model: Model) -> tuple[Validation, bool]:
    """What is found in the data by themselves, and whether it was found before and kept."""
    if found := known(workspace, model):
        return found, True
    suite = _suite(model)
    place = _place(model, suite)
    kept = workspace.store.put(place, {FILE: _validate(workspace, model, suite).to_json()})
    return Validation.from_json(kept[FILE], f"{place.path}/{FILE}"), False


def known(workspace: Workspace, model: Model) -> Validation | None:
    """What was found in the data before, and kept; nothing is looked for."""
    place = _place(model, _suite(model))
    kept = workspace.store.get(place)
    return Validation.from_json(kept[FILE], f"{place.path}/{FILE}") if kept else None


def _place(model: Model, suite: bytes) -> Place:
    asked = {"code": sources(*_JUDGES), "suite": hashlib.sha256(suite).hexdigest(), "library": _library()}
    digest = hashlib.sha256(canonical(asked)).hexdigest()[:12]
    return Place(model=model.name, key=model.key, entry=f"validation-{digest}")


def _changed(workspace: Workspace, model: Model, base: Commit) -> tuple[_Change, bool]:
    """What changed in the data since the base, and whether it was found before and kept."""
    place = Place(model=model.name, key=model.key, entry=f"change-{_digest(model, base)}")
    if kept := workspace.store.get(place):
        return _Change.from_json(kept[CHANGE], f"{place.path}/{CHANGE}"), True
    began = workspace.clock()
    try:
        change = _compare(workspace, model, base)
    except OutsideError as error:  # not kept: the next run may have more luck
        _say_why_not(workspace, model, base, error)
        return _Change(change=None, seconds=workspace.clock() - began), False
    made = _Change(change=change, seconds=workspace.clock() - began)
    kept = workspace.store.put(place, {CHANGE: made.to_json()})
    return _Change.from_json(kept[CHANGE], f"{place.path}/{CHANGE}"), False


def _library() -> str:
    return version("great-expectations")


def _suite(model: Model) -> bytes:
    path = spec.suite_path(model.name)
    file = model.repo / path
    if not file.is_file():
        hint = f'Write one; the smallest is {{"name": "{model.name}", "expectations": []}}.'
        raise InputError(Fault(file=str(path), what="there is no expectation suite", hint=hint))
    if not file.resolve().is_relative_to((model.repo / "data").resolve()):
        raise InputError(f"{path} is a link that leaves data/", hint="Put the file itself there.")
    return file.read_bytes()


def _digest(model: Model, base: Commit) -> str:
    """What the base says of the model's data."""
    folder = str(spec.folder(model.name))
    told = (str(spec.suite_path(model.name)), f"{folder}/README.md")
    before = {path: blob for path, blob in base.files(folder).items() if path not in told}
    return hashlib.sha256(canonical({"code": sources(*_JUDGES), "base": before})).hexdigest()[:12]


def _validate(workspace: Workspace, model: Model, suite: bytes) -> Validation:
    from slipway.validation import expectations, leakage
    from slipway.validation.suite import check, parse

    began = workspace.clock()
    file = str(spec.suite_path(model.name))
    entries = parse(suite, file)
    data = model.dataset
    check(entries, data.table.column_names, file)

    def lines(rows: Sequence[int]) -> Sequence[int]:
        return _lines(model, rows)

    checks = expectations.run(entries, data.table, lines)
    leaked = leakage.find(data, lines)
    holdout = int(data.holdout.sum())
    return Validation(
        model=model.name,
        key=model.key,
        data_file=model.data_name,
        rows=data.table.num_rows,
        training_rows=data.table.num_rows - holdout,
        holdout_rows=holdout,
        columns=data.table.num_columns,
        ignored=data.ignored,
        checks=checks,
        leakage=leaked,
        change=None,
        seconds=workspace.clock() - began,
    )


def _lines(model: Model, rows: Sequence[int]) -> Sequence[int]:
    from slipway.training.dataset import lines_of

    if model.data_file.suffix.lower() == ".csv":
        return lines_of(model.data_file, list(rows))
    return [row + 1 for row in rows]


def _compare(workspace: Workspace, model: Model, base: Commit) -> DataChange | None:
    from slipway.validation.change import compare

    before = _base_table(workspace, model, base)
    return None if before is None else compare(before, model.dataset.table, base=base.id)


def _base_data(workspace: Workspace, model: Model, base: Commit, parsed: spec.ModelSpec) -> Path | bytes | None:
    """The base's data, fetched if it has but a pointer; None where there are none, or the same."""
    if (pointed := named(base, model.name)) is not None:
        return None if pointed.pointer.digest == model.inputs.data else _fetched(workspace, pointed)
    path = str(spec.data_path(model.name, {"data": {"path": parsed.data.path}}))
    return None if f"sha256:{base.digest(path)}" == model.inputs.data else base.read(path)


def _fetched(workspace: Workspace, pointed: Named) -> Path:
    """The base's data from the cache or the remote. That they are not there is no fact about the base."""
    try:
        return workspace.data().get(pointed)
    except InputError as error:
        raise OutsideError(error.what, hint=error.hint) from None


def _base_table(workspace: Workspace, model: Model, base: Commit) -> pa.Table | None:
    """The base's data as the base itself reads them; None where there are none, or the same bytes.

    Data of the base that cannot be read are no fault of this change, so they are only told.
    """
    from slipway.training.dataset import read

    source = base.read(str(spec.spec_path(model.name)))
    if source is None:
        return None
    try:
        parsed = spec.parse(source, str(spec.spec_path(model.name)))
        found = _base_data(workspace, model, base, parsed)
        return None if found is None else read(found, parsed.data)
    except (InputError, DataError) as error:
        _say_why_not(workspace, model, base, error)
        return None


def _say_why_not(workspace: Workspace, model: Model, base: Commit, error: Exception) -> None:
    first = str(error).splitlines()[0]
    name = PurePosixPath(model.data_name).name
    workspace.screen.say(f"{name} of {base.id[:12]} cannot be compared with: {first}")
