"""What closes the loop: the whole of it rehearsed on this machine, and data that are fetched once."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks.measure import ROOT, Figure, Measured, repository, slipway

REHEARSAL_LIMIT = 180.0
_MEGABYTES = 200
_REMOTE = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = {url}\n"
_SHOWN = ("settled", "drifts", "Newer data")
"""Scenes that are about the cluster, by their titles."""


def measure(console: Console) -> Iterator[Figure]:
    """The time that the loop takes, and what a pointer costs."""
    console.rule("live")
    if shutil.which("prometheus"):
        yield _rehearsal()
    yield from _data()


def _rehearsal() -> Figure:
    with repository("iris") as place:
        shutil.copytree(ROOT / "gitops" / "platform" / "monitoring", place / "gitops" / "platform" / "monitoring")
        found = json.loads(slipway("rehearse", "iris", "--full", "--json", "--repo", place, codes=(0,)).output)
    scenes = [f"{one['title']}: {one['seconds']:.0f} s" for one in found["scenes"] if _is_shown(one["title"])]
    return Figure(
        name="slipway rehearse iris --full, nothing done before",
        value=f"{found['seconds']:.0f} s",
        against="; ".join(scenes),
        target=f"≤ {REHEARSAL_LIMIT:g} s",
        met=found["seconds"] <= REHEARSAL_LIMIT,
    )


def _is_shown(title: str) -> bool:
    return any(word in title for word in _SHOWN)


def _data() -> Iterator[Figure]:
    """A file of random bytes: `pull` looks at its checksum, not at what it holds."""
    with repository("iris") as place, tempfile.TemporaryDirectory(prefix="slipway-bench-") as other:
        (place / ".dvc").mkdir()
        (place / ".dvc" / "config").write_text(_REMOTE.format(url=Path(other) / "remote"))
        data = place / "data" / "iris" / "train.csv"
        data.write_bytes(os.urandom(_MEGABYTES * 1_000_000))
        environ = {"SLIPWAY_DATA_CACHE": str(Path(other) / "cache")}

        def run(*arguments: str) -> Measured:
            return slipway("data", *arguments, "--repo", place, environ=environ, codes=(0,))

        pushed = run("push", "iris")
        shutil.rmtree(Path(other) / "cache")
        data.unlink()
        fetched = run("pull", "iris")
        data.unlink()
        again = run("pull", "iris")
    yield Figure(
        name=f"{_MEGABYTES} MB that a pointer names: fetched, then from this machine's cache",
        value=f"{fetched.seconds:.1f} s, {again.seconds:.1f} s",
        against=f"pushed in {pushed.seconds:.1f} s; all of each command, from a remote on the same disk",
    )
