"""`slipway watch` with a real Prometheus: what it scrapes of models that drift, do not, or say nothing.

Half a minute, most of them until Prometheus has seen enough.
"""

from __future__ import annotations

import csv
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests import remotes
from tests import served as models
from tests.endpoints import fake, http
from tests.github_server import FakeGitHub, State
from tests.processes import until
from tests.prometheus_server import Server, Target, needs_prometheus, prometheus
from tests.remotes import World

from slipway.adapters.endpoint import Endpoint
from slipway.adapters.prometheus import Prometheus
from slipway.adapters.server import Running, serve
from slipway.challenger import Challenger
from slipway.commands.watch import Look, watch
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.delivery.source_image import source
from slipway.live.selector import Selector
from slipway.spec import Platform
from slipway.watch.decision import Kind, Live, findings
from slipway.watch.drift import LEAST_ROWS
from slipway.watch.observe import Observer
from slipway.watch.outcome import Until

pytestmark = needs_prometheus
KEY, OTHER = "ab" * 32, "cd" * 32
MODELS = ("drifting", "few", "moved", "numbers", "quiet", "steady", "swapped", "unseen", "wrong")
PLACES = {"production": "", "calm": "steady", "unlabelled": "unlabelled", "shifted": "drifting", "sparse": "sparse"}
"""Where models are live, and as which one all are there; empty: each as itself."""
WIDTH = {"up to 1": 0.25, "1 to 2": 0.25, "2 to 10": 0.25, "above 10": 0.25, "missing": 0.0}
SAME, FAR, SPARSE = (250, 250, 250, 250, 0), (10, 10, 30, 900, 50), (4, 6, 10, 20, 0)
CLASSES = {"no": 0.5, "yes": 0.5}
Watch = Callable[..., dict[str, dict[str, Any]]]


@dataclass(kw_only=True)
class Metrics:
    """What models show: nothing was asked of them yet, or all that these tests ask."""

    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, line: socket.socket, request: bytes) -> None:
        """What a scrape gets: by its path, of a place."""
        said = self.text(PLACES[request.split()[1].decode().removeprefix("/")])
        line.sendall(http(said, "200 OK", "Content-Type: text/plain; version=0.0.4"))

    def text(self, kind: str) -> str:
        with self.lock:
            named = [(model, kind or model) for model in MODELS if model != "unseen"]
            lines = [line for model, kind in named for line in self._of(model, kind)]
        return "\n".join(lines) + "\n"

    def _of(self, model: str, kind: str) -> Iterator[str]:
        def line(name: str, value: float, /, **labels: str) -> str:
            named = {"deployment_name": model, "predictor_name": "default", **labels}
            shown = ",".join(f'{label}="{said}"' for label, said in named.items())
            return f"{name}{{{shown}}} {value}"

        def counter(name: str, value: float, /, **labels: str) -> str:
            return line(name, value if self.is_over else 0.0, **labels)

        scale = 0.01 if kind == "few" else 0.0 if kind == "quiet" else 1.0
        width = FAR if kind in {"drifting", "few", "quiet", "swapped"} else SPARSE if kind == "sparse" else SAME
        key = OTHER if kind == "swapped" and not self.is_over else KEY
        yield line("slipway_model_info", 1, model=model, key=key, family="xgboost")
        yield line("slipway_reference_rows", 1000)
        for label, share, rows in zip(WIDTH, WIDTH.values(), width, strict=True):
            yield line("slipway_feature_reference_ratio", share, feature="width", bin=label)
            yield counter("slipway_feature_total", rows * scale, feature="width", bin=label)
            # the canary's rows are nobody's business here
            yield counter("slipway_feature_total", FAR[0], feature="width", bin=label, predictor_name="canary")
        yield line("slipway_prediction_reference_rows", 400)
        if kind == "numbers":
            yield line("slipway_label_reference", 2.0, metric="mae")
            for label, rows in zip(("up to 5", "above 5"), (100, 900), strict=True):
                yield line("slipway_prediction_reference_ratio", 0.5, bin=label)
                yield counter("slipway_prediction_bin_total", rows, bin=label)
            yield counter("slipway_labels_total", 200)
            yield counter("slipway_labels_absolute_error_total", 1000)
            return
        yield line("slipway_label_reference", 0.9, metric="accuracy")
        for label, share, rows in zip(
            CLASSES, CLASSES.values(), (950, 50) if kind == "moved" else (520, 480), strict=True
        ):
            yield line("slipway_prediction_reference_ratio", share, **{"class": label})
            yield counter("slipway_probability_total", rows * scale, **{"class": label})
        if kind in {"steady", "wrong"}:
            yield counter("slipway_labels_total", 300)
            yield counter("slipway_labels_right_total", 268 if kind == "steady" else 150)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has seen all of these models before and after they were asked."""
    metrics = Metrics()
    with fake(metrics.answer) as server:
        address = f"127.0.0.1:{server.port}"
        targets = [Target(address=address, labels={"namespace": f"models-{name}"}, path=f"/{name}") for name in PLACES]
        with prometheus(tmp_path_factory.mktemp("prometheus"), targets) as found:
            until(
                lambda: (
                    len(found.query("count_over_time(slipway_reference_rows[1m]) >= 3"))
                    == len(PLACES) * (len(MODELS) - 1)
                ),
                30,
            )
            metrics.is_over = True
            until(
                lambda: bool(
                    found.query(
                        'count_over_time(slipway_model_info{deployment_name="swapped",key="' + KEY + '"}[1m]) >= 4'
                    )
                ),
                30,
            )
            yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A repository with all of these models, live and with their data in Git."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in remotes.ENVIRON.items():
            patch.setenv(name, value)
        world = remotes.make(tmp_path_factory.mktemp("world"))
        for model in MODELS:
            for name in ("model.toml", "expectations.json", "train.csv"):
                world.write(f"data/{model}/{name}", (world.person.root / "data/toy" / name).read_bytes())
            release = Release(
                key=KEY, image=f"localhost/slipway/{model}@sha256:{'0' * 64}", commit="0" * 40, metrics={}
            )
            platform = Platform.KSERVE if model == "moved" else Platform.SELDON
            path = manifest_path(model, "production", platform)
            world.write(
                str(path), writer.first(model, release, replicas=2, platform=platform, environment="production")
            )
        world.write("data/toy", None)
        world.commit("Add all")
    return world


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as github:
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        yield github


@pytest.fixture
def run(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch models in a clone of its own; what was said of each, and the command's code."""
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    clone = replace(world.person, root=tmp_path / "clone")
    world.person.run("clone", "--quiet", "--depth=1", f"file://{world.remote}", str(clone.root))

    def once(*names: str, address: str, **settings: Any) -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        look = Look(prometheus=address, over=timedelta(days=1), until=Until.PROPOSAL)
        code = watch(world.workspace(clone, **settings), names, look, as_json=True)
        models = json.loads(capsys.readouterr().out)["models"]
        return {one["model"]: {**one, "said": "; ".join(one["said"]), "code": code} for one in models}

    return once


def drifted(found: Mapping[str, Any]) -> set[str]:
    return {one["name"] or one["subject"] for one in found["live"]["drift"] if one["drifted"]}


@pytest.mark.parametrize(
    ("model", "what", "code"),
    [
        ("steady", set(), 0),
        ("drifting", {"width"}, 1),
        ("moved", {"predictions"}, 1),
        ("numbers", {"predictions"}, 1),
        ("few", set(), 0),
        ("quiet", set(), 0),
        ("wrong", set(), 1),
    ],
)
def test_what_has_drifted(seen: Server, run: Watch, model: str, what: set[str], code: int) -> None:
    found = run(model, address=seen.url)[model]
    assert (drifted(found), found["code"]) == (what, code)


def test_the_index_is_the_one_that_the_rules_record(seen: Server, run: Watch) -> None:
    """Half a row added to each bin, over the same window."""
    found = run("drifting", address=seen.url)["drifting"]
    seconds = found["live"]["seconds"]
    of = '{namespace="models-production",deployment_name="drifting",predictor_name="default"}'
    before = f"(slipway_feature_reference_ratio{of} * 1000 + 0.5)"
    now = f"(increase(slipway_feature_total{of}[{seconds}s]) + 0.5)"
    p, q = (f"({rows} / on () group_left () sum({rows}))" for rows in (before, now))
    both = "on (feature, bin)"
    ((_, psi),) = seen.query(f"sum(({q} - {both} {p}) * {both} ln({q} / {both} {p}))")
    (width,) = (one for one in found["live"]["drift"] if one["name"] == "width")
    assert width["psi"] == pytest.approx(psi, rel=0.02)


def test_after_a_release_only_its_own_rows_count(seen: Server, run: Watch) -> None:
    """The counter jumped while the other key answered last: an increase over both would show a drift."""
    found = run("swapped", address=seen.url)["swapped"]
    assert found["live"]["seconds"] < 60
    assert drifted(found) == set()
    of = '{namespace="models-production",deployment_name="swapped",predictor_name="default",bin="above 10"}'
    assert seen.query(f"increase(slipway_feature_total{of}[1d])")[0][1] > 100


def test_labels_that_never_come_are_said_and_nothing_more(seen: Server, run: Watch) -> None:
    found = run("moved", "steady", "wrong", address=seen.url)
    assert "no labels came back" in found["moved"]["said"]
    assert found["moved"]["live"]["labels"] == {
        "metric": "accuracy", "rows": 0, "value": None, "holdout": 0.9, "worse": False,
    }  # fmt: skip
    assert [found[name]["live"]["labels"]["worse"] for name in ("steady", "wrong")] == [False, True]


def test_a_prometheus_without_data_says_nothing(run: Watch, tmp_path: Path) -> None:
    with prometheus(tmp_path / "empty") as empty:
        found = run("drifting", address=empty.url)["drifting"]
    assert (found["decision"], found["code"], found["live"]["drift"]) == ("nothing", 0, [])
    assert "has seen no row" in found["said"]


def test_a_model_that_is_not_up_is_no_finding(seen: Server, run: Watch) -> None:
    found = run("unseen", address=seen.url)["unseen"]
    assert (found["decision"], found["code"]) == ("nothing", 0)


def test_a_prometheus_that_is_down_leaves_all_as_it_is(server: FakeGitHub, seen: Server, run: Watch) -> None:
    run("drifting", address=seen.url)
    found = run("drifting", address="http://127.0.0.1:9")["drifting"]
    assert (found["decision"], found["code"]) == ("unsure", 3)
    assert server.state.issues[1].is_open


class TestIssue:
    """Drift, and no newer data to propose."""

    def test_one_a_model_edited_in_place(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        first = run(address=seen.url)
        assert {name for name, one in first.items() if one["url"]} == {"drifting", "moved", "numbers", "wrong"}
        assert next(iter(first.values()))["code"] == 1
        again = run(address=seen.url)
        assert {name: one["url"] for name, one in again.items()} == {name: one["url"] for name, one in first.items()}
        assert len(server.state.issues) == 4
        issue = server.state.issues[1]
        assert issue.title == "watch(drifting): drift of 1 feature, and there are no newer data"
        assert "Its data are in Git: only a commit of yours brings newer ones." in issue.body
        assert "above 10" in issue.body

    def test_a_closed_one_is_an_answer_for_the_same_drift(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        run("drifting", address=seen.url)
        server.state.issues[1].is_open = False
        found = run("drifting", address=seen.url)["drifting"]
        assert (found["code"], len(server.state.issues)) == (0, 1)
        assert "it is known" in found["said"]

    def test_silence_is_no_all_clear(self, server: FakeGitHub, seen: Server, run: Watch, tmp_path: Path) -> None:
        run("drifting", address=seen.url)
        with prometheus(tmp_path / "empty") as empty:
            run("drifting", address=empty.url)
        assert server.state.issues[1].is_open

    def test_it_is_closed_when_the_drift_is_over(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        run("drifting", address=seen.url)
        assert run("drifting", address=seen.url, namespace="models-calm")["drifting"]["code"] == 0
        assert [(one.is_open, one.reason) for one in server.state.issues.values()] == [(False, "completed")]
        run("drifting", address=seen.url)
        assert [one.is_open for one in server.state.issues.values()] == [False, True]

    def test_labels_that_stop_are_no_all_clear(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        """They come once a week, and the look is over a day."""
        run("wrong", address=seen.url)
        found = run("wrong", address=seen.url, namespace="models-unlabelled")["wrong"]
        assert (found["decision"], found["code"]) == ("nothing", 0)
        assert server.state.issues[1].is_open
        assert "of worse answers too little came back to say that it is over" in found["said"]
        run("wrong", address=seen.url, namespace="models-calm")
        assert not server.state.issues[1].is_open

    def test_what_nothing_came_back_of_is_not_forgotten(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        """Something else is found in between, and is over again."""
        run("wrong", address=seen.url)
        run("wrong", address=seen.url, namespace="models-shifted")
        issue = server.state.issues[1]
        assert issue.title == "watch(wrong): drift of 1 feature, and worse answers, and there are no newer data"
        assert "Of worse answers too little came back" in issue.body
        run("wrong", address=seen.url, namespace="models-unlabelled")
        assert issue.is_open

    def test_a_drift_that_few_rows_cannot_deny_is_not_over(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        run("drifting", address=seen.url)
        found = run("drifting", address=seen.url, namespace="models-sparse")["drifting"]
        assert (found["decision"], found["code"], drifted(found)) == ("nothing", 0, set())
        assert server.state.issues[1].is_open
        assert "of drift of 1 feature too little came back to say that it is over" in found["said"]

    def test_many_alerts_at_once_leave_one_open(self, server: FakeGitHub, seen: Server, world: World) -> None:
        look = Look(prometheus=seen.url, over=timedelta(days=1), until=Until.PROPOSAL)
        clones = [world.clone(f"at-once-{number}", "--depth=1") for number in range(4)]
        with ThreadPoolExecutor(len(clones)) as pool:
            codes = [*pool.map(lambda clone: watch(world.workspace(clone), ["drifting"], look, as_json=True), clones)]
        assert codes == [1] * len(clones)
        assert sum(one.is_open for one in server.state.issues.values()) == 1

    def test_two_that_were_opened_at_once_become_one(self, server: FakeGitHub, seen: Server, run: Watch) -> None:
        run("drifting", address=seen.url)
        state: State = server.state
        twin = state.open_issue(state.issues[1].author, state.issues[1].title, state.issues[1].body, ("slipway-watch",))
        run("drifting", address=seen.url)
        assert [one.is_open for one in state.issues.values()] == [True, False]
        assert "nothing to this any more" in twin.body


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Running, Challenger]]:
    """A real model behind a real server, of which a real Prometheus scrapes what it counts."""
    made = models.make("classification", tmp_path_factory.mktemp("repo"))
    environ = {"SELDON_DEPLOYMENT_ID": "toy", "PREDICTOR_ID": "default"}
    with serve(source(made.card, made.onnx), environ=environ) as running:
        target = Target(
            address=running.metrics.split("/")[2], labels={"namespace": "here"}, path=urlsplit(running.metrics).path
        )
        with prometheus(tmp_path_factory.mktemp("prometheus"), [target]) as found:
            until(lambda: bool(found.query("count_over_time(slipway_model_info[1m]) >= 2")), 40)
            yield found, running, made


def test_a_real_model_drifts_when_its_rows_do(served: tuple[Server, Running, Challenger]) -> None:
    """First as many rows as it was trained on, of the same kind; then ten times as many of another."""
    seen, running, made = served
    observer = Observer(
        prometheus=Prometheus(url=seen.url), selector=Selector(model="toy", namespace="here"), environment="production"
    )

    def ask(rows: Sequence[Sequence[object]]) -> Live:
        before = sum(value for _, value in seen.query("slipway_rows_total"))
        for start in range(0, len(rows), 50):
            batch = {"data": {"names": models.NAMES, "ndarray": [list(row) for row in rows[start : start + 50]]}}
            assert models.posted(Endpoint.parse(running.url), batch)[0] == 200
        until(lambda: sum(value for _, value in seen.query("slipway_rows_total")) >= before + len(rows), 20)
        return observer.look(made.card.key, over=timedelta(days=1))

    known = [row[:-1] for row in csv.reader(models.csv("classification").splitlines()[1:])]
    same = [[float(a) if a else None, int(b), c == "true", d, e] for a, b, c, d, e in known]
    live = ask(same)
    assert findings(live) == ()
    assert live.rows > LEAST_ROWS
    assert {one.counts.name for one in live.moved} == {*models.NAMES, ""}
    assert live.quality
    assert live.quality.now is None
    live = ask([[9.5, b, c, "red", e] for _, b, c, _, e in same] * 10)
    assert {one.name for one in findings(live) if one.kind is Kind.FEATURE} == {"width", "kind"}
    assert Kind.PREDICTIONS in {one.kind for one in findings(live)}
