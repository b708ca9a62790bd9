"""What an engine's jobs call, on a small model whose search needs no Ray: it is refused, faulty, or there already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.bundle.document import Bundle, Plan
from slipway.bundle.rejected import Rejected
from slipway.commands import ci, undone
from slipway.commands.ci import Change
from slipway.errors import ExitCode, InputError, OutsideError
from slipway.outputs import Outputs
from slipway.workspace import Workspace

CHANGE = Change(number=7, head="a" * 40)
NOTHING = Outputs()


def edit(workspace: Workspace, path: str, old: str, new: str) -> None:
    file = workspace.settings.repo / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def plan(workspace: Workspace, folder: Path) -> Plan:
    ci.plan(workspace, CHANGE, folder, NOTHING, base="main")
    return Plan.from_json((folder / "plan" / "plan.json").read_bytes(), "plan")


def test_a_plan_names_the_models_that_a_change_affects(workspace: Workspace, tmp_path: Path) -> None:
    assert plan(workspace, tmp_path / "bundles").models == ()
    edit(workspace, "data/toy/model.toml", "trials = 4", "trials = 6")
    found = plan(workspace, tmp_path / "bundles")
    assert (found.models, found.pull_request, found.head) == (("toy",), 7, "a" * 40)


def test_what_a_merge_does_unjudged_is_handed_on(workspace: Workspace, tmp_path: Path) -> None:
    edit(workspace, "data/toy/model.toml", "[search]", "[serving]\nreplicas = 3\n[search]")
    assert [(one.model, one.act.value) for one in plan(workspace, tmp_path).also] == [("toy", "configure")]
    manifest = workspace.settings.repo / "gitops/models/wine/production/seldon-deployment.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("kind: SeldonDeployment\n")
    told = [(one.model, one.act.value) for one in plan(workspace, tmp_path).also]
    assert told == [("toy", "configure"), ("wine", "edit")]
    shutil.rmtree(workspace.settings.repo / "data/toy")
    assert ("toy", "retire") in [(one.model, one.act.value) for one in plan(workspace, tmp_path).also]


def test_a_refusal_is_handed_on(workspace: Workspace, tmp_path: Path) -> None:
    edit(workspace, "data/toy/model.toml", "trials = 4", "trials = 6")
    manifest = workspace.settings.repo / "gitops/models/toy/production/seldon-deployment.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("kind: SeldonDeployment\n")
    outputs = Outputs(summary=tmp_path / "summary")
    with pytest.raises(InputError, match="refused"):
        ci.plan(workspace, CHANGE, tmp_path, outputs, base="main")
    assert "refused" in (tmp_path / "summary").read_text()
    told = Plan.from_json((tmp_path / "plan" / "plan.json").read_bytes(), "plan")
    assert told.models == ()
    assert "refused" in told.refused


def test_a_fault_of_the_change_is_handed_on(workspace: Workspace, tmp_path: Path) -> None:
    edit(workspace, "data/toy/model.toml", "trials = 4", 'trials = "many"')
    summary = tmp_path / "summary"
    with pytest.raises(InputError, match="trials"):
        ci.review(workspace, "toy", CHANGE, tmp_path, Outputs(summary=summary), base="main", workers=1)
    bundle = Bundle.from_json((tmp_path / "toy" / "bundle.json").read_bytes(), "bundle")
    assert (bundle.report, bundle.is_outside) == (None, False)
    assert "data/toy/model.toml" in bundle.error
    assert "toy" in summary.read_text()
    assert ci.gate(tmp_path, '["toy"]', CHANGE) == ExitCode.BAD_INPUT


@pytest.mark.parametrize("folder", ["toy", "slipway-model-toy"])
def test_the_gate_reads_a_bundle_by_either_engines_name(
    workspace: Workspace, tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.settings.repo / "data/toy/train.csv").write_text("width\n")
    with pytest.raises(InputError):
        ci.review(workspace, "toy", CHANGE, tmp_path / "bundles", NOTHING, base="main", workers=1)
    (tmp_path / "found").mkdir()
    (tmp_path / "bundles" / "toy").rename(tmp_path / "found" / folder)
    assert ci.gate(tmp_path / "found", '["toy"]', None) == ExitCode.BAD_INPUT
    assert capsys.readouterr().out.startswith("toy ")


def test_a_bundle_of_another_change_or_behind_a_link_is_no_review(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.settings.repo / "data/toy/train.csv").write_text("width\n")
    with pytest.raises(InputError):
        ci.review(workspace, "toy", CHANGE, tmp_path, NOTHING, base="main", workers=1)
    other = Change(number=8, head="a" * 40)
    assert ci.gate(tmp_path, '["toy"]', other) == ExitCode.OUTSIDE_FAILED
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "toy").symlink_to(tmp_path / "toy")
    with pytest.raises(Rejected):
        ci.gate(tmp_path / "links", '["toy"]', CHANGE)


def test_a_run_that_was_ended_leaves_no_earlier_answer(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(workspace, "data/toy/model.toml", "trials = 4", 'trials = "many"')
    with pytest.raises(InputError):
        ci.review(workspace, "toy", CHANGE, tmp_path, NOTHING, base="main", workers=1)
    plan(workspace, tmp_path)

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("slipway.pipeline.Pipeline.review", ended)
    monkeypatch.setattr(ci, "to_review", ended)
    with pytest.raises(KeyboardInterrupt):
        ci.review(workspace, "toy", CHANGE, tmp_path, NOTHING, base="main", workers=1)
    with pytest.raises(KeyboardInterrupt):
        plan(workspace, tmp_path)
    assert ci.gate(tmp_path, '["toy"]', CHANGE) == ExitCode.OUTSIDE_FAILED
    assert not (tmp_path / "plan" / "plan.json").exists()


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        ci.gate(tmp_path, '["../toy"]', None)


def test_nothing_planned_speaks_against_nothing(tmp_path: Path) -> None:
    assert ci.gate(tmp_path, "[]", None) == ExitCode.DONE


@pytest.mark.parametrize("planned", ["", "iris", "{}", "[1]", '["iris"'])
def test_a_plan_that_failed_is_no_pass(tmp_path: Path, planned: str) -> None:
    with pytest.raises(InputError, match="no plan"):
        ci.gate(tmp_path, planned, None)


@pytest.mark.parametrize("head", ["", "main", "a" * 39, "A" * 40, f"{'a' * 40}\n", "--help"])
def test_a_head_is_a_whole_commit(head: str) -> None:
    with pytest.raises(InputError, match="no commit"):
        Change.of(1, head)


OUTCOMES: dict[str, tuple[Callable[[], int], int]] = {
    "done": (lambda: ExitCode.DONE, 0),
    "the verdict is no": (lambda: ExitCode.VERDICT_NO, 0),
    "the input is wrong": (lambda: ExitCode.BAD_INPUT, 0),
    "something outside": (lambda: ExitCode.OUTSIDE_FAILED, 3),
}


@pytest.mark.parametrize(("command", "code"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_a_deferred_verdict_fails_no_job(workspace: Workspace, command: Callable[[], int], code: int) -> None:
    assert ci.deferred(command, workspace.screen) == code


def test_a_deferred_fault_is_told_and_a_failure_outside_is_one(workspace: Workspace) -> None:
    def wrong() -> int:
        raise InputError("no such column")

    def outside() -> int:
        raise OutsideError("no S3")

    assert ci.deferred(wrong, workspace.screen) == ExitCode.DONE
    with pytest.raises(OutsideError):
        ci.deferred(outside, workspace.screen)


def left(folder: Path) -> Bundle:
    return Bundle.from_json((folder / "toy" / "bundle.json").read_bytes(), "bundle")


def test_why_a_stage_left_its_work_undone_reaches_the_bundle_of_a_job_that_is_ended_too(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(OutsideError), undone.kept(workspace, "toy", "tune"):
        raise OutsideError("no S3", hint="Ask for it.")
    monkeypatch.setattr("slipway.pipeline.Pipeline.review", ended)
    with pytest.raises(KeyboardInterrupt):
        ci.review(workspace, "toy", CHANGE, tmp_path, NOTHING, base="main", workers=1)
    assert (left(tmp_path).error, left(tmp_path).is_outside) == ("no S3\n  Ask for it.", True)
    assert ci.gate(tmp_path, '["toy"]', CHANGE) == ExitCode.OUTSIDE_FAILED


def test_what_the_second_try_finds_takes_its_place(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), undone.kept(workspace, "toy", "tune"):
        raise KeyboardInterrupt
    edit(workspace, "data/toy/model.toml", "trials = 4", 'trials = "many"')
    with pytest.raises(InputError, match="trials"):
        ci.review(workspace, "toy", CHANGE, tmp_path, NOTHING, base="main", workers=1)
    assert not left(tmp_path).is_outside
    assert "trials" in left(tmp_path).error


def test_the_models_go_to_the_next_jobs(workspace: Workspace, tmp_path: Path) -> None:
    edit(workspace, "data/toy/model.toml", "trials = 4", "trials = 6")
    ci.plan(workspace, CHANGE, tmp_path, Outputs(files={"models": tmp_path / "models"}), base="main")
    assert json.loads((tmp_path / "models").read_text()) == ["toy"]
