"""`slipway new`: a model's folder, proposed from anybody's CSV or Parquet."""

from __future__ import annotations

import difflib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import spec
from slipway.errors import InputError, OutsideError
from slipway.training.faults import DataError, Fault
from slipway.training.recipe import DEFAULT_NULLS, DataTable

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.scaffold.inference import Proposal
    from slipway.scaffold.profile import Profile

ODD_NULLS = ("?", "-", "--", ".", "*", "None", "none", "#N/A", "<NA>", "n/a", "na", "Null")
"""Spellings of a missing value among numbers that are taken for one when the usual ones do not suffice."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def run(repo: Path, name: str, source: Path, target: str) -> list[Path]:
    """Write `data/<name>/` from a data file and the name of the column to predict; return what was written.

    All is checked first, and nothing is written unless the model could be trained from it as it is.
    Raises `InputError` for a name, a file or a target that will not do.
    """
    folder = repo / spec.folder(spec.check_name(name))
    _check_free(folder, source, name)
    _check_file(source)
    texts = _texts(name, source, target)
    try:
        return _write(folder, source, texts)
    except OSError as error:
        raise OutsideError(f"{folder} cannot be written: {error.strerror or error}") from None


def _check_free(folder: Path, source: Path, name: str) -> None:
    if not folder.exists():
        return
    others = sorted(entry.name for entry in folder.iterdir() if not _same(entry, source))
    if others:
        raise InputError(
            f"{spec.folder(name)} exists already and holds {', '.join(others[:5])}",
            hint="Choose another name, or take that folder away first.",
        )


def _same(entry: Path, source: Path) -> bool:
    return source.exists() and entry.samefile(source)


def _check_file(source: Path) -> None:
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        raise InputError(Fault(file=str(source), what=f"cannot be read: {error.strerror or error}")) from None


def _texts(name: str, source: Path, target: str) -> dict[str, str]:
    """The files to write beside the data, as text, once they have been seen to work."""
    from slipway.scaffold.expectations import suite
    from slipway.scaffold.inference import propose
    from slipway.scaffold.profile import profiles
    from slipway.scaffold.suite import suite_text
    from slipway.scaffold.writer import model_toml, readme
    from slipway.training.features import dataset

    try:
        table, nulls = _read(source)
        columns = profiles(table)
        chosen = _target(columns, target, source)
        proposal = propose(table, columns, chosen, _data_name(source), nulls)
        _check_features(proposal, source)
        toml = model_toml(proposal)
        dataset(table, spec.parse(toml.encode(), str(spec.spec_path(name))))
    except DataError as error:
        raise InputError.of_data(error, str(source)) from None
    return {
        "README.md": readme(name, proposal, source=source.name),
        "expectations.json": suite_text(name, suite(proposal)),
        "model.toml": toml,
    }


def _check_features(proposal: Proposal, source: Path) -> None:
    if proposal.features:
        return
    left_out = "; ".join(f"{name}: {reason}" for name, reason in list(proposal.drop.items())[:5])
    raise InputError(
        Fault(
            file=str(source),
            what=f"no column is left to learn {proposal.target.name!r} from{f' ({left_out})' if left_out else ''}",
            hint="Add columns that tell something about it; a date alone does not.",
        )
    )


def _read(source: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The table, and the spellings of missing values that it needs beyond the usual ones."""
    from slipway.training.dataset import read

    try:
        return read(source, DataTable(path=source.name)), ()
    except DataError:
        if source.suffix.lower() != ".csv":
            raise
        nulls = _odd_nulls(source)
        if not nulls:
            raise
        return read(source, DataTable(path=source.name, nulls=(*DEFAULT_NULLS, *nulls))), nulls


def _odd_nulls(source: Path) -> tuple[str, ...]:
    """The odd spellings that stand among numbers; none if they do not explain why the file is not read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from slipway.training.dataset import read

    try:
        table = read(source, DataTable(path=source.name, nulls=(*DEFAULT_NULLS, *ODD_NULLS)))
        numbers = [n for n in table.column_names if not pa.types.is_string(table.column(n).type)]
        spelled = read(source, DataTable(path=source.name, categorical=tuple(table.column_names)))
    except DataError:
        return ()
    found = {null for name in numbers for null in ODD_NULLS if pc.any(pc.equal(spelled.column(name), null)).as_py()}
    return tuple(null for null in ODD_NULLS if null in found)


def _target(columns: Sequence[Profile], target: str, source: Path) -> Profile:
    from slipway.scaffold.profile import Kind

    known = {column.name: column for column in columns}
    if len(columns) == 1:
        what = f"the file has one column, {columns[0].name!r}"
        raise InputError(Fault(file=str(source), line=1, what=what, hint=_one_column_hint(columns[0].name)))
    if target not in known:
        close = difflib.get_close_matches(target, list(known), n=1)
        hint = f"Did you mean {close[0]!r}?" if close else _columns_hint(list(known))
        raise InputError(Fault(file=str(source), line=1, what=f"there is no column {target!r}", hint=hint))
    if known[target].kind is Kind.DATE:
        what = f"column {target!r} holds dates, which no model predicts"
        raise InputError(Fault(file=str(source), what=what, hint="Make a number of it: days from something, say."))
    if known[target].constant:
        seen = "the same value in every" if known[target].distinct else "no value in any"
        what = f"the target {target!r} has {seen} row"
        raise InputError(Fault(file=str(source), what=what, hint="There is nothing to learn: name another column."))
    return known[target]


def _one_column_hint(name: str) -> str:
    mark = next((mark for mark in (";", "\t", "|", " ") if mark in name), None)
    if mark is None:
        return "A model needs columns to learn from, besides the one to predict."
    return f"Are its values separated by {mark!r}? Only commas are read."


def _columns_hint(known: Sequence[str]) -> str:
    return f"The columns are: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}."  # noqa: PLR2004


def _data_name(source: Path) -> str:
    """The file's own name, unless it would need quoting everywhere."""
    return source.name if _PLAIN_NAME.fullmatch(source.name) else f"train{source.suffix.lower()}"


def _write(folder: Path, source: Path, texts: dict[str, str]) -> list[Path]:
    """Fill a temporary folder and put it, or its files, into place."""
    data = _data_name(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        made = Path(temporary) / folder.name
        made.mkdir()
        shutil.copyfile(source, made / data)
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")
        if folder.exists():
            for file in sorted(made.iterdir()):
                file.replace(folder / file.name)
        else:
            made.rename(folder)
    return [folder / name for name in sorted([data, *texts])]
