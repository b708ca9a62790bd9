"""A pull request from its first run to its merge, and its bad days: real bundles, a store, GitHub over HTTP."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from onnx import ModelProto
from tests import remotes
from tests.github_server import ACTIONS, FakeGitHub, Fault, Pull, Run, archive
from tests.remotes import World

from slipway import reviewed_bytes, trained
from slipway.adapters.git import Git
from slipway.adapters.store import Store, open_store, sha256
from slipway.adapters.tracking import Tracking
from slipway.bundle import graph
from slipway.bundle.document import Bundle
from slipway.commands import forge as commands
from slipway.commands.forge import Asked
from slipway.errors import ExitCode, InputError, OutsideError
from slipway.release.step import Done
from slipway.report.pull_request import marker
from slipway.results import ModelCard
from slipway.screen import Screen
from slipway.settings import Reuse
from slipway.workspace import Workspace

pytestmark = pytest.mark.slow
BRANCH, FORK = "more-rows", "mallory/models"
ARTEFACTS = {"plan": "slipway-plan", "bundle": "slipway-model-toy", "challenger": "slipway-challenger-toy"}

DOCUMENTS = ((ARTEFACTS["plan"], "plan.json"), (ARTEFACTS["bundle"], "bundle.json"))


def slipway(git: Git, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    return subprocess.run(
        [sys.executable, "-m", "slipway", *map(str, arguments), "--repo", str(git.root)],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, **remotes.ENVIRON, **environ},
    )


@dataclass(frozen=True, kw_only=True)
class Made:
    """What the jobs of a pull request left behind, as the real commands made it."""

    world: Path
    head: str
    folder: Path
    outputs: str
    summary: str

    def files(self) -> dict[str, bytes]:
        """The archives of the artefacts, by their names."""
        place = self.folder / "toy"
        challenger = {file.name: file.read_bytes() for file in (place / "challenger").iterdir()}
        return {
            ARTEFACTS["plan"]: archive({"plan.json": (self.folder / "plan" / "plan.json").read_bytes()}),
            ARTEFACTS["bundle"]: archive({"bundle.json": (place / "bundle.json").read_bytes()}),
            ARTEFACTS["challenger"]: archive(challenger),
        }


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A pull request number 1 that gives toy the data B, planned and reviewed by the command line, with no secret."""
    patch = pytest.MonkeyPatch()
    for name, value in remotes.ENVIRON.items():
        patch.setenv(name, value)
    root = tmp_path_factory.mktemp("pull-request")
    world = remotes.copy(remotes.reviewed(tmp_path_factory), root / "world")
    world.release(world.clone())
    world.pull()
    world.person.run("switch", "--quiet", "--create", BRANCH)
    world.write("data/toy/train.csv", remotes.data("D"))
    world.person.run("commit", "--quiet", "--all", "--message=More rows")
    world.person.run("push", "--quiet", "origin", BRANCH)
    head = world.person.run("rev-parse", "HEAD")
    world.person.run("push", "--quiet", "origin", f"{head}:refs/pull/1/head")
    clone = world.clone("run", "--branch", BRANCH)
    outputs, summary, folder, store = root / "outputs", root / "summary.md", root / "bundles", root / "run-store"
    change = ("--pull-request", "1", "--head", head, "--bundle", folder)
    environ = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    copied = slipway(clone, "ci", "champions", "--to", store, "--store", world.store)
    assert copied.returncode == 0, copied.stderr
    planned = slipway(clone, "ci", "plan", *change, **environ)
    assert planned.returncode == 0, planned.stderr
    reviewed = slipway(clone, "ci", "review", "toy", *change, "--store", store, **environ)
    assert reviewed.returncode == 0, reviewed.stderr
    patch.undo()
    return Made(world=world.root, head=head, folder=folder, outputs=outputs.read_text(), summary=summary.read_text())


@pytest.fixture
def world(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(World(root=made.world), tmp_path / "world")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as server:
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def pull(github: FakeGitHub, made: Made) -> Pull:
    return github.state.open_pull(head=made.head, branch=BRANCH)


@pytest.fixture
def run(github: FakeGitHub, pull: Pull, made: Made) -> Run:
    return github.state.add_run(pull, made.files())


def of(run: Run) -> Asked:
    return commands.asked(run.id, None, "", "", None)


def main_of(world: World, **settings: object) -> Workspace:
    return world.workspace(world.clone(f"main-{len(list(world.root.iterdir()))}"), **settings)


def challenger(store: Store, made: Made) -> trained.Trained | None:
    bundle = Bundle.from_json((made.folder / "toy" / "bundle.json").read_bytes(), "bundle")
    assert bundle.report is not None
    return trained.load(store, "toy", bundle.report.key)


def changed(content: bytes, name: str, edit: Mapping[str, object]) -> bytes:
    """An archive whose document says something else."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return archive({name: json.dumps({**json.loads(packed.read(name)), **edit}).encode()})


# ---- good days


def test_the_jobs_hand_on_what_the_next_ones_need(made: Made) -> None:
    assert made.outputs == 'models=["toy"]\n'
    assert "promote" in made.summary
    gate = [sys.executable, "-m", "slipway", "ci", "gate", str(made.folder), "--models", '["toy"]']
    passed = subprocess.run(gate, capture_output=True, text=True, check=False)
    assert (passed.returncode, "promote" in passed.stdout) == (0, True)
    missing = subprocess.run([*gate[:-1], '["toy", "iris"]'], capture_output=True, text=True, check=False)
    assert missing.returncode == ExitCode.OUTSIDE_FAILED
    unplanned = subprocess.run([*gate[:-1], ""], capture_output=True, text=True, check=False)
    assert unplanned.returncode == ExitCode.BAD_INPUT


def test_one_comment_tells_that_it_runs_and_then_what_was_found(
    github: FakeGitHub, pull: Pull, run: Run, made: Made
) -> None:
    run.status, run.conclusion = "in_progress", None
    assert commands.running(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "promote" not in comment.body
    (check,) = github.state.checks_of(made.head)
    assert check.status == "in_progress"

    run.status, run.conclusion = "completed", "success"
    assert commands.report(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "✅ promote: toy" in comment.body
    assert comment.author == ACTIONS
    (check,) = github.state.checks_of(made.head)
    assert (check.status, check.conclusion) == ("completed", "success")

    before = comment.body
    assert commands.report(of(run)) == ExitCode.DONE
    assert [comment.body for comment in github.state.said(pull)] == [before]
    assert len(github.state.checks_of(made.head)) == 1


def test_what_was_reviewed_is_what_a_merge_ships(
    github: FakeGitHub, run: Run, made: Made, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert github.state.runs
    store = open_store(str(world.store))
    assert challenger(store, made) is None
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    kept = challenger(store, made)
    assert kept is not None
    assert kept.onnx == (made.folder / "toy" / "challenger" / "model.onnx").read_bytes()

    merge(world)
    monkeypatch.setattr("slipway.stages.tune.run", None)
    (step,) = world.release(world.clone("merge"))
    assert (step.done, step.key, step.trained) == (Done.COMMITTED, kept.card.key, False)


def test_a_change_that_affects_no_model_leaves_no_comment(github: FakeGitHub, pull: Pull, made: Made) -> None:
    nothing = {"version": 1, "pull_request": 1, "head": made.head, "models": [], "refused": ""}
    run = github.state.add_run(pull, {ARTEFACTS["plan"]: archive({"plan.json": json.dumps(nothing).encode()})})
    commands.running(of(run))
    assert commands.report(of(run)) == ExitCode.DONE
    assert github.state.said(pull) == []
    assert [check.conclusion for check in github.state.checks_of(made.head)] == ["success"]


def test_another_engine_hands_on_a_folder(github: FakeGitHub, pull: Pull, made: Made, world: World) -> None:
    asked = commands.asked(None, pull.number, made.head, "https://tekton.example/run", made.folder)
    assert commands.running(replace(asked, folder=None)) == ExitCode.DONE
    assert commands.report(asked) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "✅ promote: toy" in comment.body
    assert [check.conclusion for check in github.state.checks_of(made.head)] == ["success"]
    assert commands.keep(main_of(world), asked) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is not None


# ---- bad days


def test_nobody_names_a_model_by_another_changes_key(github: FakeGitHub, made: Made, world: World) -> None:
    """A pull request that is reviewed slowly, and another one whose run hands on a model under the first one's key."""
    world.person.run("switch", "--quiet", "main")
    (world.person.root / "notes").write_text("harmless")
    world.person.run("add", "notes")
    world.person.run("commit", "--quiet", "--message=Notes")
    head = world.person.run("rev-parse", "HEAD")
    world.person.run("push", "--quiet", "origin", f"{head}:refs/pull/1/head", "--force")
    pull = github.state.open_pull(head=head, branch="notes")
    files = made.files()
    lies = {artefact: changed(files[artefact], name, {"head": head}) for artefact, name in DOCUMENTS}
    run = github.state.add_run(pull, {**files, **lies})
    assert commands.keep(main_of(world), of(run)) == ExitCode.BAD_INPUT
    assert challenger(open_store(str(world.store)), made) is None


def test_what_a_fork_trained_is_shown_and_never_kept(github: FakeGitHub, made: Made, world: World) -> None:
    pull = github.state.open_pull(head=made.head, branch=BRANCH, repository=FORK)
    run = github.state.add_run(pull, made.files())
    assert commands.report(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "fork" in comment.body
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is None


def test_a_repository_can_ask_for_the_same_of_its_own_branches(run: Run, made: Made, world: World) -> None:
    assert commands.keep(main_of(world, reuse=Reuse.NEVER), of(run)) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is None


def forged(made: Made, **edit: object) -> dict[str, bytes]:
    """The artefacts with another model: its leaves say one per cent more, and all that names it agrees."""
    files = made.files()
    with zipfile.ZipFile(io.BytesIO(files[ARTEFACTS["challenger"]])) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    model = ModelProto.FromString(contents["model.onnx"])
    (trees,) = [node for node in model.graph.node if node.op_type in graph._OWN]
    for attribute in trees.attribute:
        if attribute.name in {"class_weights", "target_weights"}:
            attribute.floats[:] = [1.01 * weight for weight in attribute.floats]
    card = ModelCard.from_json(contents["model.json"], "card")
    attributes = graph._attributes(trees)
    assert attributes is not None
    onnx = graph._exported(model, trees.op_type, attributes, card)
    assert onnx is not None
    assert onnx != contents["model.onnx"]
    told = card.model_copy(update={"onnx_sha256": sha256(onnx), "onnx_bytes": len(onnx)})
    files[ARTEFACTS["challenger"]] = archive({"model.onnx": onnx, "model.json": told.to_json()})
    bundle = json.loads((made.folder / "toy" / "bundle.json").read_text()) | edit
    bundle["report"]["card"] = json.loads(told.to_json())
    bundle["report"]["comparison"]["challenger_bytes"] = len(onnx)
    files[ARTEFACTS["bundle"]] = archive({"bundle.json": json.dumps(bundle).encode()})
    files[ARTEFACTS["plan"]] = changed(files[ARTEFACTS["plan"]], "plan.json", edit)
    return files


def test_two_models_of_one_key_are_an_alarm_and_neither_is_released(
    github: FakeGitHub, pull: Pull, run: Run, made: Made, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Screen, "say", lambda _, message: said.append(message))
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    first = challenger(open_store(str(world.store)), made)
    second = github.state.add_run(pull, forged(made))
    assert commands.keep(main_of(world), of(second)) == ExitCode.BAD_INPUT
    assert "not released until somebody says which" in said[-1]
    assert challenger(open_store(str(world.store)), made) == first
    merge(world)
    (step,) = world.release(world.clone("merge"))
    assert step.done is Done.FAILED
    assert "another model of this key" in step.reasons[0]


def merge(world: World) -> None:
    world.person.run("switch", "--quiet", "main")
    world.person.run("merge", "--quiet", "--no-ff", "--message=Merge more rows", BRANCH)
    world.push()


def test_what_another_code_than_mains_trained_is_not_shipped(
    github: FakeGitHub, run: Run, made: Made, world: World
) -> None:
    """A pull request with the same data and code of its own, which is never merged, comes first."""
    world.person.run("switch", "--quiet", BRANCH)
    world.write("src/slipway/stages/tune.py", "forge()\n")
    world.person.run("add", "--all")
    world.person.run("commit", "--quiet", "--message=Speed up")
    head = world.person.run("rev-parse", "HEAD")
    world.person.run("push", "--quiet", "origin", f"{head}:refs/pull/2/head")
    world.person.run("reset", "--quiet", "--hard", "HEAD^")
    evil = github.state.open_pull(head=head, branch="evil")
    first = github.state.add_run(evil, forged(made, pull_request=2, head=head))
    assert commands.keep(main_of(world), of(first)) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is None
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    kept = challenger(open_store(str(world.store)), made)
    assert kept is not None
    assert kept.onnx == (made.folder / "toy" / "challenger" / "model.onnx").read_bytes()


def test_what_is_not_to_be_merged_into_main_is_not_kept(github: FakeGitHub, made: Made, world: World) -> None:
    pull = github.state.open_pull(head=made.head, branch=BRANCH, base="experiment")
    run = github.state.add_run(pull, made.files())
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is None


def test_mlflow_has_nothing_of_what_a_fork_trained(
    github: FakeGitHub, made: Made, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Tracking, "start", never)
    pull = github.state.open_pull(head=made.head, branch=BRANCH, repository=FORK)
    run = github.state.add_run(pull, made.files())
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE


def test_an_earlier_attempts_answer_is_not_told_of_one_that_failed(github: FakeGitHub, pull: Pull, made: Made) -> None:
    run = github.state.add_run(pull, made.files(), attempt=2, conclusion="failure")
    assert commands.report(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "promote" not in comment.body
    assert "run it again" in comment.body
    assert [check.conclusion for check in github.state.checks_of(made.head)] == ["failure"]


def test_a_run_that_goes_on_is_not_told_as_done(github: FakeGitHub, pull: Pull, made: Made) -> None:
    run = github.state.add_run(pull, made.files(), status="in_progress", conclusion=None)
    assert commands.report(of(run)) == ExitCode.DONE
    assert github.state.said(pull) == []
    assert not github.state.checks


def test_a_strangers_run_is_told_once_a_maintainer_has_let_it_begin(
    github: FakeGitHub, made: Made, world: World
) -> None:
    """Till then GitHub has it as completed: https://docs.github.com/en/actions/how-tos/manage-workflow-runs/approve-runs-from-forks."""
    pull = github.state.open_pull(head=made.head, branch=BRANCH, repository=FORK)
    run = github.state.add_run(pull, {}, conclusion="action_required")
    for tell in (commands.running, commands.report):
        assert tell(of(run)) == ExitCode.DONE
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert github.state.said(pull) == []
    assert not github.state.checks

    run.status, run.conclusion = "in_progress", None
    assert commands.running(of(run)) == ExitCode.DONE
    assert [check.status for check in github.state.checks_of(made.head)] == ["in_progress"]


def test_results_for_an_older_commit_are_dropped(github: FakeGitHub, pull: Pull, run: Run, world: World) -> None:
    github.state.push(pull, "f" * 40)
    assert commands.report(of(run)) == ExitCode.DONE
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert github.state.said(pull) == []
    assert not github.state.checks


def test_two_pushes_within_a_second_tell_of_the_newer(github: FakeGitHub, pull: Pull, made: Made) -> None:
    older = github.state.add_run(pull, made.files())
    newer = github.state.add_run(pull, made.files())
    assert commands.report(of(newer)) == ExitCode.DONE
    told = github.state.said(pull)[0].body
    assert commands.report(of(older)) == ExitCode.DONE
    assert commands.running(of(older)) == ExitCode.DONE
    assert [comment.body for comment in github.state.said(pull)] == [told]
    assert [check.external_id for check in github.state.checks_of(made.head)] == [f"{newer.id}.1"]
    said = marker(told)
    assert said is not None
    assert said.run == f"{newer.id}.1"


def test_a_run_that_was_cancelled_says_so_unless_a_newer_one_has_spoken(
    github: FakeGitHub, pull: Pull, run: Run, made: Made, world: World
) -> None:
    run.conclusion = "cancelled"
    commands.running(of(run))
    assert commands.report(of(run)) == ExitCode.DONE
    assert "cancelled" in github.state.said(pull)[0].body
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert challenger(open_store(str(world.store)), made) is None
    newer = github.state.add_run(pull, made.files())
    commands.report(of(newer))
    commands.report(of(run))
    assert "cancelled" not in github.state.said(pull)[0].body


def test_an_event_that_comes_twice_changes_nothing(github: FakeGitHub, pull: Pull, run: Run, world: World) -> None:
    for _ in range(2):
        assert commands.report(of(run)) == ExitCode.DONE
        assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    assert len(github.state.said(pull)) == 1
    assert len(github.state.checks) == 1


LIES = {
    "another pull request's number": (ARTEFACTS["plan"], "plan.json", {"pull_request": 2}),
    "another commit": (ARTEFACTS["plan"], "plan.json", {"head": "e" * 40}),
    "a model that climbs": (ARTEFACTS["plan"], "plan.json", {"models": ["../../etc"]}),
    "a bundle of another pull request": (ARTEFACTS["bundle"], "bundle.json", {"pull_request": 2}),
    "a bundle with more in it": (ARTEFACTS["bundle"], "bundle.json", {"html": "<script>"}),
}


@pytest.mark.parametrize(("artefact", "name", "edit"), LIES.values(), ids=LIES.keys())
def test_lies_are_refused_and_said_so(
    github: FakeGitHub, pull: Pull, made: Made, world: World, artefact: str, name: str, edit: Mapping[str, object]
) -> None:
    victim = github.state.open_pull(branch="victim")
    files = made.files()
    run = github.state.add_run(pull, {**files, artefact: changed(files[artefact], name, edit)})
    assert commands.report(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "❌" in comment.body
    assert "script" not in comment.body
    assert github.state.said(victim) == []
    assert [check.conclusion for check in github.state.checks_of(made.head)] == ["failure"]
    assert commands.keep(main_of(world), of(run)) == ExitCode.BAD_INPUT
    assert challenger(open_store(str(world.store)), made) is None


@pytest.mark.parametrize("size", [2 * 2**30, None])
def test_a_huge_artefact_is_not_read(
    github: FakeGitHub, pull: Pull, made: Made, world: World, size: int | None
) -> None:
    """Of 2 GB as GitHub says; and one that GitHub says is small and whose content is not."""
    run = github.state.add_run(pull, {**made.files(), ARTEFACTS["bundle"]: b""})
    (artefact,) = [one for one in github.state.artifacts.values() if one.run == run.id and "model-" in one.name]
    artefact.size = size or 1000
    artefact.content = b"" if size else b"x" * (40 * 2**20)
    assert commands.report(of(run)) == ExitCode.DONE
    (comment,) = github.state.said(pull)
    assert "rejected" in comment.body
    assert commands.keep(main_of(world), of(run)) == ExitCode.BAD_INPUT


def test_a_comment_that_cannot_be_written_is_no_verdict(
    github: FakeGitHub, pull: Pull, run: Run, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    github.state.denied |= {"issues=write", "pull_requests=write"}
    assert commands.report(of(run)) == ExitCode.DONE
    assert github.state.said(pull) == []
    assert [check.conclusion for check in github.state.checks_of(made.head)] == ["success"]
    assert "pull" in capsys.readouterr().err


def test_a_check_that_cannot_be_made_fails_the_job_after_the_comment(github: FakeGitHub, pull: Pull, run: Run) -> None:
    github.state.denied |= {"checks=write"}
    with pytest.raises(OutsideError, match="checks"):
        commands.report(of(run))
    assert "promote" in github.state.said(pull)[0].body


def test_github_that_is_down_loses_nothing(
    github: FakeGitHub, pull: Pull, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    fault = Fault.server_error(times=10_000, status=503)
    github.faults.append(fault)
    with pytest.raises(OutsideError):
        commands.report(of(run))
    assert sum(slept) < 15 * 60
    fault.times = 0
    assert commands.report(of(run)) == ExitCode.DONE
    assert len(github.state.said(pull)) == 1


def test_an_answer_that_was_lost_makes_no_second_comment(github: FakeGitHub, pull: Pull, run: Run) -> None:
    github.faults.append(Fault.lost("POST", "/comments"))
    commands.report(of(run))
    commands.report(of(run))
    assert len(github.state.said(pull)) == 1


def test_no_token_is_ever_shown(github: FakeGitHub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    token = os.environ["GITHUB_TOKEN"]
    github.faults.append(Fault.refused(status=401, message=f"Bad credentials {token}"))
    with pytest.raises(OutsideError) as failed:
        commands.report(of(run))
    shown = capsys.readouterr()
    assert token not in str(failed.value) + shown.out + shown.err


def test_a_run_of_another_workflow_is_not_ours(github: FakeGitHub, pull: Pull, made: Made) -> None:
    run = github.state.add_run(pull, made.files(), path=".github/workflows/evil.yml")
    with pytest.raises(InputError, match="none of"):
        commands.report(of(run))


def test_a_claim_of_the_same_bytes_is_remembered(github: FakeGitHub, made: Made, world: World) -> None:
    """The merge of a fork's change trains again, and says whether the bytes came out the same."""
    pull = github.state.open_pull(head=made.head, branch=BRANCH, repository=FORK)
    run = github.state.add_run(pull, made.files())
    assert commands.keep(main_of(world), of(run)) == ExitCode.DONE
    bundle = Bundle.from_json((made.folder / "toy" / "bundle.json").read_bytes(), "bundle")
    assert bundle.report is not None
    assert bundle.report.card is not None
    store, digest = open_store(str(world.store)), bundle.report.card.onnx_sha256
    same, other = (reviewed_bytes.check(store, "toy", bundle.report.key, one) for one in (digest, "0" * 64))
    assert same != other
