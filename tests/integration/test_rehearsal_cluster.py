"""A rehearsal's cluster: real servers and a real Prometheus, that follow a real remote's main. 30 s."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.processes import is_up, until
from tests.prometheus_server import needs_prometheus
from tests.served import NAMES, VALUES, make

from slipway.adapters.endpoint import PREDICT, Endpoint, request
from slipway.adapters.git import Git
from slipway.adapters.image import Layout
from slipway.adapters.line import Line
from slipway.adapters.prometheus import Prometheus
from slipway.adapters.server import HOST
from slipway.challenger import Challenger
from slipway.delivery import source_image, writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.errors import OutsideError
from slipway.rehearsal import scraper
from slipway.rehearsal.cluster import Cluster, cluster
from slipway.rehearsal.gateway import Gateway, Route, is_canarys
from slipway.rehearsal.rows import Rows

MODEL, WHERE, NAMESPACE = "toy", "production", "models-production"
LABELS = 'deployment_name="toy",predictor_name="default",model_name="model"'
PATH = str(manifest_path(MODEL, WHERE))
ROWS = Rows(names=tuple(NAMES), usual=(tuple(VALUES),), drifted=(tuple(VALUES),))

pytestmark = [needs_prometheus, pytest.mark.timeout(120)]


class World:
    """A bare remote, the images of two releases, and a cluster that follows the one and runs the other."""

    def __init__(self, root: Path, made: list[Challenger]) -> None:
        self.root, self.made = root, made
        self.images = Layout(root=root / "images", registry="localhost/slipway")
        self.clone = Git(root=root / "clone")
        self.clone.root.mkdir(parents=True)
        self.clone.run("init", "--quiet", "--initial-branch=main")
        self.clone.run("init", "--quiet", "--bare", "--initial-branch=main", str(root / "remote.git"))
        self.clone.run("remote", "add", "origin", str(root / "remote.git"))
        self.releases = [self._release(one) for one in made]
        self.says(writer.first(MODEL, self.releases[0], replicas=1))

    def _release(self, made: Challenger) -> Release:
        image = self.images.build(MODEL, made.card.key, source_image.source(made.card, made.onnx))
        return Release(key=made.card.key, image=image.reference, commit="0" * 40, metrics={"log_loss": 0.5})

    def says(self, manifest: bytes | None) -> None:
        """Push another manifest, or none."""
        file = self.clone.root / PATH
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink() if manifest is None else file.write_bytes(manifest)
        self.clone.run("add", "--all")
        person = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        self.clone.run(*person, "commit", "--quiet", "--allow-empty", "--message=Change")
        self.clone.run("push", "--quiet", "origin", "main")

    def manifest(self) -> bytes:
        """What main says."""
        return (self.clone.root / PATH).read_bytes()

    def cluster(self) -> AbstractContextManager[Cluster]:
        """One that follows main."""
        return cluster(
            self.root / "remote.git",
            MODEL,
            self.images,
            self.root / "prometheus",
            environments=("staging", WHERE),
            namespace="models-{environment}",
        )

    def url(self, running: Cluster, predictor: str) -> str:
        """Where a predictor is asked."""
        return running.endpoint.format(namespace=NAMESPACE, model=MODEL, predictor=predictor, environment=WHERE)

    def answers(self, running: Cluster, number: int, predictor: str) -> list[tuple[float, ...]]:
        """What a predictor says to the golden requests of a release; it has to be of that release's key."""
        card = self.made[number].card
        rows = [(*one.numeric, *one.categorical) for one in card.golden]
        answer = Endpoint(url=self.url(running, predictor)).ask(rows, (*card.numeric, *card.categorical))
        assert answer.key == card.key
        return list(answer.rows)

    def expected(self, number: int) -> list[Any]:
        """What the review's model said."""
        return [pytest.approx(one.answer, abs=1e-4) for one in self.made[number].card.golden]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Challenger]:
    names = ("one", "two")
    return [make("classification", tmp_path_factory.mktemp(name), data=name) for name in names]


@pytest.fixture
def world(tmp_path: Path, made: list[Challenger], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return World(tmp_path, made)


@pytest.fixture
def running(world: World) -> Iterator[Cluster]:
    with world.cluster() as running:
        running.sync()
        yield running


def total(running: Cluster, expression: str) -> Callable[[], float]:
    """What Prometheus says to an expression now; 0 if it has nothing."""
    server = Prometheus(url=running.scraper.url)
    return lambda: sum(one.value for one in server.query(expression))


def test_the_life_of_a_canary(world: World, running: Cluster) -> None:
    first, second = world.releases
    assert running.runs(WHERE) == {"default": first.key}
    assert running.runs("staging") == {}
    assert world.answers(running, 0, "default") == world.expected(0)
    process = running.pods[WHERE, "default"].running.process
    running.sync()
    assert running.pods[WHERE, "default"].running.process is process, "what runs already is left alone"

    world.says(writer.with_canary(world.manifest(), PATH, second, percent=25))
    running.sync()
    assert running.runs(WHERE) == {"default": first.key, "canary": second.key}
    assert world.answers(running, 1, "canary") == world.expected(1)
    series = 'slipway_requests_total{{namespace="models-production",deployment_name="toy",predictor_name="{}"}}'
    with running.traffic(WHERE, ROWS) as sent:
        until(lambda: total(running, series.format("canary"))() >= 20, 30)
    assert sent.answered >= 60
    assert sent.unanswered == 0
    until(lambda: total(running, series.format("default"))() >= 60, 10)

    world.says(writer.promoted(world.manifest(), PATH))
    running.sync()
    assert running.runs(WHERE) == {"default": second.key}
    assert world.answers(running, 1, "default") == world.expected(1)
    assert process.poll() is not None, "what is not asked for any more has ended"
    with pytest.raises(OutsideError, match="404"):
        world.answers(running, 1, "canary")

    world.says(None)
    running.sync()
    assert running.runs(WHERE) == {}
    with pytest.raises(OutsideError, match="404"):
        world.answers(running, 1, "default")


def test_two_environments_are_two_places(world: World, running: Cluster) -> None:
    first, second = world.releases
    staging = world.clone.root / manifest_path(MODEL, "staging")
    staging.parent.mkdir(parents=True)
    staging.write_bytes(writer.first(MODEL, second, replicas=1))
    world.says(world.manifest())
    running.sync()
    assert (running.runs("staging"), running.runs(WHERE)) == ({"default": second.key}, {"default": first.key})
    for where, release in (("staging", second), (WHERE, first)):
        assert Endpoint(url=running.url(where)).ask([VALUES], NAMES).key == release.key
    keys = 'count by (namespace, key) (slipway_model_info{namespace=~"models-.*"})'
    until(lambda: total(running, keys)() == 2, 30)
    found = {one.labels["namespace"]: one.labels["key"] for one in Prometheus(url=running.scraper.url).query(keys)}
    assert found == {"models-staging": second.key, "models-production": first.key}


def test_who_only_verifies_is_no_traffic(world: World, running: Cluster) -> None:
    line = Line(world.url(running, "default"))
    for marks, rows in (({}, 1), ({"X-Slipway-Probe": "1"}, 1), ({}, 2)):
        assert line.ask("POST", PREDICT, request([VALUES], NAMES), marks=marks).status == 200
        text = Endpoint(url=running.pods[WHERE, "default"].running.metrics.removesuffix("/metrics"))
        with text.connect() as metrics:
            until(lambda: f"slipway_rows_total{{{LABELS}}} {rows}\n".encode() in metrics.ask("GET", "/metrics").body, 5)  # noqa: B023  asked at once
    line.close()


def test_a_sabotaged_release_looks_well_and_answers_wrongly(world: World, running: Cluster) -> None:
    second = world.releases[1]
    running.wrong.add(second.key)
    world.says(writer.with_canary(world.manifest(), PATH, second, percent=10))
    running.sync()
    assert world.answers(running, 0, "default") == world.expected(0)
    answers, classes = world.answers(running, 1, "canary"), world.made[1].card.classes
    assert len(classes) == 2
    assert answers == [pytest.approx(one.answer[::-1], abs=1e-4) for one in world.made[1].card.golden]
    assert Endpoint(url=world.url(running, "canary")).is_up()


def test_it_is_down_and_comes_back_where_it_was(world: World, running: Cluster) -> None:
    url, pods = running.url(WHERE), [pod.running.process for pod in running.pods.values()]
    with running.traffic(WHERE, ROWS) as sent:
        until(total(running, "sum(slipway_rows_total)"), 30)
        running.down()
        assert all(process.poll() is not None for process in pods)
        assert not is_up(int(url.split(":")[2].split("/")[0]))
        assert not is_up(int(running.scraper.url.rpartition(":")[2]))
        world.says(writer.with_canary(world.manifest(), PATH, world.releases[1], percent=50))
        running.up()
        before = sent.answered
        until(lambda: sent.answered > before, 10)
    assert sent.unanswered
    assert running.url(WHERE) == url
    assert set(running.runs(WHERE)) == {"default", "canary"}
    assert total(running, "sum(last_over_time(slipway_rows_total[1m]))")() > 0, "what was scraped before is still there"


def test_where_there_is_no_prometheus(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with (
        pytest.raises(OutsideError, match=r"prometheus was looked for on the PATH.*\n?.*apt-get install"),
        world.cluster(),
    ):
        pass


def test_rules_that_are_none_are_told(tmp_path: Path) -> None:
    one = scraper.Scraper(tmp_path, rules="groups: 7")
    with pytest.raises(OutsideError, match=r"did not start; its log ends with:\n(.*\n)*.*cannot unmarshal"):
        one.start()


@pytest.mark.parametrize("percent", [0, 1, 10, 33, 50, 99, 100])
def test_the_shares_are_kept_exactly(percent: int) -> None:
    turns = [is_canarys(turn, percent) for turn in range(200)]
    assert sum(turns) == 2 * percent
    assert sum(turns[:100]) == percent


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/models-production/toy/canary/metrics", ("http://c", "/metrics")),
        ("/models-production/toy/default/health/ping", ("http://d", "/health/ping")),
        ("/models-production/toy/api/v1.0/predictions", ("http://d", "/api/v1.0/predictions")),
        ("/models-production/toy", None),
        ("/models-staging/toy/default/metrics", None),
        ("/", None),
    ],
)
def test_where_a_path_leads(path: str, expected: tuple[str, str] | None) -> None:
    gateway = Gateway()
    gateway.route(NAMESPACE, MODEL, Route(urls={"default": "http://d", "canary": "http://c"}, percent=0))
    assert gateway.find(path) == expected


@pytest.mark.parametrize(("error", "is_told"), [(BrokenPipeError(), False), (ValueError("no"), True)])
def test_a_client_that_has_gone_away_is_no_fault(
    error: Exception, capsys: pytest.CaptureFixture[str], *, is_told: bool
) -> None:
    gateway = Gateway()
    gateway.start()
    server = gateway._server
    assert server is not None
    try:
        raise error
    except (OSError, ValueError):
        with socket.socket() as gone:
            server.handle_error(gone, (HOST, 1))
    finally:
        gateway.stop()
    assert ("Traceback" in capsys.readouterr().err) is is_told


RUNS = """\
import sys
from pathlib import Path
from slipway.cli import end_on_term
from slipway.rehearsal.scraper import Scraper
end_on_term()
one = Scraper(Path(sys.argv[1]))
try:
    one.start()
    print(one._process.pid, flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    pass
finally:
    one.stop()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_prometheus_ends_with_its_process(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", RUNS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(process.pid, number)
        process.wait(20)
    until(lambda: not Path(f"/proc/{pid}").exists(), 10)
