"""How much of a disk the locked packages of a dependency group take."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import ROOT


def megabytes(*groups: str) -> tuple[int, float]:
    """How many distributions, and the MiB of their files as they are installed here, bytecode included."""
    names = locked(*groups)
    return len(names), sum(size for name in names for size in _sizes(name)) / 2**20


def locked(*groups: str) -> set[str]:
    """The packages of the groups and all that these need on this platform, as `uv.lock` has it."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    known: dict[str, Mapping[str, Any]] = {package["name"]: package for package in packages}
    waiting = [entry for group in groups for entry in known["slipway"]["dev-dependencies"][group]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        entry = waiting.pop()
        for extra in ("", *entry.get("extra", ())):
            if _is_wanted(entry) and (place := (entry["name"], extra)) not in seen:
                seen.add(place)
                package = known[entry["name"]]
                waiting += (
                    package.get("optional-dependencies", {}).get(extra, ())
                    if extra
                    else package.get("dependencies", ())
                )
    return {name for name, _ in seen}


def _is_wanted(entry: Mapping[str, Any]) -> bool:
    from packaging.markers import Marker

    return "marker" not in entry or Marker(entry["marker"]).evaluate()


def _sizes(name: str) -> Iterator[int]:
    for file in distribution(name).files or ():
        place = Path(str(file.locate()))
        if place.suffix == ".py" and (compiled := Path(cache_from_source(str(place)))).exists():
            yield compiled.stat().st_size
        if place.suffix != ".pyc" and place.exists():
            yield place.stat().st_size
