"""The finished trials of a search that is under way: one JSON line each, on disk before the next begins."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from slipway.training.trial import Outcome


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A file that outlives a kill at any moment; a last line that was cut short is left out."""

    file: Path

    def read(self) -> dict[int, Outcome]:
        """The outcomes by number."""
        if not self.file.exists():
            return {}
        found: dict[int, Outcome] = {}
        for line in self.file.read_bytes().splitlines():
            try:
                outcome = Outcome.from_dict(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue
            found[outcome.number] = outcome
        return found

    def append(self, outcome: Outcome) -> None:
        """Write an outcome, and see to it that it stays."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as stream:
            stream.write(json.dumps(outcome.to_dict()).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def remove(self) -> None:
        """Forget the search, whose outcomes are in the store by now."""
        self.file.unlink(missing_ok=True)
