"""`python -m tests.benchmarks [NAME]...`: all benchmarks, or those that are named."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Figure

NAMES = ("start", "run", "search", "validation", "growth", "delivery", "engines", "serving", "soak", "live")
TARGET = Path(".bench")


def main(names: list[str]) -> int:
    """Run the benchmarks and print their table; 1 if a target was missed."""
    if unknown := set(names) - set(NAMES):
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    console = Console(width=max(120, Console().width))
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}")
    figures: list[Figure] = []
    for name in names or NAMES:
        for figure in importlib.import_module(f"tests.benchmarks.{name}").measure(console):
            figures.append(figure)
            console.print(f"  {figure.name}: {figure.value} ({figure.against})", highlight=False)
    console.print(_table(figures))
    TARGET.mkdir(exist_ok=True)
    (TARGET / "figures.json").write_text(json.dumps([figure.__dict__ for figure in figures], indent=2) + "\n")
    return int(any(figure.met is False for figure in figures))


def _table(figures: list[Figure]) -> Table:
    table = Table("measured", "value", "beside", "target", "met")
    for figure in figures:
        met = {True: "yes", False: "NO", None: ""}[figure.met]
        table.add_row(figure.name, figure.value, figure.against, figure.target, met)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
