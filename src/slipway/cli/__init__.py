"""The command line: arguments in, an exit code out. Effects are made here and handed on."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer

from slipway.adapters.signals import end_on_term
from slipway.cli.app import app
from slipway.errors import ExitCode, SlipwayError
from slipway.screen import plain

# Each adds its commands, in the order in which the help lists them.
# isort: off
from slipway.cli import review
from slipway.cli import release
from slipway.cli import served
from slipway.cli import live
from slipway.cli import start
from slipway.cli import data
from slipway.cli import ci
# isort: on

__all__ = [
    "app",
    "calculate_as_everywhere",
    "ci",
    "data",
    "guarded",
    "live",
    "main",
    "release",
    "review",
    "served",
    "start",
]


def calculate_as_everywhere() -> None:
    """Keep NumPy, which is not imported yet, from instructions that only some processors have.

    With them its logarithms differ in the last digit, the search takes another turn, and equal keys give other
    bytes. Ray's workers inherit it.
    """
    features = " ".join(f"AVX512{name}" for name in ("F", "CD", "_SKX", "_CLX", "_CNL", "_ICL", "_SPR"))
    os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", features)


def tell_nobody() -> None:
    """Keep onnxruntime, which is not imported yet, from telling its maker about each session."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and leave with its exit code. What a user can mend is said in one message, without a traceback."""
    calculate_as_everywhere()
    tell_nobody()
    end_on_term()

    def run() -> object:
        return typer.main.get_command(app).main(arguments, prog_name="slipway", standalone_mode=False)

    sys.exit(guarded(run))


def guarded(command: Callable[[], Any]) -> int:
    """The exit code of a command, whichever way it ends."""
    try:
        code = int(command() or 0)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  the last resort
        return _explain(error)
    return _explain(KeyboardInterrupt()) if code == ExitCode.INTERRUPTED else code  # the parser catches an interrupt


def _explain(error: BaseException) -> int:
    """Say what is wrong, in one message; the exit code that goes with it."""
    match error:
        case typer.Exit():
            return error.exit_code
        case SlipwayError():
            _complain(str(error))
            return error.exit_code
        case KeyboardInterrupt() | typer.Abort():
            _complain("interrupted; the same command goes on where it was")
            return ExitCode.INTERRUPTED
        case typer.TyperException():  # what the parser makes of a slip of the pen
            getattr(error, "show", lambda: _complain(str(error)))()
            return ExitCode.BAD_INPUT
        case _:
            traceback.print_exception(error)
            _complain("this is a fault of slipway itself; nothing was decided. Please report it with the lines above")
            return ExitCode.OUTSIDE_FAILED


def _complain(message: str) -> None:
    sys.stderr.write(f"slipway: {plain(message)}\n")
