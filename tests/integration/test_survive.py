"""What the loop survives, end to end: real servers, a real Prometheus and remote, the real command line. 70 s.

Times are those of commits: an hour that a trial has lasted is an hour that its commit is old. Of so long a time twelve
seconds are one moment, so it takes two dozen to see that all is well again.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
from slipway.adapters.prometheus import Prometheus
from slipway.datasets.pointer import Pointer, Source
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving
from slipway.rehearsal import rows
from slipway.rehearsal.bucket import bucket
from slipway.rehearsal.cluster import Cluster, cluster
from slipway.rehearsal.rows import Rows

MODEL, WHERE = "toy", "production"
PATH = str(manifest.manifest_path(MODEL, WHERE))
SERVING = """\
canary_percent = 50
canary_minutes = 0.05
canary_requests = 40
canary_hours = {hours}
"""

pytestmark = [needs_prometheus, pytest.mark.timeout(120)]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A world, with a release that is live and what people do to it; a cluster that follows it."""

    world: World
    clone: Git
    running: Cluster
    rows: Rows

    def give(self, version: str, *, hours_ago: float = 0.0) -> str:
        """Merge other data, and release them, so many hours ago; the key."""
        self.world.give(version)
        return self.release(hours_ago=hours_ago)

    def release(self, *, hours_ago: float = 0.0) -> str:
        """Release what main asks for; the key that this put there."""
        releaser = self.world.releaser(self.clone)
        then = datetime.now(UTC) - timedelta(hours=hours_ago)
        workspace = replace(releaser.workspace, now=lambda: then)
        (step, *_) = replace(releaser, workspace=workspace).release((MODEL,))
        assert step.subject.startswith("release("), step
        now = self.serving()
        return (now.canary or now.default).key

    def serving(self) -> Serving:
        """What main says."""
        content = self.world.manifest()
        assert content is not None
        return manifest.read(content, PATH)

    def slipway(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a CronJob runs it."""
        own = more | {
            "SLIPWAY_STORE": str(self.world.store),
            "SLIPWAY_PROMETHEUS": self.running.scraper.url,
            "SLIPWAY_ENDPOINT": self.running.endpoint,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.world.root / 'mlflow.db'}",
        }
        command = [sys.executable, "-P", "-m", "slipway", *arguments, "--repo", str(self.clone.root)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")} | own
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    def settle(self, code: int = 0) -> Any:
        """Settle once; what it says of the one trial that there is."""
        done = self.slipway("settle", MODEL, "--json")
        assert done.returncode == code, done.stderr + done.stdout
        (trial,) = json.loads(done.stdout)["trials"]
        return trial

    def settled(self) -> str:
        """Settle while clients ask, until it ends; what it ends with."""
        with self.running.traffic(WHERE, self.rows):
            done = self.slipway("settle", MODEL, "--wait", "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        (trial,) = json.loads(done.stdout)["trials"]
        return str(trial["end"])

    def watch(self, code: int = 0, **more: str) -> Any:
        """Watch once; what it says of the model."""
        done = self.slipway("watch", MODEL, "--over", "10s", "--json", **more)
        assert done.returncode == code, done.stderr + done.stdout
        (found,) = json.loads(done.stdout)["models"]
        return found

    def asks(self, expression: str) -> Callable[[], float]:
        """What Prometheus says now."""
        server = Prometheus(url=self.running.scraper.url)
        return lambda: sum(one.value for one in server.query(expression))

    @contextmanager
    def traffic(self, *, drifted: bool = False) -> Iterator[None]:
        """Clients ask, and Prometheus has seen sixty of them answered between two looks."""
        with self.running.traffic(WHERE, self.rows, drifted=drifted):
            until(lambda: self.asks(f'increase(slipway_rows_total{{deployment_name="{MODEL}"}}[10s])')() >= 80, 30)
            yield


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    world.change(f"data/{MODEL}/model.toml", "canary_percent = 10\n", SERVING.format(hours=1.5))
    world.commit("Try canaries for seconds")
    return world


@pytest.fixture
def place(world: World, tmp_path: Path) -> Iterator[Place]:
    clone = world.clone()
    world.release(clone, MODEL)
    toml = world.person.root / "data" / MODEL / "model.toml"
    asked = rows.rows(toml.with_name("train.csv"), spec.parse(toml.read_bytes(), str(toml)))
    images = Layout(root=world.images, registry="localhost/slipway")
    with cluster(
        world.remote,
        MODEL,
        images,
        tmp_path / "prometheus",
        environments=(WHERE,),
        namespace="models-{environment}",
    ) as running:
        running.sync()
        yield Place(world=world, clone=clone, running=running, rows=asked)


def test_a_cluster_that_is_down_for_an_hour(place: Place) -> None:
    before = place.serving().default.key
    canary = place.give("B", hours_ago=1.0)
    place.running.sync()
    place.running.down()
    for _ in range(2):
        trial = place.settle(3)
        assert (trial["end"], trial["commit"]) == ("wait", "")
    assert place.slipway("watch", MODEL, "--json").returncode == 3, "what cannot be seen is no all-clear"
    now = place.serving()
    assert (now.default.key, now.canary.key if now.canary else "") == (before, canary)
    place.running.up()
    assert place.settled() == "promote"
    assert place.serving().default.key == canary


def test_prometheus_without_data(place: Place) -> None:
    canary = place.give("B", hours_ago=0.2)
    place.running.sync()
    place.running.scraper.watch(())
    before = place.world.main()
    trial = place.settle(3)
    assert trial["end"] == "wait"
    assert "Prometheus has no data of it yet" in trial["reasons"][1]
    assert (place.world.main(), place.serving().canary is not None) == (before, True)
    place.running.sync()
    assert place.settled() == "promote"
    assert place.serving().default.key == canary


def test_a_canary_with_no_traffic(place: Place) -> None:
    """It waits for requests as long as it was told to; then its golden requests alone decide."""
    canary = place.give("B")
    place.running.sync()
    until(lambda: place.asks(f'count(slipway_model_info{{predictor_name="canary",key="{canary}"}})')() >= 1, 30)
    while "more requests" not in (trial := place.settle())["reasons"][1]:
        assert trial["end"] == "wait"
    place.world.change(f"data/{MODEL}/model.toml", "canary_hours = 1.5", "canary_hours = 0.001")
    place.world.pull()
    place.world.commit("Lose patience")
    trial = place.settle()
    assert trial["end"] == "promote"
    assert "of the 40 requests came that it waits for" in trial["reasons"][0]
    assert place.serving().default.key == canary


def test_labels_that_never_come(place: Place) -> None:
    with place.traffic():
        found = place.watch()
        assert found["decision"] == "nothing", found
        assert found["live"]["rows"] >= 60, found
        assert (found["live"]["labels"]["rows"], found["live"]["labels"]["worse"]) == (0, False)
        assert "no labels came back" in found["said"]
    assert place.world.bare("for-each-ref", "--format=%(refname:short)").splitlines() == ["main"]


def test_two_drift_alerts_at_once(place: Place, tmp_path: Path) -> None:
    """Two runs, each in a clone of its own as its job's is: one pull request, with the drift in its text."""
    file, pointer = f"data/{MODEL}/train.csv", f"data/{MODEL}/train.csv.dvc"
    with bucket(tmp_path / "source") as source, FakeGitHub.serve() as github:
        data = (place.world.person.root / file).read_bytes()
        (source.folder / "train.csv").write_bytes(data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        origin = Source(url=source.url("train.csv"), etag=md5, size=len(data))
        before = Pointer(path="train.csv", md5=md5, size=len(data), source=origin)
        place.world.pull()
        place.world.write(file, None)
        place.world.write(pointer, before.to_bytes())
        kept = f"[core]\n    remote = kept\n['remote \"kept\"']\n    url = {tmp_path / 'dvc'}\n"
        place.world.write(".dvc/config", kept)
        place.world.commit("Keep the data elsewhere")
        newer = remotes.data("D").encode()
        (source.folder / "train.csv").write_bytes(newer)
        both = [replace(place, clone=place.world.clone(name)) for name in ("one", "two")]
        environ = {**source.environ, **github.environ()}
        with place.traffic(drifted=True), ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda one: one.watch(**environ), both))
        assert [one["decision"] for one in found] == ["propose", "propose"]
        (pull,) = github.state.pulls.values()
        assert all(one["url"].endswith(f"/pull/{pull.number}") for one in found)
    assert pull.branch == f"slipway/watch/{MODEL}"
    assert "holds newer data; drift of" in pull.body
    assert place.world.bare("diff", "--name-only", f"main...{pull.branch}").splitlines() == [pointer]
    after = Pointer.parse(place.world.bare("show", f"{pull.branch}:{pointer}").encode() + b"\n", pointer)
    assert after.md5 == hashlib.md5(newer, usedforsecurity=False).hexdigest()


def test_a_release_during_anothers_canary(place: Place) -> None:
    first = place.give("B")
    place.running.sync()
    second = place.give("C")
    assert place.running.runs(WHERE)["canary"] == first
    said = f"n place of {first[:8]}, which was on trial"
    assert said in place.world.bare("log", "-1", "--format=%B", "main")
    place.running.sync()
    assert place.running.runs(WHERE)["canary"] == second
    assert place.settled() == "promote"
    assert place.serving().default.key == second
    subjects = [line.split(" ", 2)[:2] for line in place.world.log()]
    assert ["promote(toy):", first[:8]] not in subjects
    told = place.slipway("history", MODEL)
    assert said in told.stdout, told.stdout + told.stderr
