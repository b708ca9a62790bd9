"""A bare remote, people who push to it, clones of it, and a store of reviewed models: all of it real, and quick."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipway import trained
from slipway.adapters.git import Commit, Git
from slipway.adapters.image import Image, Layout
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.adapters.store import Place, open_store
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.release.releaser import Releaser
from slipway.release.step import Step
from slipway.results import Comparison, VerdictName
from slipway.screen import Screen
from slipway.settings import Settings
from slipway.workspace import Workspace
from tests.conftest import EXPECTATIONS, SOURCE, toy_csv

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ENVIRON: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Nobody's own configuration: slipway's clones have not even a name to commit with."""
PERSON = {"user.name": "Person", "user.email": "person@example.org"}
MODEL_TOML = """\
[model]
task = "classification"
target = "label"
[data]
path = "train.csv"
[search]
trials = 1
batch = 1
folds = 2
metric = "log_loss"
[search.xgboost]
n_estimators = 5
[gate]
min_improvement = -5.0
max_p99_ms = 60000
[serving]
replicas = 2
canary_percent = 10
"""
VERSIONS = "ABCD"
"""Data of the toy model, each a row longer than the one before; each gives a key of its own."""
REVIEWED = (("A", ""), ("B", ""), ("B", "A"), ("C", "A"), ("C", "B"))
"""What the template's store has reviewed: versions, each against the champion that was live."""


def data(version: str) -> str:
    return toy_csv(120 + VERSIONS.index(version))


@dataclass(frozen=True, kw_only=True)
class Upon(Layout):
    """Images of which the builder is a part, as it is of those in a registry."""

    def build(self, model: str, key: str, files: Mapping[str, bytes], *, commit: str = "") -> Image:
        return super().build(model, key, {**files, ".builder": self.builder.encode()}, commit=commit)


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything below one folder: the remote, a person's clone of it, a store."""

    root: Path

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def images(self) -> Path:
        return self.store / ".images"

    @property
    def person(self) -> Git:
        return Git(root=self.root / "person")

    # ---- what people do

    def write(self, path: str, content: str | bytes | None) -> None:
        """Change a file in the person's clone; None removes it, or the folder."""
        file = self.person.root / path
        if content is None:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def change(self, path: str, old: str, new: str) -> None:
        file = self.person.root / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    def commit(self, message: str) -> str:
        """Commit whatever the person changed on top of main, and push it."""
        self.person.run("add", "--all")
        self.person.run("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.push()

    def push(self) -> str:
        self.person.run("push", "--quiet", "origin", "HEAD:main")
        return self.person.run("rev-parse", "HEAD")

    def pull(self) -> None:
        self.person.run("pull", "--quiet", "--ff-only", "origin", "main")

    def give(self, version: str, model: str = "toy") -> str:
        """A merge that changes the data, and with them the key."""
        self.pull()
        self.write(f"data/{model}/train.csv", data(version))
        return self.commit(f"Give {model} the data {version}")

    def revert(self, *commits: str) -> str:
        self.pull()
        self.person.run("revert", "--no-edit", *commits)
        return self.push()

    def add(self, model: str) -> None:
        """Another model of the same data and spec, reviewed as toy was; nothing is committed."""
        for name in ("model.toml", "expectations.json", "train.csv"):
            self.write(f"data/{model}/{name}", (self.person.root / "data/toy" / name).read_bytes())
        store = open_store(str(self.store))
        for sums in (self.store / "toy").glob("*/*/SHA256SUMS"):
            place = Place(model="toy", key=sums.parts[-3], entry=sums.parts[-2])
            files = store.get(place) or {}
            renamed = {name: content.replace(b'"toy"', f'"{model}"'.encode()) for name, content in files.items()}
            store.put(replace(place, model=model), renamed)

    # ---- what a run works with

    def clone(self, name: str = "clone", *options: str) -> Git:
        git = Git(root=self.root / name)
        self.person.run("clone", "--quiet", *options, f"file://{self.remote}", str(git.root))
        git.run("remote", "set-url", "origin", "../remote.git")  # so that a copy of this world has its own
        return git

    def workspace(self, git: Git, **settings: Any) -> Workspace:
        chosen = Settings(repo=git.root, store=str(self.store), tracking_uri=f"sqlite:///{self.root / 'mlflow.db'}")
        return Workspace(
            settings=replace(chosen, **settings),
            git=git,
            store=open_store(str(self.store)),
            screen=Screen(console=Console(stderr=True), quiet=True),
            now=lambda: NOW,
            clock=lambda: 0.0,
        )

    def releaser(self, git: Git, landing: Landing = Landing.PUSH, **settings: Any) -> Releaser:
        workspace = self.workspace(git, **settings)
        return Releaser(
            workspace=workspace,
            main=MainBranch.of(git),
            images=Layout(root=self.images, registry="localhost/slipway"),
            landing=landing,
            pause=lambda _: None,
            jitter=random.Random(0).random,
            workers=1,
        )

    def release(self, git: Git, *names: str) -> list[Step]:
        return list(self.releaser(git).release(names))

    def upon(self, git: Git, builder: str, landing: Landing = Landing.PUSH) -> Releaser:
        """A releaser whose images are built upon this builder."""
        images = Upon(root=self.images, registry="localhost/slipway", builder=builder)
        return replace(self.releaser(git, landing), images=images)

    # ---- what came of it

    def main(self) -> str:
        return self.log("%H")[0]

    def log(self, form: str = "%s", *options: str) -> list[str]:
        """Main of the remote, newest first."""
        return self.bare("log", f"--format={form}", *options, "main").splitlines()

    def bare(self, *arguments: str) -> str:
        return Git(root=self.remote).run(*arguments)

    def manifest(self, model: str = "toy", environment: str = "production") -> bytes | None:
        return Commit(git=Git(root=self.remote), id="main").read(str(manifest_path(model, environment)))

    def entries(self, model: str = "toy") -> set[str]:
        """The store's entries of a model, of all its keys."""
        return {file.parent.name for file in (self.store / model).glob("*/*/SHA256SUMS")}


def make(root: Path) -> World:
    """A repository with the model `toy` on main, its data version A; nothing was reviewed."""
    world = World(root=root)
    person = world.person
    person.root.mkdir(parents=True)
    person.run("init", "--quiet", "--initial-branch=main")
    person.run("init", "--quiet", "--bare", "--initial-branch=main", str(world.remote))
    person.run("remote", "add", "origin", "../remote.git")
    for name, value in PERSON.items():
        person.run("config", name, value)
    world.write(".gitignore", ".slipway/\n")
    world.write("data/toy/model.toml", MODEL_TOML)
    world.write("data/toy/expectations.json", json.dumps(EXPECTATIONS))
    world.write("data/toy/train.csv", data("A"))
    for name in ("pyproject.toml", "uv.lock", ".python-version"):
        shutil.copy(SOURCE / name, person.root)
    training = "src/slipway/training"
    shutil.copytree(SOURCE / training, person.root / training, ignore=shutil.ignore_patterns("__pycache__"))
    world.commit("Add toy")
    return world


def review(world: World, git: Git, base: Commit | None, model: str = "toy") -> Comparison:
    """What a pull request does: validate, train, compare. The search runs in this process."""
    from slipway.challenger import make as challenger
    from slipway.stages import compare, validate
    from slipway.training.search import InProcess, Study
    from slipway.training.trial import prepare

    workspace = world.workspace(git)
    subject = workspace.model(model)
    validate.checked(workspace, subject)
    made = trained.load(workspace.store, model, subject.key)
    if made is None:
        material, encoding = prepare(subject.dataset, subject.key)
        study = Study(subject.spec.search, subject.key, {})
        InProcess().run(study, material, lambda _: None)
        best = study.best()
        assert best is not None
        ours = challenger(subject, best, study, material, encoding)
        files = {trained.ONNX: ours.onnx, trained.CARD: ours.card.to_json()}
        workspace.store.put(trained.place(model, subject.key), files)
        made = trained.Trained(card=ours.card, onnx=ours.onnx)
    return compare.run(workspace, subject, made, base=base)[0]


def reviewed(factory: pytest.TempPathFactory) -> World:
    """A world whose store has every review of `REVIEWED`; made once for all tests of a session."""
    template = World(root=factory.getbasetemp() / "reviewed")
    if template.root.exists():
        return template
    make(template.root)
    person = template.person
    keys: dict[str, str] = {}
    for version, champion in REVIEWED:
        template.write("data/toy/train.csv", data(version))
        found = review(template, person, _live(template, keys[champion]) if champion else None)
        assert found.verdict is VerdictName.PROMOTE
        keys[version] = found.key
    person.run("reset", "--quiet", "--hard", "origin/main")
    return template


def _live(world: World, key: str) -> Commit:
    """A commit whose manifest says that a key is live; it is never pushed."""
    image = f"localhost/slipway/toy@sha256:{'0' * 64}"
    release = Release(key=key, image=image, commit=world.main(), metrics={})
    world.write(str(manifest_path("toy", "production")), writer.first("toy", release, replicas=2))
    world.person.run("add", "gitops")
    world.person.run("commit", "--quiet", "--message=Live", "--allow-empty")
    return world.person.commit("HEAD")


def copy(template: World, root: Path) -> World:
    """A world of one's own."""
    shutil.copytree(template.root, root, symlinks=True)
    return World(root=root)


def later(releaser: Releaser) -> Releaser:
    """The same, an hour later."""
    return replace(releaser, workspace=replace(releaser.workspace, now=lambda: NOW + timedelta(hours=1)))
