"""The folder that a report is written to."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

from slipway.report import ReportInput, comment, page, plots

_AT_FDCWD = -100
_EXCHANGE = 2
"""The flag by which Linux' renameat2 and macOS' renamex_np swap two names in one step."""


def write(report: ReportInput, folder: Path) -> None:
    """Replace `folder` by a new report; whoever looks, and whenever this is killed, there is a whole one."""
    contents = files(report)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / folder.name
        for name, content in contents.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _swap_in(fresh, folder)


def files(report: ReportInput) -> dict[str, bytes]:
    """Every file of a report, by its path in the folder."""
    contents = {
        "report.md": comment.render(report).encode(),
        "report.html": page.render(report).encode(),
        "validation.json": report.validation.to_json(),
    }
    if report.comparison is not None:
        contents["comparison.json"] = report.comparison.to_json()
    pngs = plots.pngs(plots.for_comment(report))
    return {**contents, **{f"plots/{name}": content for name, content in pngs.items()}}


def _swap_in(fresh: Path, folder: Path) -> None:
    """Give `fresh` the name of `folder`; what was there ends up beside `fresh`, to be deleted."""
    if not folder.exists():
        fresh.rename(folder)
    elif folder.is_dir() and not folder.is_symlink() and _exchange(fresh, folder):
        return
    else:
        folder.rename(fresh.with_name(f"{folder.name}.old"))
        fresh.rename(folder)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system or the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        return bool(libc.renamex_np(old, new, _EXCHANGE) == 0)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _EXCHANGE) == 0)
