"""Trials that end by a commit: real servers, a real Prometheus that scrapes them, a real remote, and clients. 40 s."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.github_server import FakeGitHub
from tests.processes import until
from tests.prometheus_server import needs_prometheus
from tests.remotes import World

from slipway import spec
from slipway.adapters.git import Git
from slipway.adapters.image import Layout
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.prometheus import Prometheus
from slipway.commands.settle import Look, mirrored, settle
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving
from slipway.errors import ExitCode
from slipway.rehearsal import rows
from slipway.rehearsal.cluster import Cluster, cluster
from slipway.rehearsal.rows import Rows
from slipway.workspace import Workspace

MODEL, WHERE = "toy", "production"
SERVING = "canary_percent = 50\ncanary_minutes = 0.05\ncanary_requests = 40\n"

pytestmark = [needs_prometheus, pytest.mark.timeout(120)]


@dataclass(kw_only=True)
class Place:
    """A world, a cluster that follows it, and what settles."""

    world: World
    clone: Git
    running: Cluster
    rows: Rows
    environments: Sequence[str] = (WHERE,)
    printed: pytest.CaptureFixture[str] = field(repr=False)
    follow: Callable[[Workspace, MainBranch], None] = lambda *_: None
    """MLflow takes seconds to start: it follows in one test."""

    def workspace(self, clone: Git | None = None, **settings: Any) -> Workspace:
        known = {"prometheus": self.running.scraper.url, "endpoint": self.running.endpoint}
        told = {**known, "environments": tuple(self.environments), "environment": self.environments[0], **settings}
        return replace(
            self.world.workspace(clone or self.clone, **told), now=lambda: datetime.now(UTC), clock=time.monotonic
        )

    def release(self) -> str:
        """Release what main asks for; the key. The cluster does not follow yet."""
        releaser = self.world.releaser(self.clone, environments=tuple(self.environments))
        found = list(replace(releaser, workspace=self.workspace()).release((MODEL,)))
        return str(found[0].key)

    def start(self) -> str:
        """Release what there is, and have the cluster follow."""
        key = self.release()
        self.running.sync()
        return key

    def give(self, version: str) -> str:
        """Merge other data, release them, and have the cluster follow."""
        self.world.give(version)
        return self.start()

    def settle(self, *, wait: bool = False, dry_run: bool = False, **settings: Any) -> tuple[int, Any]:
        """The exit code, and what the document says of the one trial that there is."""
        self.printed.readouterr()
        look = Look(wait=wait, dry_run=dry_run)
        code = settle(self.workspace(**settings), (), look, as_json=True, follow=self.follow)
        found = json.loads(self.printed.readouterr().out)["trials"]
        return code, found[0] if found else None

    def serving(self, environment: str = WHERE) -> Serving:
        content = self.world.manifest(environment=environment)
        assert content is not None
        return manifest.read(content, "main")

    def rows_counted(self, predictor: str) -> float:
        """What the server itself says of how much it was asked."""
        with urllib.request.urlopen(self.running.pods[WHERE, predictor].running.metrics) as reply:  # noqa: S310  our own
            lines = reply.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("slipway_rows_total"))

    def seen(self, predictor: str, requests: int) -> None:
        """Wait until Prometheus has seen so many requests."""
        chosen = f'deployment_name="{MODEL}",predictor_name="{predictor}",transport="rest"'
        server = Prometheus(url=self.running.scraper.url)
        until(lambda: sum(one.value for one in server.query(f"slipway_requests_total{{{chosen}}}")) >= requests, 30)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    world.change(f"data/{MODEL}/model.toml", "canary_percent = 10\n", SERVING)
    world.commit("Try canaries for seconds")
    return world


@pytest.fixture
def place(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    toml = world.person.root / "data" / MODEL / "model.toml"
    asked = rows.rows(toml.with_name("train.csv"), spec.parse(toml.read_bytes(), str(toml)))
    with cluster(
        world.remote,
        MODEL,
        Layout(root=world.images, registry="localhost/slipway"),
        tmp_path / "prometheus",
        environments=(WHERE,),
        namespace="models-{environment}",
    ) as running:
        yield Place(world=world, clone=world.clone(), running=running, rows=asked, printed=capsys)


def test_a_good_canary_gets_the_full_traffic_by_a_commit(place: Place) -> None:
    place.start()
    key = place.give("B")
    place.follow = mirrored
    with place.running.traffic(WHERE, place.rows):
        code, first = place.settle(dry_run=True)
        assert (code, first["end"], first["kind"]) == (0, "wait", "canary")
        code, found = place.settle(wait=True)
    assert (code, found["end"], found["done"]) == (0, "promote", "committed")
    assert place.serving().default.key == key
    assert place.serving().canary is None
    assert place.world.log()[0] == found["subject"]
    said = "\n".join(place.world.log("%b", "-1"))
    assert "golden requests were answered as in the review" in said
    assert said.count("% errors, p99 ") == len(("canary", "default"))
    place.running.sync()
    assert place.settle() == (0, None)


def test_wrong_answers_are_taken_back_by_a_commit_and_the_pull_request_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place.start()
    merged = place.world.give("B")
    with FakeGitHub.serve() as github:
        pull = github.state.open_pull()
        github.state.merge(pull, merged)
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        key = place.release()
        place.running.wrong.add(key)
        place.running.sync()
        code, looked = place.settle(dry_run=True)
        assert (code, looked["end"], looked["commit"]) == (ExitCode.VERDICT_NO, "revert", "")
        code, found = place.settle()
        (comment,) = github.state.said(pull)
        assert place.rows_counted("canary") == 0, "what slipway asks is no traffic"
    assert (code, found["end"], found["done"]) == (ExitCode.VERDICT_NO, "revert", "committed")
    assert found["pull_request"].endswith(f"/pull/{pull.number}")
    assert place.serving().default.key == before
    assert place.serving().canary is None
    assert place.world.log()[0].startswith(f"revert({MODEL}): {key[:8]} Its answers are wrong")
    assert found["commit"] in comment.body
    assert "another answer than in the review" in comment.body
    assert not place.world.release(place.clone), "the key is held"


def test_a_cluster_that_is_down_and_comes_back(place: Place) -> None:
    place.start()
    key = place.give("B")
    place.running.down()
    code, found = place.settle()
    assert (code, found["end"]) == (0, "wait"), found
    place.running.up()
    with place.running.traffic(WHERE, place.rows):
        code, found = place.settle(wait=True)
    assert (code, found["end"], place.serving().default.key) == (0, "promote", key)


def test_two_that_settle_at_once_make_one_commit(place: Place) -> None:
    place.start()
    key = place.give("B")
    with place.running.traffic(WHERE, place.rows):
        place.seen("canary", 60)
        place.seen("default", 60)
        time.sleep(3)
        codes: list[int] = []
        both = [
            threading.Thread(
                target=lambda one=one: codes.append(
                    settle(
                        place.workspace(place.world.clone(f"clone-{one}")),
                        (),
                        Look(),
                        as_json=True,
                        follow=place.follow,
                    )
                )
            )
            for one in range(2)
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    assert codes == [0, 0]
    assert [subject for subject in place.world.log() if subject.startswith("promote")] == [
        f"promote({MODEL}): {key[:8]} 100%"
    ]


def test_a_release_that_comes_during_another_s_trial_is_tried_by_itself(place: Place) -> None:
    place.start()
    place.give("B")
    with place.running.traffic(WHERE, place.rows):
        place.seen("canary", 60)
        place.world.give("C")
        key = place.release()
        code, found = place.settle()
        assert (code, found["key"], found["end"]) == (0, key, "wait"), "the cluster did not follow yet"
        assert "not rolled out yet" in " ".join(found["reasons"])
        place.running.sync()
        code, found = place.settle(wait=True)
    assert (code, found["end"], place.serving().default.key) == (0, "promote", key)
