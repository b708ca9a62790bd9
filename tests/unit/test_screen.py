"""What people see while a command runs."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from slipway.screen import Screen, emit


def screen(*, terminal: bool, step: float = 3.0) -> tuple[Screen, io.StringIO]:
    file = io.StringIO()
    ticks = itertools.count()
    console = Console(file=file, force_terminal=terminal, width=100)
    return Screen(console=console, clock=lambda: next(ticks) * step), file


def test_off_a_terminal_there_is_a_line_now_and_then() -> None:
    shown, file = screen(terminal=False)
    with shown.progress("search", 10) as advance:
        for done in range(1, 11):
            advance(done, "best 0.1")
    lines = file.getvalue().splitlines()
    assert lines[-1] == "search: 10 of 10, best 0.1"
    assert 3 <= len(lines) <= 6
    assert any("s left" in line for line in lines)
    assert "\x1b" not in file.getvalue()


def test_on_a_terminal_there_is_a_bar() -> None:
    shown, file = screen(terminal=True)
    with shown.progress("search", 4) as advance:
        advance(2, "best 0.1")
    assert "2/4" in file.getvalue()
    assert "best 0.1" in file.getvalue()


def test_square_brackets_are_no_markup() -> None:
    shown, file = screen(terminal=False)
    shown.say("[search] trials [red]x[/red]")
    assert file.getvalue() == "[search] trials [red]x[/red]\n"


def test_quiet_says_nothing() -> None:
    file = io.StringIO()
    shown = Screen(console=Console(file=file), quiet=True)
    shown.say("x")
    with shown.progress("search", 2) as advance:
        advance(1, "")
    assert file.getvalue() == ""


def test_data_in_a_message_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown, file = screen(terminal=True)
    shown.say("\x1b[2Jgone\x07")
    emit("\x1b]0;title\x07 value")
    assert file.getvalue() == "\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}\n"
    assert "\x1b" not in capsys.readouterr().out
