"""What MLflow's registry is told: what main says, when it is something new. The process is stood in for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.git import Git
from slipway.adapters.registry import Registry, Syncing
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.mirror import Mirror
from slipway.workspace import Workspace

A, B = "a" * 64, "b" * 64
PATH = manifest_path("toy", "production")


def release(key: str) -> Release:
    return Release(key=key, image=f"localhost/toy@sha256:{key}", commit="0" * 40, metrics={})


class Server:
    """Keeps what it is told, and answers or fails."""

    def __init__(self, workspace: Workspace, told: Path) -> None:
        self._workspace, self._told = workspace, told

    def follow(self, *, fails: bool = False, **how: Any) -> dict[str, tuple[str | None, str | None]]:
        """What a run tells it of each model: champion and challenger."""
        self._told.unlink(missing_ok=True)
        answer = "echo 'no answer' >&2; exit 1" if fails else "echo toy: champion set"
        command = ["sh", "-c", f'read file || exit; cp "$file" {self._told}; {answer}']
        pipe = subprocess.PIPE
        with pytest.MonkeyPatch.context() as patch:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
            patch.setattr(Registry, "start", lambda _: Syncing(process=process))
            mirror = Mirror(workspace=self._workspace)
            mirror.start()
            mirror.follow(self._workspace.git.run("rev-parse", "HEAD"), **how)
            synced = mirror.close()
        assert bool(synced.problem) is fails
        if not self._told.exists():
            return {}
        told = json.loads(self._told.read_text())
        return {f"{one['prefix']}{one['model']}": (one["champion"], one["challenger"]) for one in told}


@pytest.fixture
def server(workspace: Workspace, tmp_path: Path) -> Server:
    return Server(workspace, tmp_path / "told.json")


@pytest.fixture
def write(repository: Git, commit: Callable[[str], str]) -> Callable[[bytes | None], bytes]:
    """Commit a manifest, or that there is none any more."""

    def written(content: bytes | None) -> bytes:
        file = repository.root / PATH
        if content is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        commit("Write what is served")
        return content or b""

    return written


def test_it_is_told_what_changed_and_only_once(server: Server, write: Callable[[bytes | None], bytes]) -> None:
    assert server.follow() == {}  # nothing is live
    first = write(writer.first("toy", release(A), replicas=2))
    assert server.follow() == {"toy": (A, None)}
    assert server.follow() == {}
    trial = write(writer.with_canary(first, str(PATH), release(B), percent=10))
    assert server.follow() == {"toy": (A, B)}
    write(trial.replace(b"cpu: 100m", b"cpu: 200m"))
    assert server.follow() == {}
    write(trial.replace(f"localhost/toy@sha256:{A}".encode(), f"localhost/toy@sha256:{'c' * 64}".encode()))
    assert server.follow() == {"toy": (A, B)}, "it is built upon another builder"
    assert server.follow() == {}
    write(None)
    assert server.follow() == {"toy": (None, None)}


def test_what_was_retired_is_told_whatever_this_machine_knows(
    server: Server, write: Callable[[bytes | None], bytes]
) -> None:
    write(writer.first("toy", release(A), replicas=2))
    write(None)
    assert server.follow() == {}
    assert server.follow(retired={"gone"}) == {"gone": (None, None)}


def test_everything_is_told_of_all_that_history_knows(server: Server, write: Callable[[bytes | None], bytes]) -> None:
    write(writer.first("toy", release(A), replicas=2))
    server.follow()
    assert server.follow(everything=True) == {"toy": (A, None)}
    write(None)
    assert server.follow(everything=True) == {"toy": (None, None)}


def test_who_failed_is_told_again(server: Server, write: Callable[[bytes | None], bytes]) -> None:
    write(writer.first("toy", release(A), replicas=2))
    assert server.follow(fails=True) == {"toy": (A, None)}
    assert server.follow() == {"toy": (A, None)}
    assert server.follow() == {}


def test_a_note_of_what_was_told_that_is_damaged_counts_as_none(
    server: Server, write: Callable[[bytes | None], bytes], workspace: Workspace
) -> None:
    write(writer.first("toy", release(A), replicas=2))
    server.follow()
    (note,) = (workspace.settings.local / "tracked").iterdir()
    for content in ("{", "[]", ""):
        note.write_text(content)
        assert server.follow() == {"toy": (A, None)}


def test_a_manifest_that_is_broken_says_nothing(server: Server, write: Callable[[bytes | None], bytes]) -> None:
    first = write(writer.first("toy", release(A), replicas=2))
    assert server.follow() == {"toy": (A, None)}
    write(b"kind: [\n")
    assert server.follow() == server.follow(everything=True) == {}
    write(first)
    assert server.follow() == {}


def test_every_environment_is_followed(
    repository: Git, commit: Callable[[str], str], workspace: Workspace, tmp_path: Path
) -> None:
    settings = replace(workspace.settings, environment="staging", environments=("staging", "production"))
    server = Server(replace(workspace, settings=settings), tmp_path / "told.json")
    for environment, key in (("staging", B), ("production", A)):
        file = repository.root / manifest_path("toy", environment)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(writer.first("toy", release(key), replicas=2))
    commit("Serve toy in both")
    assert server.follow() == {"staging-toy": (B, None), "toy": (A, None)}
    assert server.follow() == {}
    file.unlink()
    commit("Retire toy in production")
    assert server.follow(retired={"toy"}) == {"staging-toy": (B, None), "toy": (None, None)}
    alone = replace(settings, environment="production", alone=True)
    assert Server(replace(workspace, settings=alone), tmp_path / "alone.json").follow() == {}
