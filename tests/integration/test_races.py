"""Many releases at once against one remote: each lands once, and nobody's commit is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from tests import remotes
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.delivery import manifest
from slipway.plan.rule import Wanted
from slipway.release.releaser import Releaser
from slipway.release.step import Done, Step

MODELS = [f"model-{number:02}" for number in range(20)]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


def together[T](acts: Sequence[Callable[[], T]]) -> list[T]:
    """All of them at once: none begins before all are ready."""
    ready = threading.Barrier(len(acts))

    def begin(act: Callable[[], T]) -> T:
        ready.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def release(world: World, git: Git, *names: str) -> Callable[[], list[Step]]:
    """A run as the command line starts it: at a time of its own, and it waits between its attempts."""
    releaser = replace(world.releaser(git), pause=time.sleep, jitter=random.random)
    when = remotes.NOW + timedelta(seconds=int(git.root.name[-2:].strip("-")))
    releaser = replace(releaser, workspace=replace(releaser.workspace, now=lambda: when))
    return lambda: list(releaser.release(names))


def is_linear(world: World) -> bool:
    return not world.log("%H", "--min-parents=2")


@dataclass(kw_only=True)
class Pusher:
    """A person who pushes to main until they are told to stop."""

    world: World
    stop: threading.Event = field(default_factory=threading.Event)
    pushed: list[str] = field(default_factory=list)

    def run(self) -> None:
        person = self.world.person
        for number in count():
            if self.stop.is_set():
                return
            self.world.write("notes.txt", f"{number}\n")
            person.run("add", "--all")
            person.run("commit", "--quiet", f"--message=Note {number}")
            while person._run(("push", "--quiet", "origin", "HEAD:main")).returncode:
                person.run("pull", "--quiet", "--rebase", "origin", "main")
            self.pushed.append(f"Note {number}")
            self.stop.wait(0.5)


def test_twenty_models_while_a_person_pushes_too(world: World) -> None:
    for model in MODELS:
        world.add(model)
    world.commit("Add twenty models")
    clones = [world.clone(f"clone-{model}") for model in MODELS]
    pusher = Pusher(world=world)
    pushing = threading.Thread(target=pusher.run)
    pushing.start()
    try:
        steps = together([release(world, git, model) for git, model in zip(clones, MODELS, strict=True)])
    finally:
        pusher.stop.set()
        pushing.join()
    assert [[(step.model, step.done) for step in found] for found in steps] == [
        [(model, Done.COMMITTED)] for model in MODELS
    ]
    assert is_linear(world)
    subjects = world.log()
    assert sorted(line for line in subjects if line.startswith("release(")) == sorted(s.subject for (s,) in steps)
    assert [line for line in subjects if line.startswith("Note")] == pusher.pushed[::-1]
    assert len(subjects) == 2 + len(MODELS) + len(pusher.pushed)
    for (step,) in steps:
        content = world.manifest(step.model)
        assert content is not None
        assert manifest.read(content, step.model).default.key == step.key
        changed = world.bare("show", "--format=", "--name-only", step.commit)
        assert changed == f"gitops/models/{step.model}/production/seldon-deployment.yaml"
    assert world.bare("fsck", "--strict", "--no-dangling") == ""
    assert {step.model for step in world.release(clones[0])} == {"toy"}
    assert world.release(clones[1]) == []


def test_all_models_by_every_clone(world: World) -> None:
    """Runs that know nothing of each other share the work, whoever does it."""
    for model in MODELS[:3]:
        world.add(model)
    world.commit("Add three models")
    found = together([release(world, world.clone(f"clone-{number}")) for number in range(3)])
    committed = [step.subject for steps in found for step in steps if step.done is Done.COMMITTED]
    assert sorted(line for line in world.log() if line.startswith("release(")) == sorted(committed)
    assert len(committed) == 4
    assert all(step.done in (Done.COMMITTED, Done.NOTHING) for steps in found for step in steps)


@pytest.mark.parametrize("runs", [2, 5])
def test_of_several_releases_of_one_model_one_wins(world: World, runs: int) -> None:
    found = together([release(world, world.clone(f"clone-{number}"), "toy") for number in range(runs)])
    won = [step for steps in found for step in steps if step.done is Done.COMMITTED]
    lost = [step for steps in found for step in steps if step.done is not Done.COMMITTED]
    assert len(won) == 1
    assert len(found) == runs
    assert {(step.wanted, step.done) for step in lost} == {(Wanted.NONE, Done.NOTHING)}
    assert world.log() == [won[0].subject, "Add toy"]
    assert world.manifest() is not None


@pytest.mark.parametrize("delete", [False, True])
def test_several_restores_and_retirements_are_one(world: World, *, delete: bool) -> None:
    clones = [world.clone(f"clone-{number}") for number in range(3)]
    world.release(clones[0])
    merged = world.give("B")
    world.release(clones[0])
    world.releaser(clones[0]).promote("toy")
    if delete:
        world.pull()
        world.write("data/toy", None)
        world.commit("Delete toy")
    else:
        world.revert(merged)
    found = together([release(world, git, "toy") for git in clones])
    done = sorted(step.done for steps in found for step in steps)
    assert done == [Done.COMMITTED, Done.NOTHING, Done.NOTHING]
    assert world.release(clones[0]) == []


@dataclass(frozen=True, kw_only=True)
class Meanwhile(MainBranch):
    """A main that somebody changes once, after it was decided about and before the push."""

    act: list[Callable[[], object]]

    def land(self, commit: str, parent: str) -> bool:
        if self.act:
            self.act.pop()()
        return super().land(commit, parent)


def interrupted(world: World, git: Git, act: Callable[[], object]) -> Releaser:
    main = MainBranch.of(git)
    slow = Meanwhile(git=git, remote=main.remote, name=main.name, environ=main.environ, act=[act])
    return replace(world.releaser(git), main=slow)


def test_a_newer_key_is_not_overtaken(world: World) -> None:
    git = world.clone()
    (first,) = world.release(git)
    merged = world.give("B")
    (step,) = interrupted(world, git, lambda: world.give("C")).release()
    assert step.subject.endswith("canary 10%")
    now = manifest.read(world.manifest() or b"", "main")
    newest = world.workspace(world.person).model("toy").key
    assert (now.default.key, now.canary and now.canary.key) == (first.key, newest)
    assert now.canary is not None
    assert now.canary.commit != merged
    assert world.log() == [step.subject, "Give toy the data C", "Give toy the data B", first.subject, "Add toy"]


def test_a_merge_that_is_reverted_meanwhile_is_not_released(world: World) -> None:
    git = world.clone()
    world.release(git)
    merged = world.give("B")
    assert list(interrupted(world, git, lambda: world.revert(merged)).release()) == []
    assert world.log()[0] == 'Revert "Give toy the data B"'


def test_a_model_that_is_deleted_meanwhile_is_retired(world: World) -> None:
    git = world.clone()
    world.release(git)
    world.give("B")

    def delete() -> None:
        world.write("data/toy", None)
        world.commit("Delete toy")

    (step,) = interrupted(world, git, delete).release()
    assert (step.wanted, step.done) == (Wanted.RETIRE, Done.COMMITTED)
    assert world.manifest() is None


def test_a_hand_edit_meanwhile_is_kept(world: World) -> None:
    git = world.clone()
    world.release(git)
    world.give("B")

    def edit() -> None:
        world.pull()
        world.change("gitops/models/toy/production/seldon-deployment.yaml", "cpu: 100m", "cpu: 750m")
        world.commit("Give toy more")

    (step,) = interrupted(world, git, edit).release()
    assert step.done is Done.COMMITTED
    assert (world.manifest() or b"").count(b"cpu: 750m") == 2  # the canary is set up as the default is


def test_a_promotion_of_what_was_reverted_meanwhile_is_none(world: World) -> None:
    git = world.clone()
    (first,) = world.release(git)
    world.give("B")
    (second,) = world.release(git)
    step = interrupted(world, git, lambda: world.revert(second.commit)).promote("toy")
    assert step.done is Done.NOTHING
    now = manifest.read(world.manifest() or b"", "main")
    assert (now.default.key, now.canary) == (first.key, None)


def test_a_main_that_never_stands_still_is_given_up_on(world: World) -> None:
    from slipway.errors import OutsideError

    git = world.clone()
    main = MainBranch.of(git)

    class Restless(Meanwhile):
        def land(self, commit: str, parent: str) -> bool:
            world.pull()
            world.commit("Again")
            return MainBranch.land(self, commit, parent)

    restless = Restless(git=git, remote=main.remote, name=main.name, environ=main.environ, act=[])
    pauses: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slipway.release.releaser._ATTEMPTS", 12)
        with pytest.raises(OutsideError, match="main moved 12 times while toy was to be committed"):
            list(replace(world.releaser(git), main=restless, pause=pauses.append, jitter=lambda: 1.0).release())
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert max(pauses) == 2.0
    assert set(world.log()) == {"Again", "Add toy"}
