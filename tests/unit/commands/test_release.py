"""`slipway release` and `promote` as people run them: what they print, and how they end when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.store import Files, Store
from slipway.adapters.store_folder import Folder
from slipway.commands.release import release
from slipway.errors import ExitCode, InputError, StoreError, UnreachableError
from slipway.outputs import Outputs
from slipway.release.until import Until
from slipway.release.wanting import MOST_AT_ONCE, at_once
from slipway.workspace import Workspace

MANIFEST = "gitops/models/toy/production/seldon-deployment.yaml"
UNREACHABLE = "sqlite:////nowhere/mlflow.db"
"""No server is asked: these tests are about Git."""
WORKFLOW = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


@pytest.fixture
def clone(world: World) -> Git:
    return world.clone()


def slipway(world: World, git: Git, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {"SLIPWAY_STORE": str(world.store), "MLFLOW_TRACKING_URI": UNREACHABLE, **environ}
    return subprocess.run(
        [sys.executable, "-m", "slipway", *arguments, "--repo", git.root],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **own},
    )


def test_the_happy_path_as_people_and_programs_see_it(world: World, clone: Git) -> None:
    key = world.workspace(clone).model("toy").key
    done = slipway(world, clone, "release")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{world.main()[:8]} release(toy): {key[:8]} 100%\n"
    assert "toy: committed, " in done.stderr
    idle = slipway(world, clone, "release")
    assert (idle.returncode, idle.stdout) == (0, "")
    assert "Nothing to do: main is what its history asks for." in idle.stderr
    world.give("B")
    document = json.loads(slipway(world, clone, "release", "--json").stdout)
    (step,) = document["steps"]
    assert {"model": "toy", "wanted": "release", "done": "committed", "commit": world.main()}.items() <= step.items()
    promoted = slipway(world, clone, "promote", "toy")
    assert promoted.stdout == f"{world.main()[:8]} promote(toy): {step['key'][:8]} 100%\n"


def test_a_verdict_of_no_is_exit_code_1(world: World, clone: Git) -> None:
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    tip = world.commit("Ask for more")
    done = slipway(world, clone, "release")
    assert (done.returncode, done.stdout) == (1, "")
    assert "toy: ❌ not released: the verdict is block" in done.stderr
    assert world.main() == tip
    (step,) = json.loads(slipway(world, clone, "release", "--json").stdout)["steps"]
    assert step["done"] == "refused"


def hook(world: World, name: str, script: str) -> None:
    file = world.remote / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def declines(world: World, _: Git) -> None:
    hook(world, "pre-receive", "echo 'not on a Friday' >&2; exit 1")


def protects_main(world: World, _: Git) -> None:
    hook(world, "update", 'test "$1" != refs/heads/main')


def is_gone(world: World, clone: Git) -> None:
    clone.run("remote", "set-url", "origin", str(world.root / "nowhere.git"))


def has_no_main(world: World, _: Git) -> None:
    world.bare("branch", "--move", "main", "trunk")


def manifest_is_broken(world: World, _: Git) -> None:
    world.write(MANIFEST, "kind: [\n")
    world.commit("Break the manifest")


def spec_is_broken(world: World, _: Git) -> None:
    world.write("data/toy/model.toml", remotes.MODEL_TOML.replace('metric = "log_loss"', 'metric = "loss"'))
    world.commit("Break the spec")


def has_no_remote_and_local_edits(world: World, clone: Git) -> None:
    clone.run("remote", "remove", "origin")
    (clone.root / MANIFEST).parent.mkdir(parents=True)
    (clone.root / MANIFEST).write_text("mine\n")
    assert world


def is_shallow_and_alone(world: World, clone: Git) -> None:
    shutil.rmtree(clone.root)
    world.give("B")
    world.clone("clone", "--depth=1").run("remote", "remove", "origin")


def is_bare(world: World, clone: Git) -> None:
    shutil.rmtree(clone.root)
    shutil.copytree(world.remote, clone.root)


def is_no_repository(_: World, clone: Git) -> None:
    shutil.rmtree(clone.root / ".git")


def lost_the_model(world: World, _: Git) -> None:
    for file in (world.store / "toy").glob("*/challenger/model.onnx"):
        file.unlink()


def damaged_the_image_index(world: World, _: Git) -> None:
    world.images.mkdir()
    (world.images / "index.json").write_text("{")


FAULTS: list[tuple[Callable[[World, Git], None], int, str, str]] = [
    (declines, 3, "origin refuses the push", "not on a Friday"),
    (protects_main, 3, "origin refuses the push", "set SLIPWAY_LANDING=branch"),
    (is_gone, 3, "git fetch failed", "may you read origin?"),
    (has_no_main, 3, "git fetch failed", "Is there a branch main"),
    (manifest_is_broken, 2, "seldon-deployment.yaml:", ""),
    (spec_is_broken, 2, "data/toy/model.toml:10: [search] metric", "not 'loss'"),
    (has_no_remote_and_local_edits, 3, "would be overwritten by merge", "set aside your changes of gitops/"),
    (is_shallow_and_alone, 3, "this clone is shallow", "without --depth"),
    (is_bare, 2, "is a bare repository", "Run slipway in a clone of it"),
    (is_no_repository, 2, "no Git repository with a commit", "Run slipway in a clone"),
    (lost_the_model, 3, "the store has lost", "Delete toy/"),
    (damaged_the_image_index, 3, "is no index of images", "Delete it"),
]


@pytest.mark.parametrize(("fault", "code", "what", "hint"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_a_fault_is_one_message_and_changes_nothing(
    world: World, clone: Git, fault: Callable[[World, Git], None], code: int, what: str, hint: str
) -> None:
    fault(world, clone)
    before = world.bare("for-each-ref")
    done = slipway(world, clone, "release")
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count(what) == 1, done.stderr
    assert hint in done.stderr
    assert world.bare("for-each-ref") == before


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SLIPWAY_LANDING": "nonsense"}, "It is push (the default) or branch."),
        ({"SLIPWAY_ENVIRONMENT": "../etc"}, "cannot name an environment"),
        ({"SLIPWAY_STORE": "ftp://somewhere"}, "a store cannot be at ftp://"),
    ],
)
def test_what_the_environment_says_wrongly_is_exit_code_2(
    world: World, clone: Git, environ: dict[str, Any], said: str
) -> None:
    done = slipway(world, clone, "release", **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_one_faulty_model_does_not_keep_the_others(world: World, clone: Git) -> None:
    world.add("other")
    world.write("data/toy/model.toml", "[model\n")
    world.commit("Add one, break the other")
    done = slipway(world, clone, "release")
    assert done.returncode == 2
    assert "release(other)" in done.stdout
    assert "data/toy/model.toml:1" in done.stderr


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs.of(
        {"GITHUB_OUTPUT": str(tmp_path / "github")}, image_url=tmp_path / "url", image_digest=tmp_path / "digest"
    )


def land(workspace: Workspace, *models: str, until: Until = Until.COMMIT, outputs: Outputs | None = None) -> int:
    return release(workspace, models, workers=1, as_json=False, until=until, outputs=outputs)


def test_the_next_job_is_told_the_image(
    world: World, clone: Git, outputs: Outputs, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = world.workspace(clone, tracking_uri=UNREACHABLE)
    url, digest = outputs.files["image-name"], outputs.files["image-digest"]
    assert land(workspace, "toy", until=Until.VERDICT, outputs=outputs) == 0
    assert (url.read_text(), digest.read_text()) == ("", "")
    assert (outputs.github or url).read_text().endswith("image-by-this-workflow=false\n")
    own = world.workspace(clone, tracking_uri=UNREACHABLE, workflow=WORKFLOW)
    assert land(own, "toy", until=Until.IMAGE, outputs=outputs) == 0
    assert capsys.readouterr().out == "", "nothing was committed"
    assert url.read_text() == "localhost/slipway/toy"
    image = f"{url.read_text()}@{digest.read_text()}"
    lines = (outputs.github or url).read_text().splitlines()
    named = [f"image-name={url.read_text()}", f"image-digest={digest.read_text()}"]
    assert lines[-3:] == [*named, "image-by-this-workflow=true"]
    assert land(own, "toy", until=Until.IMAGE, outputs=outputs) == 0
    lines = (outputs.github or url).read_text().splitlines()
    assert lines[-3:] == [*named, "image-by-this-workflow=true"], "by an earlier run of it"
    for other in (workspace, world.workspace(clone, tracking_uri=UNREACHABLE, workflow=f"{WORKFLOW}2")):
        assert land(other, "toy", until=Until.IMAGE, outputs=outputs) == 0
        lines = (outputs.github or url).read_text().splitlines()
        assert lines[-3:] == [*named, "image-by-this-workflow=false"], "and nobody else says so"
    assert land(workspace, "toy", outputs=outputs) == 0
    assert image.encode() in (world.manifest() or b"")
    assert f"{image.rpartition('@')[0]}@{digest.read_text()}" == image


@pytest.mark.parametrize("broken", ["*/shown", "*/image-*"])
def test_an_image_that_is_recorded_is_handed_on_whatever_fails_afterwards(
    world: World, clone: Git, outputs: Outputs, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """So it is signed: the next job finds the record, and commits it."""
    workspace = world.workspace(clone, tracking_uri=UNREACHABLE)

    class Failing(Folder):
        """A bucket that does not answer once an image was pushed."""

        def sums(self, folder: str) -> bytes | None:
            if fnmatch(folder, broken) and world.images.exists():
                raise StoreError("the store does not answer")
            return super().sums(folder)

        def write_entry(self, folder: str, files: Files) -> bool:
            written = super().write_entry(folder, files)
            if fnmatch(folder, broken):
                raise StoreError("the store does not answer")
            return written

    failing = replace(workspace, store=Store(backend=Failing.at(str(world.store))))
    failing = replace(failing, settings=replace(workspace.settings, workflow=WORKFLOW))
    assert land(failing, "toy", until=Until.IMAGE, outputs=outputs) == ExitCode.OUTSIDE_FAILED
    assert outputs.github
    assert outputs.github.read_text().endswith("\nimage-by-this-workflow=true\n")
    image = "@".join(outputs.files[name].read_text() for name in ("image-name", "image-digest"))
    monkeypatch.setattr("slipway.adapters.image.Layout.build", None)
    assert land(workspace, "toy") == 0
    assert image.encode() in (world.manifest() or b"")


def test_who_lands_what_others_built_says_what_is_left(world: World, clone: Git) -> None:
    unbuilt = slipway(world, clone, "release", "--from", "image")
    assert (unbuilt.returncode, unbuilt.stdout) == (ExitCode.OUTSIDE_FAILED, "")
    assert "has no image, and nothing is built here" in unbuilt.stderr
    late = world.give("B")
    done = slipway(world, clone, "release", "--from", "image")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"toy: later: {late[:8]} " in done.stderr
    no = slipway(world, clone, "release", "--from", "image", "--until", "image")
    assert no.returncode == ExitCode.BAD_INPUT
    assert "--from image commits, and --until image commits nothing" in no.stderr


def test_who_lands_what_others_built_lands_what_they_signed(world: World, clone: Git, tmp_path: Path) -> None:
    signed = tmp_path / "signed"
    built = json.loads(slipway(world, clone, "release", "--until", "image", "--json").stdout)["steps"][0]["image"]
    unsigned = slipway(world, clone, "release", "--from", "image", "--signed", str(signed))
    assert (unsigned.returncode, unsigned.stdout) == (ExitCode.OUTSIDE_FAILED, "")
    assert "which was not signed by this run" in unsigned.stderr
    signed.mkdir()
    (signed / "toy").write_text("toy:latest\n")
    for command in ("release", "--from", "image"), ("rebuild",):
        hostile = slipway(world, clone, *command, "--signed", str(signed))
        assert hostile.returncode == ExitCode.BAD_INPUT
        assert "toy:1: no image by its digest" in hostile.stderr
    (signed / "toy").write_text(f"{built}\n")
    assert slipway(world, clone, "release", "--from", "image", "--signed", str(signed)).returncode == 0
    assert built.encode() in (world.manifest() or b"")
    alone = slipway(world, clone, "release", "--signed", str(signed))
    assert alone.returncode == ExitCode.BAD_INPUT
    assert "Commit that: --from image" in alone.stderr


def test_one_image_is_asked_of_one_model(world: World, clone: Git, outputs: Outputs) -> None:
    workspace = world.workspace(clone, tracking_uri=UNREACHABLE)
    for models in ((), ("toy", "other")):
        with pytest.raises(InputError, match="are of one image"):
            land(workspace, *models, until=Until.IMAGE, outputs=outputs)
    assert land(workspace, until=Until.VERDICT, outputs=replace(outputs, files={})) == 0
    assert outputs.github
    assert outputs.github.read_text() == "images=[]\n"


def test_the_next_job_is_told_what_landed_before_main_was_lost(
    world: World, clone: Git, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("other")
    world.commit("Add other")
    workspace = world.workspace(clone, tracking_uri=UNREACHABLE)
    land_it = MainBranch.land

    def once(self: MainBranch, commit: str, parent: str) -> bool:
        landed = land_it(self, commit, parent)
        clone.run("remote", "set-url", "origin", str(world.root / "nowhere.git"))
        return landed

    monkeypatch.setattr(MainBranch, "land", once)
    with pytest.raises(UnreachableError):
        land(workspace, outputs=replace(outputs, files={}))
    assert world.log("%s")[0].startswith("release(other)")
    assert outputs.github
    (image,) = json.loads(outputs.github.read_text().partition("images=")[2])
    assert image["name"] == "localhost/slipway/other"


def test_more_models_than_an_engine_runs_jobs_come_with_the_next_run() -> None:
    said: list[str] = []
    names = [f"m{number:03}" for number in range(MOST_AT_ONCE + 2)]
    assert at_once(reversed(names), said.append) == names[:256]
    assert "258 models are wanted, and no engine runs more than 256 jobs at once: from m256 on" in said[0]
    assert at_once(names[:256], said.append) == names[:256]
    assert len(said) == 1


def test_who_lands_what_others_built_is_no_judge(world: World, clone: Git) -> None:
    """Though it compares, where the champion changed: the job that is about the verdict alone fails for it."""
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.commit("Ask for more")
    done = slipway(world, clone, "release", "--from", "image")
    assert (done.returncode, done.stdout) == (0, "")
    assert "toy: ❌ not released: the verdict is block" in done.stderr
    assert slipway(world, clone, "release", "toy", "--from", "image").returncode == ExitCode.VERDICT_NO


def test_a_verdict_of_no_fails_whoever_asks_for_it_and_no_build(world: World, clone: Git) -> None:
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.commit("Ask for more")
    workspace = world.workspace(clone, tracking_uri=UNREACHABLE)
    assert [land(workspace, "toy", until=last) for last in Until] == [1, 0, 1]
    assert land(workspace) == 0, "known by now, so it is no other model's fault"
