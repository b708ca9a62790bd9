"""A release that is killed at any moment is made good by the next one.

Each effect of a run is counted by Python's own audit events: every file that is opened for writing, moved or removed,
every `git` process. A run is killed by SIGKILL at its n-th effect, for n = 1, 2, 3, ... until one survives: right
before a move or a `git`, with half of what it was to write in a file, or with its `git` left behind running. One
process, this file, has all imported and forks the others, so that each costs a few tenths of a second.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.conftest import SOURCE
from tests.remotes import World

from slipway.adapters.git import Git
from slipway.adapters.store import sha256
from slipway.delivery import manifest
from slipway.release.step import Step

WRITING = frozenset(
    {"fetch", "read-tree", "update-index", "hash-object", "write-tree", "commit-tree", "push", "worktree", "update-ref"}
)
"""The git commands that change something; a kill before one that only reads is a kill before the next of these."""
MEETING = frozenset({"fetch", "push", "worktree"})
"""Those that may still be running when the next run begins, and meet it."""
MOVING = frozenset({"os.rename", "os.remove", "shutil.rmtree"})
OPENING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
MOST = 200
"""More effects than any run has."""
STEPS = {"checked_out": 3, "canary": 2}
"""Where each run takes seconds, every so many effects do: the others kill the same ones."""


@dataclass(kw_only=True)
class Killer:
    """Counts effects below a folder, and ends this process at one of them."""

    root: Path
    at: int
    seen: list[str] = field(default_factory=list)
    armed: bool = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        said = self._effect(event, arguments)
        if said is None:
            return
        if event == "open":
            self._count(f"{said}, half written", lambda: self._half(Path(os.fsdecode(arguments[0]))))
            return
        self._count(said)
        if said.removeprefix("git ") in MEETING:
            self._count(f"{said}, left behind", lambda: self._leave(arguments))

    def _effect(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        match event, arguments:
            case "subprocess.Popen", (_, [_, "-C", _, *rest], _, _):
                words = [word for word in rest if not word.startswith("-")]
                return f"git {words[0]}" if words[0] in WRITING else None
            case "open", (str() | bytes() as path, _, int() as flags) if flags & OPENING:
                return self._inside("open", path)
            case _, (str() | bytes() | os.PathLike() as path, *_) if event in MOVING:
                return self._inside(event, path)
        return None

    def _inside(self, event: str, path: str | bytes | os.PathLike[str]) -> str | None:
        text = os.fsdecode(path)
        return f"{event} {Path(text).name}" if text.startswith(str(self.root)) else None

    def _count(self, said: str, last: Callable[[], object] | None = None) -> None:
        self.seen.append(said)
        if len(self.seen) == self.at:
            self.armed = False
            if last:
                last()
            os.kill(os.getpid(), signal.SIGKILL)

    def _half(self, file: Path) -> None:
        file.write_bytes(b"half of w")

    def _leave(self, arguments: tuple[Any, ...]) -> None:
        """Start the process as it was to be started, and do not wait for it."""
        _, command, folder, environ = arguments
        subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


# ---- the process that forks


def play(scenario: str, template: Path, root: Path) -> Iterator[dict[str, Any]]:
    """What each run left: first the undisturbed one's, then of each kill what the next run made of it."""
    os.environ.update(remotes.ENVIRON)
    undisturbed = copied(template, root / "undisturbed")
    assert forked(lambda: run(undisturbed, scenario)) == 0
    first_time = state(undisturbed)
    assert forked(lambda: run(undisturbed, scenario)) == 0
    yield {"state": first_time, "again": state(undisturbed)}
    warm(json.loads((undisturbed.root / "modules.json").read_text()))
    for at in range(1, MOST, STEPS.get(scenario, 1)):
        world = copied(template, root / f"{at}")
        if forked(lambda: run(world, scenario, Killer(root=world.root, at=at))) == 0:  # noqa: B023  called at once
            yield {"effects": json.loads((world.root / "effects.json").read_text()), "state": state(world)}
            return
        assert forked(lambda: run(world, scenario)) == 0  # noqa: B023
        yield {"at": at, "state": state(world)}
        shutil.rmtree(world.root)


def copied(template: Path, root: Path) -> World:
    """What runs work with, without what the others have."""
    for name in ("remote.git", "clone", "store"):
        shutil.copytree(template / name, root / name, symlinks=True)
    return World(root=root)


def warm(modules: Sequence[str]) -> None:
    """Import what a run needed, so that the others find it. Nothing of it starts a thread."""
    for name in modules:
        if name.partition(".")[0] in ("slipway", "numpy", "onnxruntime", "pyarrow", "pydantic", "scipy", "sklearn"):
            importlib.import_module(name)


def forked(act: Callable[[], None]) -> int:
    """Do it in a process of its own; how that ended, 0 if well."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001  it must not come back as the parent
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def run(world: World, scenario: str, killer: Killer | None = None) -> None:
    git = Git(root=world.root / "clone")
    if killer:
        sys.addaudithook(killer)
    steps = work(world, git, scenario)
    if killer:
        killer.armed = False
        (world.root / "effects.json").write_text(json.dumps(killer.seen))
    (world.root / "modules.json").write_text(json.dumps(list(sys.modules)))
    assert all(step.exit_code == 0 for step in steps), steps


def work(world: World, git: Git, scenario: str) -> list[Step]:
    match scenario:
        case "promote":
            return [world.releaser(git).promote("toy")]
        case "revert":
            serving = manifest.read(world.manifest() or b"", "toy")
            key = (serving.canary or serving.default).key
            return [world.releaser(git).revert("toy", key, why="it answers wrongly")]
        case "rebuild":
            return list(world.upon(git, "new").rebuild())
    return world.release(git)


def state(world: World) -> dict[str, Any]:
    """All that a run is to leave, and what it must not leave."""
    clone = world.root / "clone"
    git = Git(root=clone)
    manifest = world.manifest()
    return {
        "main": world.log("%H %an %s"),
        "manifest": manifest.decode() if manifest else None,
        "branches": world.bare("for-each-ref", "--format=%(refname)"),
        "store": files(world.store),
        "trees": len(git.run("worktree", "list", "--porcelain").split("\n\n")),
        "locks": sorted(str(file.relative_to(clone)) for file in (clone / ".git").rglob("*.lock")),
        "status": git.run("status", "--porcelain"),
        "copies": sorted(file.name for file in (clone / ".slipway" / "main").glob("*")),
    }


def files(store: Path) -> dict[str, str]:
    """The store's entries and images; what a killed writer left beside them is nobody's."""
    found = (file for file in sorted(store.rglob("*")) if file.is_file())
    named = ((str(file.relative_to(store)), file) for file in found)
    return {name: sha256(file.read_bytes()) for name, file in named if ".writing" not in name}


def main() -> None:
    scenario, template, root = sys.argv[1:]
    for found in play(scenario, Path(template), Path(root)):
        sys.stdout.write(json.dumps(found) + "\n")


# ---- the tests


def first(world: World) -> None:
    world.clone()


def canary(world: World) -> None:
    git = world.clone()
    world.release(git)
    world.give("B")


def checked_out(world: World) -> None:
    """The clone is at another commit than main's tip, and the comparison has to be made again."""
    canary(world)
    for place in (world.store / "toy").glob("*/comparison-*"):
        if not place.name.startswith("comparison-baseline"):
            shutil.rmtree(place)


def promote(world: World) -> None:
    canary(world)
    world.release(Git(root=world.root / "clone"))


def revert(world: World) -> None:
    promote(world)


def restore(world: World) -> None:
    promote(world)
    world.releaser(Git(root=world.root / "clone")).promote("toy")
    world.pull()
    merged = world.person.run("log", "-1", "--format=%H", "--grep=^Give toy")
    world.revert(merged)


def rollback(world: World) -> None:
    promote(world)
    step = world.releaser(Git(root=world.root / "clone")).promote("toy")
    world.revert(step.commit)


def retire(world: World) -> None:
    git = world.clone()
    world.release(git)
    world.pull()
    world.write("data/toy", None)
    world.commit("Delete toy")


def rebuild(world: World) -> None:
    list(world.upon(world.clone(), "old").release())


SCENARIOS = [
    (first, "release"), (promote, "promote"), (restore, "restore"), (rollback, "rollback"), (retire, "retire"),
    (rebuild, "rebuild"), (revert, "revert"),
    pytest.param(canary, "release", marks=pytest.mark.slow),
    pytest.param(checked_out, "release", marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "verb"), SCENARIOS)
def test_whatever_a_kill_left_the_next_run_makes_good(
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[World], None],
    verb: str,
) -> None:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    prepare(world)
    before = world.log()
    undisturbed, *killed, survivor = played(prepare.__name__, world, tmp_path)
    expected = undisturbed["state"]
    subjects = [line.split(" ", 2)[2] for line in expected["main"]]
    assert subjects[1:] == before
    assert subjects[0].startswith(f"{verb}(toy)")
    assert (expected["trees"], expected["locks"], expected["status"], expected["copies"]) == (1, [], "", [])
    assert undisturbed["again"] == expected  # so a third run, which finds the same, does nothing either
    assert survivor["state"] == expected
    effects, every = survivor["effects"], STEPS.get(prepare.__name__, 1)
    assert [found["at"] for found in killed] == list(range(1, len(effects) + 1, every))
    assert "git push" in effects
    for found in killed:
        assert found["state"] == expected, f"killed at {effects[found['at'] - 1]}"


def played(scenario: str, world: World, place: Path) -> list[dict[str, Any]]:
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", __file__, scenario, str(world.root), str(place / "played")],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()
