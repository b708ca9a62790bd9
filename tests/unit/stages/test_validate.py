from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from slipway.adapters.git import Git
from slipway.errors import ExitCode, InputError
from slipway.results import Severity, ShiftWord
from slipway.stages import validate
from slipway.workspace import Workspace

CSV = "data/toy/train.csv"
SUITE = "data/toy/expectations.json"


def _replace(git: Git, path: str, old: str, new: str) -> None:
    file = git.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def _entries(workspace: Workspace) -> list[str]:
    store = Path(workspace.settings.store)
    return sorted(path.name for path in store.glob("*/*/*")) if store.exists() else []


def test_good_data_pass_and_are_not_checked_again(workspace: Workspace) -> None:
    model = workspace.model("toy")
    found, reused = validate.run(workspace, model, base=workspace.base(None))
    assert not reused
    assert found.passed
    assert [check.passed for check in found.checks] == [True, True, True, True]
    assert (found.rows, found.training_rows + found.holdout_rows, found.columns) == (160, 160, 4)
    assert found.change is None
    assert found.leakage.severity is Severity.INFO
    again, reused = validate.run(workspace, workspace.model("toy"), base=workspace.base(None))
    assert reused
    assert again == found


def test_a_failed_critical_check_hides_no_other_and_names_lines(workspace: Workspace, repository: Git) -> None:
    lines = (repository.root / CSV).read_text().splitlines()
    lines[5] = "99" + lines[5][lines[5].index(",") :]
    lines[9] = lines[9].replace(",", ",,", 1).replace(lines[9].split(",")[1] + ",", "", 1)
    (repository.root / CSV).write_text("\n".join(lines) + "\n")
    found, _ = validate.run(workspace, workspace.model("toy"), base=None)
    assert [check.passed for check in found.checks] == [True, False, False, True]
    between, present = found.checks[1:3]
    assert (between.severity, between.failing_rows, between.expected) == (Severity.CRITICAL, 1, "values from 0 to 10")
    assert [(row.line, row.value) for row in between.examples] == [(6, "99")]
    assert (present.severity, [row.line for row in present.examples]) == (Severity.WARNING, [10])
    assert not found.passed
    assert found.blocking == (between,)


def test_change_is_told_against_the_base(workspace: Workspace, repository: Git) -> None:
    base = workspace.base("main")
    lines = (repository.root / CSV).read_text().splitlines()
    grown = [lines[0] + ",age", *(f"{line},{number}" for number, line in enumerate(lines[21:]))]
    _replace(repository, SUITE, '"label"', '"label", "age"')
    (repository.root / CSV).write_text("\n".join(grown) + "\n")
    found, _ = validate.run(workspace, workspace.model("toy"), base=base)
    change = found.change
    assert change is not None
    assert base is not None
    assert change.base == base.id
    assert (change.rows_before, change.rows_added, change.rows_removed) == (160, 0, 20)
    assert [(column.name, column.before, column.now) for column in change.columns] == [("age", None, "int64")]
    assert {shift.column for shift in change.shifts} == {"width", "height", "colour", "label"}
    assert all(shift.size in (ShiftWord.NONE, ShiftWord.SMALL) for shift in change.shifts)


def test_another_suite_or_base_is_another_question(
    workspace: Workspace, repository: Git, commit: Callable[[str], str]
) -> None:
    def ask() -> bool:
        return validate.run(workspace, workspace.model("toy"), base=workspace.base("main"))[1]

    assert not ask()
    (repository.root / "data/toy/README.md").write_text("Where the data come from.")
    commit("Say where the data come from")
    assert ask()
    _replace(repository, SUITE, '"max_value": 10', '"max_value": 11')
    assert not ask()
    commit("Widen the range")
    assert ask()
    _replace(repository, CSV, "blue", "red")
    assert not ask()
    commit("Correct a colour")
    assert not ask()
    kinds = [name.split("-")[0] for name in _entries(workspace)]
    assert (kinds.count("validation"), kinds.count("change")) == (3, 3)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (SUITE, b'{"name": "toy", "expectations": [', f"{SUITE}:1: this is not JSON"),
        (SUITE, b'{"name": "toy", "expectations": [{"type": "expect_x", "kwargs": {}}]}', "no such expectation"),
        (CSV, b"width,height,colour,label\n1,2,red\n", f"{CSV}:2: 3 values where"),
        (CSV, b"", f"{CSV}: the file is empty"),
        (CSV, b"width,height,colour,label\n1,2,r\xff,yes\n", f"{CSV}:2: this is not UTF-8"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_kept(
    workspace: Workspace, repository: Git, path: str, content: bytes, message: str
) -> None:
    (repository.root / path).write_bytes(content)
    with pytest.raises(InputError) as caught:
        validate.run(workspace, workspace.model("toy"), base=workspace.base(None))
    assert message in str(caught.value)
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert _entries(workspace) == []


def test_a_missing_suite_is_told(workspace: Workspace, repository: Git) -> None:
    (repository.root / SUITE).unlink()
    with pytest.raises(InputError, match="there is no expectation suite"):
        validate.run(workspace, workspace.model("toy"), base=None)


def test_a_base_that_cannot_be_read_is_no_fault_of_the_change(
    workspace: Workspace, repository: Git, commit: Callable[[str], str]
) -> None:
    good = (repository.root / CSV).read_bytes()
    (repository.root / CSV).write_bytes(b"\xff\xfe")
    commit("Break the data")
    (repository.root / CSV).write_bytes(good)
    found, _ = validate.run(workspace, workspace.model("toy"), base=workspace.base("main"))
    assert found.change is None


def test_what_is_known_is_told_without_heavy_libraries(workspace: Workspace) -> None:
    validate.run(workspace, workspace.model("toy"), base=workspace.base(None))
    program = f"""
import sys, time
from pathlib import Path
from rich.console import Console
from slipway.adapters.git import Git
from slipway.adapters.store import open_store
from slipway.screen import Screen
from slipway.settings import Settings
from slipway.stages import validate
from slipway.workspace import Workspace

root = Path({str(workspace.settings.repo)!r})
workspace = Workspace(
    settings=Settings(repo=root, store="", tracking_uri=""), git=Git(root=root),
    store=open_store({workspace.settings.store!r}), screen=Screen(console=Console(stderr=True), quiet=True),
    now=None, clock=time.monotonic,
)
assert validate.run(workspace, workspace.model("toy"), base=workspace.base(None))[1]
heavy = [name for name in ("great_expectations", "numpy", "pandas", "pyarrow") if name in sys.modules]
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_printed_and_no_file_is_written(
    workspace: Workspace, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    validate.run(workspace, workspace.model("toy"), base=None)
    assert capfd.readouterr() == ("", "")
    assert list(elsewhere.iterdir()) == []


def test_validation_reads_as_json(workspace: Workspace) -> None:
    found, _ = validate.run(workspace, workspace.model("toy"), base=None)
    assert json.loads(found.to_json())["model"] == "toy"


def _outside(path: Path) -> None:
    other = path.parents[3] / "outside.csv"
    other.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(other)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nothing.csv")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [_outside, _dangling, _folder, _pipe])
@pytest.mark.parametrize("path", [CSV, SUITE])
def test_what_is_no_file_of_the_repository_is_told_at_once(
    workspace: Workspace, repository: Git, make: Callable[[Path], None], path: str
) -> None:
    make(repository.root / path)
    with pytest.raises(InputError) as caught:
        validate.run(workspace, workspace.model("toy"), base=workspace.base(None))
    assert path in str(caught.value)
    assert _entries(workspace) == []


def test_leakage_and_parquet_rows_are_told_by_row(
    workspace: Workspace, repository: Git, commit: Callable[[str], str]
) -> None:
    table = csv.read_csv(repository.root / CSV)
    model = repository.root / "data/toy"
    _replace(repository, "data/toy/model.toml", 'path = "train.csv"', 'path = "train.parquet"')
    height = table.column("height").to_pylist()
    height[7] = None
    table = table.set_column(1, "height", pa.array(height))
    pq.write_table(table, model / "train.parquet")
    found, _ = validate.run(workspace, workspace.model("toy"), base=workspace.base("main"))
    assert found.data_file == "data/toy/train.parquet"
    assert [row.line for row in found.checks[2].examples] == [8]
    assert found.change is not None
    assert (found.change.rows_added, found.change.rows_removed) == (1, 1)
    commit("Move to Parquet")
    again, _ = validate.run(workspace, workspace.model("toy"), base=workspace.base("main"))
    assert again.change is None
