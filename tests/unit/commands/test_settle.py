"""`slipway settle` with a real remote, and servers that answer as the cluster and Prometheus would."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests import remotes
from tests.github_server import FakeGitHub
from tests.remotes import World

from slipway import trained
from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.store import open_store
from slipway.commands.settle import Look, settle
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving
from slipway.errors import ExitCode, InputError
from slipway.workspace import Workspace

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 1.0, math.inf)
STAGES = ("staging", "production")


@dataclass(kw_only=True)
class Cluster:
    """What runs where, and what was asked of it: all of it is told by the tests."""

    store: Path
    port: int = 0
    keys: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """The key behind a namespace, a model and a predictor."""
    wrong: set[str] = field(default_factory=set)
    requests: dict[str, int] = field(default_factory=lambda: {"default": 3000, "canary": 300})
    errors: dict[str, int] = field(default_factory=dict)
    is_scraped: bool = True
    has_prometheus: bool = True
    meanwhile: Callable[[], object] | None = None
    """What happens on main while a model is asked, once."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{self.url}/{{namespace}}/{{model}}/{{predictor}}"

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """What a path is answered with."""
        parts = urlsplit(path)
        if parts.path.startswith("/api/v1/"):
            return self._told(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        _, namespace, model, predictor, *_ = parts.path.split("/")
        key = self.keys.get((namespace, model, predictor))
        if key is None:
            return 503, {"status": "no healthy upstream"}
        return 200, self._predicted(model, key, json.loads(body)["data"]) if body else {}

    def _predicted(self, model: str, key: str, data: Mapping[str, Any]) -> Any:
        """The golden answers of the rows that are asked for, in whatever order their columns are."""
        found = trained.load(open_store(str(self.store)), model, key)
        assert found
        card = found.card
        known = (*card.numeric, *card.categorical)
        names = data["names"] or known
        golden = {(*one.numeric, *one.categorical): one.answer for one in card.golden}
        rows = [tuple(row[names.index(name)] for name in known) for row in data["ndarray"]]
        answers = [golden[row][::-1] if key in self.wrong else golden[row] for row in rows]
        labels = [max(zip(row, card.classes, strict=True))[1] for row in answers]
        return {
            "data": {"names": card.classes, "ndarray": answers},
            "meta": {"tags": {"key": key, "labels": labels}},
        }

    def _told(self, path: str, asked: Mapping[str, str]) -> tuple[int, Any]:
        if not self.has_prometheus:
            return 503, {"status": "error", "error": "starting"}
        kind = "matrix" if path.endswith("query_range") else "vector"
        result = self._range(asked) if kind == "matrix" else self._buckets(asked["query"])
        return 200, {"status": "success", "data": {"resultType": kind, "result": result if self.is_scraped else []}}

    def _range(self, asked: Mapping[str, str]) -> list[Any]:
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        moments = [round(start + at * step, 3) for at in range(int((end - start) / step) + 1)]
        series = []
        for namespace, model, predictor in self.keys:
            if f'namespace="{namespace}",deployment_name="{model}"' not in asked["query"]:
                continue
            labels = {"predictor_name": predictor, "pod": f"{model}-{predictor}"}
            if asked["query"].startswith("slipway_model_info"):
                told = {**labels, "key": self.keys[namespace, model, predictor]}
                series.append({"metric": told, "values": [[at, "1"] for at in moments]})
                continue
            bad = self.errors.get(predictor, 0)
            for code, count in (("200", self.requests[predictor] - bad), ("500", bad)):
                counts = {**labels, "code": code, "transport": "rest"}
                values = [[moments[0], "0"], [moments[-1], str(count)]]
                series.append({"metric": counts, "values": values})
        return series

    def _buckets(self, query: str) -> list[Any]:
        predictor = "canary" if 'predictor_name="canary"' in query else "default"
        return [
            {"metric": {"le": str(bound)}, "value": [0, str(self.requests[predictor] if bound > 0.004 else 0)]}
            for bound in BOUNDS
        ]


@contextmanager
def serving(cluster: Cluster) -> Iterator[Cluster]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one go: else the body waits for the head's receipt

        def do_GET(self) -> None:
            status, document = cluster.answer(self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  the base class names it so

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        cluster.port = server.server_port
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()


@dataclass(kw_only=True)
class Place:
    """A world, its cluster, and a time of day."""

    world: World
    clone: Git
    cluster: Cluster
    now: datetime = NOW
    environments: tuple[str, ...] = ("production",)
    followed: list[str] = field(default_factory=list)
    """The environments in which something was committed, for whoever follows main."""
    printed: pytest.CaptureFixture[str] = field(repr=False)

    def workspace(self, **settings: Any) -> Workspace:
        told = {
            "environments": self.environments,
            "environment": self.environments[0],
            "prometheus": self.cluster.url,
            "endpoint": self.cluster.endpoint,
        }
        return replace(self.world.workspace(self.clone, **told | settings), now=lambda: self.now)

    def release(self, *names: str) -> None:
        """Release in all environments what there is to be released, and have the cluster follow."""
        for name in self.environments:
            told = self.workspace(environment=name, alone=True)
            list(replace(self.world.releaser(self.clone), workspace=told).release(names))
        self.sync()

    def sync(self) -> None:
        self.cluster.keys.clear()
        for path in self.world.bare("ls-tree", "-r", "--name-only", "main", "gitops/models").split():
            _, _, model, environment, _ = path.split("/")
            now = self.serving(model, environment)
            place = (f"models-{environment}", model)
            self.cluster.keys[*place, "default"] = now.default.key
            if now.canary:
                self.cluster.keys[*place, "canary"] = now.canary.key

    def serving(self, model: str = "toy", environment: str = "production") -> Serving:
        content = self.world.manifest(model, environment)
        assert content is not None
        return manifest.read(content, "main")

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def settle(
        self, *models: str, look: Look | None = None, pause: Callable[[float], None] | None = None, **settings: Any
    ) -> tuple[int, list[Any]]:
        """The exit code, and what the document has of each trial."""
        self.printed.readouterr()
        workspace = self.workspace(**settings)
        code = settle(workspace, models, look or Look(), as_json=True, pause=pause or never, follow=self.follow)
        found: list[Any] = json.loads(self.printed.readouterr().out)["trials"]
        return code, found

    def follow(self, workspace: Workspace, _: MainBranch) -> None:
        self.followed.append(workspace.settings.environment)

    def end(self, **settings: Any) -> tuple[int, str]:
        """The exit code, and the end of the one trial that there is."""
        code, (found,) = self.settle(**settings)
        return code, found["end"]


@pytest.fixture
def place(
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Place]:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    with serving(Cluster(store=world.store)) as cluster:
        yield Place(world=world, clone=world.clone(), cluster=cluster, printed=capsys)


def never(seconds: float) -> None:
    raise AssertionError(seconds)


def on_trial(place: Place) -> str:
    """Release B beside A; the key of B."""
    place.release()
    place.later(hours=48)
    place.world.give("B")
    place.release()
    place.later(minutes=12)
    canary = place.serving().canary
    assert canary
    return canary.key


def test_nothing_is_on_trial_and_nothing_is_asked(place: Place) -> None:
    place.cluster.port = 1
    assert place.settle(prometheus="") == (0, [])


def test_the_life_of_a_trial(place: Place) -> None:
    key = on_trial(place)
    place.now -= timedelta(minutes=9)
    assert place.end() == (0, "wait")
    place.later(minutes=9)
    assert place.end() == (0, "promote")
    assert place.serving().default.key == key
    message = "\n".join(place.world.log("%B", "-1"))
    assert message.startswith(f"promote(toy): {key[:8]} 100%")
    assert "300 requests (0.00% errors" in message
    assert "the default 3,000 requests" in message
    assert place.settle() == (0, [])
    assert place.followed == ["production"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cluster, key: cluster.wrong.add(key), "Its answers are wrong"),
        (lambda cluster, _: cluster.errors.update(canary=60), "It does worse than the default"),
    ],
    ids=["wrong answers", "errors"],
)
def test_what_is_bad_is_taken_back_and_held(place: Place, change: Callable[[Cluster, str], Any], said: str) -> None:
    key = on_trial(place)
    change(place.cluster, key)
    before = place.world.main()
    code, (found,) = place.settle(look=Look(dry_run=True))
    assert (code, found["end"], place.world.main()) == (ExitCode.VERDICT_NO, "revert", before)
    assert place.end() == (ExitCode.VERDICT_NO, "revert")
    assert place.world.log()[0].startswith(f"revert(toy): {key[:8]} {said}")
    assert place.serving().canary is None
    place.release()
    assert place.settle() == (0, []), "it is held"


def test_a_cluster_and_a_prometheus_that_are_away(place: Place) -> None:
    on_trial(place)
    place.cluster.has_prometheus = False
    assert place.end() == (ExitCode.OUTSIDE_FAILED, "wait")
    place.cluster.has_prometheus, place.cluster.is_scraped = True, False
    assert place.end() == (ExitCode.OUTSIDE_FAILED, "wait")
    place.cluster.keys.clear()
    place.cluster.is_scraped = True
    place.later(hours=1)
    assert place.end() == (ExitCode.OUTSIDE_FAILED, "wait")
    place.later(hours=48)
    assert place.end() == (ExitCode.OUTSIDE_FAILED, "wait")
    place.sync()
    assert place.end() == (0, "promote")


def test_nobody_asks_it(place: Place) -> None:
    on_trial(place)
    place.cluster.requests |= {"default": 0}
    assert place.end() == (0, "wait")
    place.later(hours=24)
    assert place.end() == (0, "promote")
    assert "none of the 200 requests came" in "\n".join(place.world.log("%b", "-1"))


def test_it_never_comes_up(place: Place) -> None:
    key = on_trial(place)
    del place.cluster.keys["models-production", "toy", "canary"]
    place.later(hours=23)
    assert place.end() == (ExitCode.OUTSIDE_FAILED, "wait")
    place.later(hours=2)
    assert place.end() == (ExitCode.VERDICT_NO, "revert")
    assert place.world.log()[0].startswith(f"revert(toy): {key[:8]} It did not come up")


def test_a_release_that_replaces_it_waits_until_the_cluster_has_it(place: Place) -> None:
    on_trial(place)
    place.world.give("C")
    releaser = place.world.releaser(place.clone)
    list(replace(releaser, workspace=place.workspace()).release(("toy",)))
    code, (found,) = place.settle()
    assert (code, found["end"]) == (0, "wait")
    assert "not rolled out yet" in found["reasons"][0]
    place.sync()
    assert place.end() == (0, "wait")
    place.later(minutes=12)
    assert place.end() == (0, "promote")


def test_from_staging_to_production(place: Place) -> None:
    """The first release has the full traffic at once in both; in staging nobody asks, and it is confirmed there."""
    place.environments = STAGES
    place.cluster.requests = {"default": 0, "canary": 0}
    place.release()
    place.later(minutes=12)
    code, (first,) = place.settle()
    assert (code, first["environment"], first["kind"], first["end"]) == (0, "staging", "unconfirmed", "confirm")
    assert place.serving(environment="staging").default.verified
    assert place.world.log()[0].startswith("verify(toy): ")
    assert place.followed == ["staging"]
    place.release()
    code, (fresh,) = place.settle()
    assert (code, fresh["environment"], fresh["kind"], fresh["end"]) == (0, "production", "fresh", "keep")
    place.world.give("B")
    place.release()
    place.later(minutes=12)
    code, found = place.settle()
    assert [(one["environment"], one["end"]) for one in found] == [("staging", "promote"), ("production", "keep")]
    assert place.serving(environment="staging").default.verified


def test_one_that_fails_keeps_no_other_from_its_end(place: Place) -> None:
    place.world.pull()
    place.world.add("other")
    place.world.commit("Add another model")
    place.release()
    place.later(hours=48)
    place.world.give("B", "other")
    place.world.give("B")
    place.release()
    place.later(minutes=12)
    key = place.serving("other").canary
    assert key
    for entry in (place.world.store / "other" / key.key).iterdir():
        shutil.rmtree(entry)
    shutil.rmtree(place.world.images)
    code, found = place.settle()
    assert code == ExitCode.OUTSIDE_FAILED
    assert [(one["model"], one["end"]) for one in found] == [("other", "wait"), ("toy", "promote")]
    assert "neither the store nor the image has other" in found[0]["reasons"][0]


def test_one_that_does_not_answer_keeps_no_other_waiting(place: Place) -> None:
    place.world.pull()
    place.world.add("other")
    place.world.commit("Add another model")
    place.release()
    place.later(minutes=12)
    is_other_asked = Event()
    waited: list[bool] = []

    def first() -> None:
        place.cluster.meanwhile = is_other_asked.set
        waited.append(is_other_asked.wait(5))

    place.cluster.meanwhile = first
    code, found = place.settle()
    assert (code, [(one["model"], one["end"]) for one in found]) == (0, [("other", "keep"), ("toy", "keep")])
    assert waited == [True]


def test_it_waits_until_the_end(place: Place) -> None:
    on_trial(place)
    place.now -= timedelta(minutes=9)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        place.now += timedelta(minutes=5)

    code, (found,) = place.settle(look=Look(wait=True), pause=pause)
    assert (code, found["end"]) == (0, "promote")
    assert pauses == [30.0, 30.0]


def test_it_waits_for_a_remote_that_is_away(place: Place) -> None:
    on_trial(place)
    place.now -= timedelta(minutes=9)
    away = [place.world.remote, place.world.root / "away.git"]

    def pause(_: float) -> None:
        away[0].rename(away[1])
        away.reverse()
        place.now += timedelta(minutes=5)

    code, (found,) = place.settle(look=Look(wait=True), pause=pause)
    assert (code, found["end"]) == (0, "promote")
    assert away[0] == place.world.remote


def test_an_interrupt_while_it_waits_is_told_what_was_found(place: Place) -> None:
    on_trial(place)
    place.now -= timedelta(minutes=9)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle(place.workspace(), (), Look(wait=True), as_json=True, pause=interrupt)
    assert json.loads(place.printed.readouterr().out)["trials"][0]["end"] == "wait"


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"prometheus": ""}, "no address of a Prometheus"), ({"endpoint": "http://{cluster}"}, "braces")],
)
def test_what_is_wrong_in_the_settings_is_not_waited_for(place: Place, settings: dict[str, Any], said: str) -> None:
    on_trial(place)
    code, (found,) = place.settle(look=Look(wait=True), **settings)
    assert (code, found["end"]) == (ExitCode.BAD_INPUT, "wait")
    assert said in found["reasons"][0]


def test_where_main_is_protected_the_promotion_waits_on_a_branch(place: Place) -> None:
    on_trial(place)
    code, (found,) = place.settle(landing="branch")
    assert (code, found["end"], found["done"]) == (0, "promote", "proposed")
    assert place.serving().canary
    again = place.settle(landing="branch")
    assert again[1][0]["commit"] == found["commit"]


def test_what_waits_is_opened_and_says_what_it_is_by_then(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    key = on_trial(place)
    with FakeGitHub.serve() as github:
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        place.settle(landing="branch")
        (pull,) = github.state.pulls.values()
        assert (pull.title, pull.merges_itself) == (f"promote(toy): {key[:8]} 100%", True)
        asked = len(github.requests)
        place.world.bare("branch", "slipway/production/other", "main")
        place.settle(landing="branch")
        assert len(github.requests) - asked == 1, "each minute, as long as it waits"
        place.cluster.wrong.add(key)
        code, (found,) = place.settle(landing="branch")
        assert (code, found["end"], found["done"]) == (ExitCode.VERDICT_NO, "revert", "proposed")
        assert pull.title == found["subject"]
        assert len(github.state.pulls) == 1


def test_a_forge_that_refuses_what_waits_changes_nothing_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_trial(place)
    with FakeGitHub.serve() as github:
        github.state.denied |= {"pull_requests=write"}
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        code, (found,) = place.settle(landing="branch")
        assert (code, found["done"], github.state.pulls) == (0, "proposed", {})


@pytest.mark.parametrize("is_bad", [False, True], ids=["promotion", "revert"])
def test_a_release_that_comes_while_it_is_asked(place: Place, *, is_bad: bool) -> None:
    key = on_trial(place)
    place.cluster.wrong |= {key} if is_bad else set()

    def newer() -> None:
        place.world.give("C")
        list(place.world.releaser(place.world.clone("other")).release(("toy",)))

    place.cluster.meanwhile = newer
    code, (found,) = place.settle()
    assert (code, found["key"], found["end"]) == (0, key, "keep")
    assert "on trial no longer" in found["reasons"][0]
    assert place.world.log()[0].startswith("release(toy): ")


def test_people_are_told_in_lines(place: Place) -> None:
    key = on_trial(place)
    assert settle(place.workspace(), (), Look(), as_json=False, pause=never, follow=place.follow) == 0
    assert place.printed.readouterr().out.endswith(f" promote(toy): {key[:8]} 100%\n")


def test_a_name_that_is_none(place: Place) -> None:
    with pytest.raises(InputError, match="cannot name a model"):
        place.settle("No Model")
