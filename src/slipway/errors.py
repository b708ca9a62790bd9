"""Every expected failure, the exit code it ends a command with, and what it tells the user."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar

from slipway.training.faults import DataError, Fault


class ExitCode(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    VERDICT_NO = 1
    BAD_INPUT = 2
    OUTSIDE_FAILED = 3
    INTERRUPTED = 130


class SlipwayError(Exception):
    """A failure that a user can understand: its text is all that is printed."""

    exit_code: ClassVar[ExitCode] = ExitCode.OUTSIDE_FAILED

    def __init__(self, what: str, *, hint: str = "") -> None:
        """`what` is wrong, and in `hint` what to do next."""
        self.what = what
        self.hint = hint
        super().__init__(f"{what}\n  {hint}" if hint else what)


class InputError(SlipwayError):
    """Something that the user wrote is wrong; every fault that was found is named."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, faults: str | Fault | Sequence[Fault], *, hint: str = "") -> None:
        """Take one sentence, one fault, or all the faults of a file."""
        match faults:
            case str():
                self.faults: tuple[Fault, ...] = (Fault(what=faults, hint=hint),)
            case Fault():
                self.faults = (faults,)
            case _:
                self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    @classmethod
    def of_data(cls, error: DataError, file: str) -> InputError:
        """The data's own error, with the name of the file."""
        return cls(error.at(file).faults)


class OutsideError(SlipwayError):
    """Something that slipway depends on (git, a store, a server) failed."""


class UnreachableError(OutsideError):
    """Main cannot be read or written, so nothing more can be decided."""


class StoreError(OutsideError):
    """The store could not be read or written, or what it holds is not what was put there."""
