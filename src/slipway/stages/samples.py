"""`slipway data make`: write one of the data sets that slipway brings along, in any size it comes in."""

from __future__ import annotations

import tempfile
from pathlib import Path

from slipway import samples
from slipway.errors import InputError, OutsideError


def make(name: str, target: Path, rows: int | None = None, seed: int | None = None) -> Path:
    """Write a sample to a file, all of it or nothing; without `rows` and `seed`, what is committed.

    Raises `InputError` for what cannot be made, `OutsideError` when the file cannot be written.
    """
    wanted = Path(samples.sample(name).FILE).suffix
    if target.suffix.lower() != wanted:
        raise InputError(f"{target} does not end in {wanted}", hint=f"{name} is written as {wanted}: name it so.")
    if seed is not None and seed < 0:
        raise InputError(f"a seed is 0 or more, not {seed}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".make-") as folder:
            file = Path(folder) / target.name
            samples.write(name, file, rows, seed)
            file.replace(target)
    except OSError as error:
        raise OutsideError(f"{target} cannot be written: {error.strerror or error}") from None
    return target
