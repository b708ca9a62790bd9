from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from slipway.report import files

from . import samples

PROMOTED = {
    "report.md",
    "report.html",
    "validation.json",
    "comparison.json",
    *(f"plots/{plot}-{theme}.png" for plot in ("improvement", "diagnosis") for theme in ("light", "dark")),
}


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_report_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "report" / "iris"
    files.replace(folder, files.files(samples.promote()))
    assert names(folder) == PROMOTED
    assert json.loads((folder / "comparison.json").read_text())["verdict"] == "promote"


def test_a_new_report_replaces_all_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "iris"
    files.replace(folder, files.files(samples.promote()))
    (folder / "of-before.txt").write_text("old")
    files.replace(folder, files.files(samples.rejected()))
    assert names(folder) == {"report.md", "report.html", "validation.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["iris"]


def test_a_failure_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "iris"
    files.replace(folder, files.files(samples.rejected()))

    def full(_path: Path, _content: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(folder, files.files(samples.promote()))
    assert names(folder) == {"report.md", "report.html", "validation.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["iris"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, slipway.report; "
        "print([m for m in ('numpy', 'matplotlib', 'optuna', 'jinja2', 'pandas', 'sklearn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
