"""The place of a rehearsal, which nothing leads out of, and what a scene is told there."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from slipway.adapters.git import Git, WorkTree
from slipway.adapters.image import Layout
from slipway.errors import InputError, OutsideError
from slipway.key import key_inputs
from slipway.rehearsal.sandbox import Sandbox
from slipway.rehearsal.story import Story
from slipway.settings import Settings

PLACE = Path(".slipway/rehearsal")
OWN = {
    "RAY_ADDRESS": "ray://cluster:10001",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_PROFILE": "work",
    "MLFLOW_TRACKING_URI": "https://work",
    "SLIPWAY_STORE": "s3://work",
    "GIT_DIR": "/nowhere",
    "GITHUB_TOKEN": "ghs_secret",
    "GITHUB_REPOSITORY": "us/models",
}


def sandbox(repository: Git, **environ: str) -> Sandbox:
    return Sandbox.make(repository.root, "toy", PLACE, {"PATH": "/usr/bin:/bin", **environ})


def story(place: Sandbox, said: list[str]) -> Story:
    return Story(
        sandbox=place,
        model="toy",
        environment="production",
        original="",
        images=Layout(root=place.store, registry="localhost/slipway"),
        say=said.append,
    )


def test_what_names_the_users_own_places_stays_outside(repository: Git) -> None:
    environ = sandbox(repository, **OWN, LANG="C").environ
    assert environ["LANG"] == "C"
    assert not {"RAY_ADDRESS", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GIT_DIR", "GITHUB_TOKEN"} & environ.keys()
    assert environ["SLIPWAY_STORE"] == str(repository.root / PLACE / "store")
    assert not set(OWN.values()) & set(environ.values())


def test_the_projects_own_settings_stay_outside(repository: Git) -> None:
    project = repository.root / "pyproject.toml"
    own = '[tool.slipway]\nregistry = "quay.io/us"\napprove = ["production"]\n[tool.slipway.reuse]\n'
    text = re.sub(r"(?ms)^\[tool\.slipway\].*?(?=^\[)", own, project.read_text())
    project.write_text(text)
    place = sandbox(repository)
    settings = Settings.from_environ(place.environ, repo=place.clone)
    assert (settings.registry, settings.approve) == ("localhost/slipway", ())
    key = key_inputs(WorkTree(root=repository.root), "toy").key
    assert key_inputs(WorkTree(root=place.clone), "toy").key == key


def test_data_that_a_pointer_names_are_the_sandboxs_own(repository: Git) -> None:
    folder = repository.root / "data" / "toy"
    (folder / "train.csv.dvc").write_text(f"outs:\n- md5: {'0' * 32}\n  path: train.csv\n")
    (folder / ".gitignore").write_text("/train.csv\n")
    place = sandbox(repository)
    assert place.environ["SLIPWAY_DATA_CACHE"] == str(repository.root / PLACE / "data")
    assert key_inputs(WorkTree(root=place.clone), "toy").data.startswith("sha256:")
    place.git("add", "--all")
    assert "data/toy/train.csv" in place.git("ls-files").splitlines()


def test_a_link_stays_a_link_and_is_not_written_through(repository: Git, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("mine")
    data = repository.root / "data" / "toy"
    (data / "model.toml").rename(outside / "model.toml")
    before = (outside / "model.toml").read_text()
    for name, target in {"model.toml": "model.toml", "folder": "", "absent": "nothing"}.items():
        (data / name).symlink_to(outside / target)
    place = sandbox(repository)
    for name in ("model.toml", "folder", "absent"):
        assert (place.clone / "data" / "toy" / name).readlink() == (data / name).readlink()
    place.write("data/toy/model.toml", "changed")
    assert (place.clone / "data" / "toy" / "model.toml").read_text() == "changed"
    assert (outside / "model.toml").read_text() == before


def test_a_model_that_is_a_link_is_refused(repository: Git, tmp_path: Path) -> None:
    data = repository.root / "data" / "toy"
    data.rename(tmp_path / "toy")
    data.symlink_to(tmp_path / "toy")
    with pytest.raises(InputError, match="data/toy is a link"):
        sandbox(repository)


@pytest.fixture
def pushed(repository: Git) -> Sandbox:
    place = sandbox(repository)
    place.git("commit", "--quiet", "--allow-empty", "--message=Begin")
    place.git("push", "--quiet", "--set-upstream", "origin", "main")
    return place


def answers(folder: Path, monkeypatch: pytest.MonkeyPatch, step: dict[str, str], code: int = 0) -> None:
    """Have the command line answer this, between two warnings."""
    document = json.dumps({"steps": [step]}, indent=2)
    script = folder / "python"
    script.write_text(
        f"#!/bin/sh\necho '{{' >&2\ncat <<'END'\n{document}\nEND\necho 'warning: MLflow {{' >&2\nexit {code}\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def test_a_warning_is_shown_and_is_no_part_of_the_answer(
    pushed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(tmp_path, monkeypatch, {"done": "committed", "wanted": "release", "subject": "release(toy): abc 100%"})
    said: list[str] = []
    story(pushed, said)._release("committed", wanted="release")
    assert said == [
        "$ slipway release toy",
        "  {",
        "  warning: MLflow {",
        "  release(toy): abc 100%",
        "$ git pull",
    ]


@pytest.mark.parametrize(
    ("step", "code", "expected"),
    [
        ({"done": "failed", "wanted": "release"}, 3, "release ends well, not with 3"),
        ({"done": "nothing", "wanted": "none"}, 0, "release has committed, not nothing"),
        ({"done": "committed", "wanted": "restore"}, 0, "history asks for release, not restore"),
    ],
)
def test_a_release_that_went_another_way_ends_the_rehearsal(
    pushed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: dict[str, str], code: int, expected: str
) -> None:
    answers(tmp_path, monkeypatch, step, code)
    with pytest.raises(OutsideError, match=expected):
        story(pushed, [])._release("committed", wanted="release")


def test_a_clone_that_nobody_touched_is_made_anew(repository: Git) -> None:
    first = sandbox(repository)
    first.leave()
    assert sandbox(repository).kept is None
    assert sandbox(repository).kept is None, "nor one whose rehearsal did not end"


@pytest.mark.parametrize("work", ["commit", "edit", "ruin"])
def test_a_clone_that_somebody_worked_in_is_set_aside(repository: Git, work: str) -> None:
    first = sandbox(repository)
    first.git("add", "--all")
    first.git("commit", "--quiet", "--message=Begin")
    first.git("push", "--quiet", "origin", "main")
    first.leave()
    (first.clone / "notes").write_text("mine")
    if work == "commit":
        first.git("add", "notes")
        first.git("commit", "--quiet", "--message=Mine")
    elif work == "ruin":
        (first.clone / ".git" / "HEAD").unlink()
    second = sandbox(repository)
    assert second.kept == second.root / "kept-1"
    assert (second.kept / "clone" / "notes").read_text() == "mine"
    assert not (second.clone / "notes").exists()
    if work != "ruin":
        kept = Git(root=second.kept / "clone")
        assert kept.run("remote", "get-url", "origin") == str(second.kept / "remote.git")
        kept.run("fetch", "--quiet")
