"""The command line: help that reads like documentation, one message for each fault, the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from slipway.adapters.git import Git
from slipway.cli import app, guarded
from slipway.errors import ExitCode, InputError, OutsideError, StoreError

COMMANDS = ("run", "plan", "key", "validate", "tune", "compare", "report", "new", "schema", "data", "ci")


def slipway(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "slipway", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_help_names_every_command_and_exit_code() -> None:
    shown = slipway("--help").stdout
    assert all(f" {command} " in shown for command in COMMANDS)
    assert all(text in shown for text in ("Exit codes", "2 the input is wrong", "SLIPWAY_STORE"))


def test_every_option_of_every_command_is_described() -> None:
    group = typer.main.get_command(app)
    subcommands = [one for name in ("ci", "data") for one in group.commands[name].commands.values()]  # type: ignore[attr-defined]
    commands = [group, *group.commands.values(), *subcommands]  # type: ignore[attr-defined]
    bare = {f"{command.name} {p.name}" for command in commands for p in command.params if not getattr(p, "help", None)}
    assert not bare
    assert all(command.help for command in commands)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no"), ExitCode.BAD_INPUT),
        (OutsideError("no"), ExitCode.OUTSIDE_FAILED),
        (StoreError("no"), ExitCode.OUTSIDE_FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError(), ExitCode.OUTSIDE_FAILED),
    ],
)
def test_each_failure_has_its_exit_code(
    error: BaseException, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert guarded(fail) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "slipway: " in said.err
    assert ("Traceback" in said.err) is isinstance(error, ZeroDivisionError)


def test_an_interrupt_that_the_parser_caught_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: int(ExitCode.INTERRUPTED)) == ExitCode.INTERRUPTED
    assert "the same command goes on where it was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nope"], "there is no model 'nope'"),
        (["run", "../toy"], "cannot name a model"),
        (["run", "toy", "--base", "nope"], "'nope' is not a commit"),
        (["run", "toy", "--base", "--output=x"], "is not a commit"),
        (["run", "toy", "--trials", "0"], "--trials"),
        (["run", "toy", "--store", "gs://bucket"], "gs://"),
        (["key", "toy", "--at", "HEAD~99"], "is not a commit"),
        (["plan", "--bas"], "--bas"),
        (["compare", "toy"], "has no challenger yet"),
        (["report", "toy"], "has no challenger yet"),
        (["validate"], "MODEL"),
    ],
)
def test_what_a_user_got_wrong_is_one_message(repository: Git, arguments: list[str], said: str) -> None:
    done = slipway(*arguments, "--repo", repository.root)
    assert done.returncode == ExitCode.BAD_INPUT, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_json_is_one_document_on_standard_output(repository: Git) -> None:
    done = slipway("plan", "--json", "--repo", repository.root)
    assert json.loads(done.stdout)["models"][0]["effect"] == "none"
    done = slipway("key", "toy", "--json", "--repo", repository.root)
    assert json.loads(done.stdout)["data"].startswith("sha256:")


def test_the_key_of_a_commit_needs_no_checkout(repository: Git) -> None:
    now = slipway("key", "toy", "--repo", repository.root).stdout
    (repository.root / "data/toy/train.csv").unlink()
    assert slipway("key", "toy", "--at", "HEAD", "--repo", repository.root).stdout == now


def test_no_colour_reaches_a_pipe(repository: Git) -> None:
    done = slipway("run", "nope", "--repo", repository.root)
    assert "\x1b" not in done.stderr


def test_a_reader_that_has_enough_is_no_failure(repository: Git) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "slipway", "plan", "--repo", repository.root],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert process.returncode == ExitCode.DONE
    assert process.stderr == ""


def test_a_folder_that_is_no_repository_still_has_keys(tmp_path: Path, repository: Git) -> None:
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(repository.root, bare, ignore=shutil.ignore_patterns(".git"))
    assert slipway("plan", "--repo", bare).stdout.split()[:2] == ["toy", "retrain"]


def test_the_schema_is_written_once(repository: Git) -> None:
    assert slipway("schema", "--check", "--repo", repository.root).returncode == ExitCode.BAD_INPUT
    assert slipway("schema", "--repo", repository.root).returncode == ExitCode.DONE
    assert slipway("schema", "--check", "--repo", repository.root).returncode == ExitCode.DONE


def test_results_that_are_committed_are_not_believed(repository: Git, commit: Callable[[str], str]) -> None:
    forged = repository.root / ".slipway/store/toy/key/challenger/model.onnx"
    forged.parent.mkdir(parents=True)
    forged.write_bytes(b"forged")
    repository.run("add", "--force", ".slipway")
    commit("Slip something in")
    done = slipway("run", "toy", "--repo", repository.root)
    assert done.returncode == ExitCode.BAD_INPUT
    assert ".slipway/ is committed here" in done.stderr


def test_a_clone_without_main_is_told_to_fetch_it(repository: Git) -> None:
    repository.run("branch", "--move", "feature")
    done = slipway("plan", "--repo", repository.root)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "git fetch origin main" in done.stderr
    assert slipway("plan", "--base", "HEAD", "--repo", repository.root).returncode == ExitCode.DONE


def test_a_folder_inside_of_a_repository_is_no_repository(repository: Git) -> None:
    done = slipway("plan", "--repo", repository.root / "data")
    assert done.returncode == ExitCode.BAD_INPUT
    assert "inside of a repository" in done.stderr


def test_one_faulty_model_does_not_hide_the_others_from_the_plan(repository: Git) -> None:
    other = repository.root / "data/other"
    other.mkdir()
    (other / "model.toml").write_text("[data")
    done = slipway("plan", "--repo", repository.root)
    assert done.returncode == ExitCode.BAD_INPUT
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["other", "faulty"], ["toy", "none"]]


def test_a_ray_job_that_is_not_there_is_told_though_nothing_is_left_to_search() -> None:
    done = slipway("tune", "iris", "--ray-job", "nowhere.yaml")
    assert (done.returncode, "nowhere.yaml" in done.stderr) == (ExitCode.BAD_INPUT, True)
