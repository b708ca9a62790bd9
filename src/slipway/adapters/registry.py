"""MLflow's model registry follows Git: what is told to the process that has it follow, and what that answers.

MLflow takes seconds to import, so the process is started early and told later; until it is told, it touches
nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.adapters.registry_steps import Wanted
from slipway.adapters.tracking import BOUNDS, URI, reason, start


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What became of it."""

    changes: tuple[str, ...] = ()
    """A line for people each."""
    problem: str = ""
    """Why the registry does not follow, in one line; empty when it does."""


@dataclass(kw_only=True)
class Syncing:
    """A process that has MLflow ready, and waits to be told what Git says."""

    process: subprocess.Popen[bytes]
    patience: float = 20.0
    """Seconds for the first model after `close`; each further one has half a second more."""
    _wanted: tempfile.TemporaryDirectory[str] | None = None

    def tell(self, wanted: Sequence[Wanted]) -> None:
        """Have the registry follow, once; a model that is not named is left alone, another repository may own it."""
        self._wanted = tempfile.TemporaryDirectory(prefix="slipway-registry-")
        self.patience += len(wanted) / 2
        file = Path(self._wanted.name) / "wanted.json"  # more than a pipe takes at once
        file.write_text(json.dumps([{**vars(one), "images": dict(one.images)} for one in wanted]))
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended before; `close` says why
                self.process.stdin.write(f"{file}\n".encode())
                self.process.stdin.flush()

    def close(self) -> Synced:
        """Wait for its end, at most as long as patience lasts. One that was told nothing is ended at once."""
        if self._wanted is None:
            self.process.kill()
            self.process.communicate()
            return Synced()
        try:
            lines, errors = self.process.communicate(timeout=self.patience)
            problem = reason(self.process.returncode, errors)
        except subprocess.TimeoutExpired:
            self.process.kill()  # it may be killed at any point
            lines, _ = self.process.communicate()
            problem = f"MLflow did not answer within {self.patience:.0f} s"
        self._wanted.cleanup()
        return Synced(changes=tuple(lines.decode().splitlines()), problem=problem)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The model registry of an MLflow server or database."""

    uri: str = field(repr=False)

    def start(self) -> Syncing:
        """Start the process that `Syncing.tell` tells; close it in any case."""
        return Syncing(process=start(["slipway.adapters.registry_mirror"], BOUNDS | os.environ | {URI: self.uri}))
