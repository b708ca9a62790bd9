"""What is live, and since when: read from the history of a real repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from slipway import status
from slipway.adapters.git import Git
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.plan import history
from slipway.plan.past import Repository

A, B = "a" * 64, "b" * 64


def release(key: str) -> Release:
    return Release(key=key, image=f"localhost/toy@sha256:{key}", commit="0" * 40, metrics={"log_loss": 0.5})


class Line:
    """Main, on which each commit writes a manifest."""

    def __init__(self, git: Git, commit: Callable[[str], str]) -> None:
        self.git, self._commit = git, commit

    def wrote(self, content: bytes | None, environment: str = "production") -> str:
        file = self.git.root / manifest_path("toy", environment)
        if content is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return self._commit("Write what is served")

    def manifest(self) -> bytes:
        return (self.git.root / manifest_path("toy", "production")).read_bytes()


@pytest.fixture
def line(repository: Git, commit: Callable[[str], str]) -> Line:
    return Line(repository, commit)


@pytest.fixture
def read(repository: Git) -> Iterator[Callable[[], Repository]]:
    """The history of what is committed by then."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(history.read(repository, repository.run("rev-parse", "HEAD"), "production"))


def test_since_is_the_commit_that_brought_it_not_the_one_that_touched_it(
    line: Line, read: Callable[[], Repository]
) -> None:
    first = line.wrote(writer.first("toy", release(A), replicas=2))
    line.wrote(line.manifest().replace(b"cpu: 100m", b"cpu: 200m"))
    trial = line.wrote(writer.with_canary(line.manifest(), "m", release(B), percent=10))
    line.wrote(writer.configured(line.manifest(), "m", replicas=3, percent=25))
    now = status.status(read(), "toy")
    assert now.live
    assert now.trial
    assert (now.live.commit, now.live.percent, now.live.release.key) == (first, 75, A)
    assert (now.trial.commit, now.trial.percent, now.trial.release.key) == (trial, 25, B)
    assert now.live.when > 0
    promoted = line.wrote(writer.promoted(line.manifest(), "m"))
    now = status.status(read(), "toy")
    assert now.live
    assert (now.live.commit, now.live.percent, now.live.release.key, now.trial) == (promoted, 100, B, None)


def test_what_comes_back_is_live_since_it_came_back(line: Line, read: Callable[[], Repository]) -> None:
    first = line.wrote(writer.first("toy", release(A), replicas=2))
    second = line.wrote(writer.restored(line.manifest(), "m", release(B)))
    third = line.wrote(writer.restored(line.manifest(), "m", release(A)))
    gone = line.wrote(None)
    repository = read()
    assert status.status(repository, "toy").live is None
    events = list(status.events(repository, "toy"))
    assert [event.entry.commit for event in events] == [gone, third, second, first]
    assert [event.serving and event.serving.default.key for event in events] == [None, A, B, A]


def test_environments_are_those_with_a_manifest_and_the_one_asked_for(
    line: Line, read: Callable[[], Repository]
) -> None:
    assert status.environments(read()) == ["production"]
    line.wrote(writer.first("toy", release(A), replicas=2), "staging")
    (line.git.root / "gitops/models/toy/README.md").write_text("no environment\n")
    line.wrote(writer.first("toy", release(A), replicas=2), "testing")
    assert status.environments(read()) == ["production", "staging", "testing"]


def test_a_model_that_nobody_has_is_nothing(read: Callable[[], Repository]) -> None:
    repository = read()
    assert (status.status(repository, "nobody").live, list(status.events(repository, "nobody"))) == (None, [])


def test_a_rebuild_is_told_and_is_no_act(line: Line, read: Callable[[], Repository]) -> None:
    line.wrote(writer.first("toy", release(A), replicas=2))
    line.wrote(writer.with_canary(line.manifest(), "m", release(B), percent=10))
    rebuilt = writer.rebuilt(line.manifest(), "m", B, f"localhost/toy@sha256:{'c' * 64}")
    line.wrote(rebuilt)
    line.wrote(rebuilt.replace(b"cpu: 100m", b"cpu: 200m"))
    line.wrote(writer.configured(line.manifest(), "m", replicas=3, percent=10))
    found = status.events(read(), "toy")
    assert [(event.is_act, sorted(event.moved), sorted(event.rebuilt)) for event in found] == [
        (False, [], []),
        (False, [], ["canary"]),
        (True, ["canary"], []),
        (True, ["default"], []),
    ]
    now = status.status(read(), "toy")
    assert now.trial
    assert now.trial.release.image.endswith("c")
    assert now.trial.commit == found[2].entry.commit, "it is on trial since then, whatever it was built upon"
