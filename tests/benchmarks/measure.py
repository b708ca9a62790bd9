"""How benchmarks measure: each candidate in a process of its own, so that none profits from another's imports."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. `met` is None where there is no target."""

    name: str
    value: str
    against: str = ""
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A process's wall time and the CPU time of all that it started, in seconds; its memory's peak, in MiB."""

    seconds: float
    cpu: float
    peak: float
    output: str

    def json(self) -> Any:
        """What its last line said."""
        return json.loads(self.output.splitlines()[-1])


def command(
    *arguments: str | Path, codes: tuple[int, ...] = (0,), cwd: Path = ROOT, environ: Mapping[str, str] | None = None
) -> Measured:
    """Measure a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            list(map(str, arguments)), stdout=out, stderr=errors, cwd=cwd, env={**os.environ, **(environ or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        out.seek(0)
        errors.seek(0)
        if process.returncode not in codes:
            sys.exit(f"{arguments} ended with {process.returncode}:\n{errors.read()[-4000:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Measured(seconds=seconds, cpu=cpu, peak=usage.ru_maxrss / 1024, output=out.read())


def python(module: str, *arguments: str | Path) -> Measured:
    """Measure a module of the benchmarks, run as a program."""
    return command(sys.executable, "-W", "ignore", "-m", f"tests.benchmarks.{module}", *arguments)


def slipway(
    *arguments: str | Path, codes: tuple[int, ...] = (0, 1), environ: Mapping[str, str] | None = None
) -> Measured:
    """Measure the command line."""
    return command(Path(sys.executable).parent / "slipway", *arguments, codes=codes, environ=environ)


@contextmanager
def repository(*models: str) -> Iterator[Path]:
    """A clone's worth of this repository, with these models and nothing done yet."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        place = Path(folder) / "repository"
        for name in ("pyproject.toml", "uv.lock", ".python-version"):
            place.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, place)
        shutil.copytree(ROOT / "src/slipway/training", place / "src/slipway/training")
        for model in models:
            shutil.copytree(ROOT / "data" / model, place / "data" / model)
        git = ["git", "-C", str(place), "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
            subprocess.run([*git, *arguments], check=True)
        yield place


def fastest(runs: int, *arguments: str | Path) -> Measured:
    """The fastest of several runs of the command line: noise only ever adds."""
    return min((slipway(*arguments) for _ in range(runs)), key=lambda one: one.seconds)
