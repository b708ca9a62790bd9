"""What can be wrong with a model's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong: what, where, and what to do next."""

    what: str
    hint: str = ""
    file: str = ""
    line: int | None = None

    def at(self, file: str) -> Fault:
        """The same fault, with the file that it was found in."""
        return self if self.file else replace(self, file=file)

    def __str__(self) -> str:
        """`file:line: what is wrong` and, on a line of its own, what to do next."""
        place = self.file + (f":{self.line}" if self.line is not None else "")
        head = f"{place}: {self.what}" if place else self.what
        return f"{head}\n  {self.hint}" if self.hint else head


class DataError(Exception):
    """The data cannot be used as they are. Carries every fault that was found, at least one."""

    def __init__(self, faults: Fault | Sequence[Fault]) -> None:
        """Keep the faults; a single one may come by itself."""
        self.faults = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def at(self, file: str) -> DataError:
        """The same error, with the file that it was found in."""
        return DataError([fault.at(file) for fault in self.faults])
