"""The folder that a report is written to."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from slipway.report import ReportInput, comment, page, plots


def replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put a new report in the place of the old one, which is whole until the new one is.

    A kill between the two renames leaves no folder; the next run then writes the report again.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / "new"
        for name, content in contents.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        fresh.rename(folder)


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
