"""What people see while a command runs, on standard error, and its result, on standard output."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 5.0
"""Seconds between two lines about progress where no terminal shows a bar."""

_WIDEST = 400
"""Characters of a table's line where no terminal says how many fit."""

_TOO_EARLY = 0.1
"""Share that must be done before the time left is worth a guess."""

Advance = Callable[[int, str], None]
"""Take the number of steps done so far, and a remark such as the best score."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Messages and progress. Off a terminal there are no colours, and a line now and then for a bar."""

    console: Console
    quiet: bool = False
    clock: Callable[[], float] = field(default=time.monotonic)

    def say(self, message: str) -> None:
        """One line, as it is: square brackets in it are no markup."""
        if not self.quiet:
            self.console.print(plain(message), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Advance]:
        """Show how far something is: a bar with the time left, or a line now and then."""
        if self.quiet:
            yield lambda _done, _remark: None
        elif self.console.is_terminal:
            yield from self._bar(title, total)
        else:
            yield self._lines(title, total)

    def _bar(self, title: str, total: int) -> Iterator[Advance]:
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[remark]}"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(title, total=total, remark="")
            yield lambda done, remark: bar.update(task, completed=done, remark=remark)

    def _lines(self, title: str, total: int) -> Advance:
        began = last = self.clock()

        def advance(done: int, remark: str) -> None:
            nonlocal last
            now = self.clock()
            if now - last < _EVERY and done < total:
                return
            last = now
            left = (now - began) / done * (total - done) if done else 0.0
            tail = f", about {left:.0f} s left" if total * _TOO_EARLY < done < total else ""
            self.say(f"{title}: {done} of {total}{', ' + remark if remark else ''}{tail}")

        return advance


def console() -> Console:
    """Standard error, with colours only where there is a terminal that wants them."""
    from rich.console import Console

    return Console(stderr=True)


def plain(text: str) -> str:
    """Text without control characters: data are quoted in messages, and must not command a terminal."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "\N{REPLACEMENT CHARACTER}" for mark in text)


def emit(text: str) -> None:
    """Write a result to standard output; whoever reads it may stop in the middle."""
    try:
        sys.stdout.write(plain(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to standard output: as wide as the terminal, or as what it says where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    terminal = Console(file=sys.stdout)
    if terminal.is_terminal:
        terminal.print(table)
        return
    drawn = Console(file=io.StringIO(), width=_WIDEST)
    with drawn.capture() as text:
        drawn.print(table)
    emit("\n".join(line.rstrip() for line in text.get().rstrip("\n").splitlines()))


def emit_json(document: object) -> None:
    """Write one JSON document to standard output."""
    emit(json.dumps(document, indent=2, ensure_ascii=False))
