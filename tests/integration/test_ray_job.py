"""A RayJob from its submission to its end, on a Kubernetes API that goes wrong in all the ways that one can."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from tests.fake_kubernetes import NAMESPACE, Fault, Kubernetes, serve
from tests.processes import until

from slipway.adapters.ray_job import document
from slipway.adapters.ray_job.document import Wish
from slipway.adapters.ray_job.follow import Follower
from slipway.adapters.ray_job.kubernetes import Cluster
from slipway.adapters.store import open_store
from slipway.errors import InputError, OutsideError, SlipwayError
from slipway.stages import remote_tune, tune
from slipway.stages.remote_tune import RayJob
from slipway.workspace import Workspace

TEMPLATE = Path(__file__).parents[2] / "tekton/ray/rayjob.yaml"
FAILED = "Job entrypoint command failed with exit code {}, last available logs (truncated to 20,000 chars):\n"


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.speed = 1.0
        self.ends_at = float("inf")
        self.played: list[Callable[[], None]] = []

    def pause(self, seconds: float) -> None:
        """Let it pass, and then what is to happen next happen."""
        self.now += seconds * self.speed
        if self.now >= self.ends_at:
            raise KeyboardInterrupt
        if self.played:
            self.played.pop(0)()


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    with serve(Kubernetes()) as kubernetes:
        monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig(tmp_path)))
        yield kubernetes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def kept() -> list[bool]:
    """Not empty as soon as the result is in the store."""
    return []


@pytest.fixture
def follower(kubernetes: Kubernetes, clock: Clock, said: list[str], kept: list[bool]) -> Iterator[Follower]:
    assert kubernetes.url
    cluster = dataclasses.replace(Cluster.connect(clock.pause), clock=lambda: clock.now)
    wish = Wish(model="iris", key="ab" * 32, run="mine", source="s3://b/s.zip", store="s3://b", queue="team")
    built = document.build(document.read(TEMPLATE), wish, namespace="elsewhere")
    yield Follower(cluster=cluster, document=built, say=said.append, is_kept=lambda: bool(kept))
    cluster.close()


def test_it_tells_each_thing_once_and_leaves_nothing(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, said: list[str]
) -> None:
    name, submitter = follower.name, f"{follower.name}-x1"
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}
    worker = {"ray.io/cluster": "c1", "ray.io/node-type": "worker"}

    def starts() -> None:
        kubernetes.status(name, jobDeploymentStatus="Initializing", rayClusterName="c1")
        kubernetes.pod("w", worker, conditions=[unscheduled])

    def runs() -> None:
        kubernetes.pod("w", worker, phase="Running")
        kubernetes.pod(submitter, {"job-name": name}, phase="Running")
        kubernetes.status(name, jobDeploymentStatus="Running", jobStatus="RUNNING")
        kubernetes.say(submitter, "search: 1 of 4")
        kubernetes.say(submitter, "search: 1 of 4")

    def goes_on() -> None:
        kubernetes.say(submitter, "search: 4 of 4")

    clock.played = [
        lambda: kubernetes.status(name, jobDeploymentStatus="Suspended"),
        lambda: None,
        starts,
        lambda: None,
        runs,
        lambda: None,
        goes_on,
        lambda: kubernetes.status(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED"),
    ]
    follower.follow()
    assert said == [
        f"{name} is submitted to namespace {NAMESPACE}",
        f"{name} waits for KubeRay",
        f"{name} waits in queue team",
        f"{name} starts its cluster",
        "a worker waits: Insufficient cpu",
        "search: 1 of 4",
        "search: 1 of 4",
        f"{name} runs",
        "search: 4 of 4",
    ]
    assert not kubernetes.jobs


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (
            {"jobDeploymentStatus": "Failed", "reason": "AppFailed", "message": FAILED.format(2)},
            InputError,
            "its input is wrong:\n  the last words",
        ),
        (
            {"jobDeploymentStatus": "Failed", "reason": "AppFailed", "message": FAILED.format(3)},
            OutsideError,
            "exit code 3:\n  the last words",
        ),
        (
            {"jobDeploymentStatus": "Failed", "reason": "DeadlineExceeded", "message": "longer than 60 s"},
            OutsideError,
            "DeadlineExceeded: longer than 60 s:\n  the last words",
        ),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}, OutsideError, "does not say why"),
        (
            {"jobDeploymentStatus": "ValidationFailed", "reason": "ValidationFailed", "message": "bad spec"},
            InputError,
            "KubeRay refuses the RayJob: ValidationFailed: bad spec",
        ),
    ],
)
def test_a_search_that_fails_is_told_with_its_last_words(
    follower: Follower,
    kubernetes: Kubernetes,
    clock: Clock,
    status: dict[str, Any],
    kind: type[SlipwayError],
    told: str,
) -> None:
    def fails() -> None:
        kubernetes.pod("s", {"job-name": follower.name})
        kubernetes.say("s", "the last words")
        kubernetes.status(follower.name, **status)

    clock.played = [fails]
    with pytest.raises(kind, match=told):
        follower.follow()
    assert not kubernetes.jobs


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (Fault("POST", "rayjobs", 404), OutsideError, "KubeRay is not installed"),
        (
            Fault("POST", "rayjobs", 404, body={"code": 404, "message": "no", "details": {"kind": "namespaces"}}),
            OutsideError,
            "no namespace slipway-ray",
        ),
        (
            Fault("POST", "rayjobs", 403, body={"code": 403, "message": 'User "me" cannot create resource "rayjobs"'}),
            OutsideError,
            'refuses to create .* cannot create resource "rayjobs"\n.*role of tekton/ray',
        ),
        (Fault("GET", "pods", 403), OutsideError, "refuses to list"),
        (Fault("GET", "rayjobs/", 403), OutsideError, "refuses to get"),
        (
            Fault("POST", "rayjobs", 422, body={"code": 422, "message": "spec.rayClusterSpec: Required value"}),
            InputError,
            "refuses the RayJob: spec.rayClusterSpec",
        ),
        (Fault("POST", "rayjobs", 0, times=10_000), OutsideError, "has not answered for 300 s"),
    ],
)
def test_what_kubernetes_refuses_is_told_with_what_to_do(
    follower: Follower, kubernetes: Kubernetes, fault: Fault, kind: type[SlipwayError], told: str
) -> None:
    kubernetes.faults = [fault]
    with pytest.raises(kind, match=told):
        follower.follow()
    assert not kubernetes.jobs


def test_what_fails_in_passing_is_asked_again(follower: Follower, kubernetes: Kubernetes, clock: Clock) -> None:
    kubernetes.faults = [
        Fault("POST", "rayjobs", 503),
        Fault("POST", "rayjobs", 0),
        Fault("GET", "rayjobs/", 429, times=2),
        Fault("GET", "rayjobs/", 0, times=2),
        Fault("GET", "pods", 500, times=2),
        Fault("DELETE", "rayjobs", 504),
    ]
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: None] * 12 + [lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert len(kubernetes.created) == 1
    assert not kubernetes.jobs


def test_an_answer_that_is_lost_makes_no_second_search(
    follower: Follower, kubernetes: Kubernetes, clock: Clock
) -> None:
    """The RayJob was made, and the connection ended before it was said: it is this run's all the same."""
    kubernetes._create(dict(follower.document))
    kubernetes.faults = [Fault("POST", "rayjobs", 0)]
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: None, lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert not kubernetes.jobs


QUOTA = "exceeded quota: searches, requested: count/rayjobs.ray.io=1, used: count/rayjobs.ray.io=4, limited: ..."


def full(times: int = 1, said: str = QUOTA) -> Fault:
    """The quota's admission refuses the next RayJobs, which no role allows or forbids."""
    return Fault("POST", "rayjobs", 403, times, {"code": 403, "message": f'rayjobs.ray.io "x" is forbidden: {said}'})


def test_a_search_waits_its_turn_where_a_quota_allows_no_more(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, said: list[str]
) -> None:
    """Heads of searches that began all at once would leave no room for anybody's workers."""
    kubernetes.faults = [full(1, "status unknown for quota: searches, resources: count/rayjobs.ray.io"), full(20)]
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: None] * 22 + [lambda: kubernetes.status(follower.name, **finish)]
    clock.speed = 100
    follower.follow()
    assert clock.now > 4 * 3600
    assert len(kubernetes.created) == 1
    assert not kubernetes.jobs
    waits = [line for line in said if "waits for other searches to end" in line]
    assert len(waits) == 2
    assert waits[1] == f"{follower.name} waits for other searches to end: {QUOTA}"


def test_places_that_killed_runs_left_taken_are_given_back(
    follower: Follower, kubernetes: Kubernetes, clock: Clock
) -> None:
    ended = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED", "endTime": "2026-01-01T00:00:00Z"}
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}

    def killed() -> None:
        kubernetes.jobs["left"] = others(follower, **ended)
        kubernetes.jobs["left"]["metadata"] = {**kubernetes.jobs["left"]["metadata"], "name": "left"}

    kubernetes.faults = [full(2)]
    clock.played = [killed, lambda: None, lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert not kubernetes.jobs


@pytest.mark.parametrize("is_mine", [True, False])
def test_a_full_quota_hides_no_search_that_is_there(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, *, is_mine: bool
) -> None:
    """The quota refuses before the name is looked at, so a search would wait for itself."""
    kubernetes.jobs[follower.name] = dict(follower.document) if is_mine else others(follower)
    kubernetes.faults = [full(10_000)]
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert not kubernetes.created
    assert (follower.name in kubernetes.jobs) is not is_mine


def others(follower: Follower, **status: Any) -> dict[str, Any]:
    """The same search as another run submitted it."""
    metadata = {**follower.document["metadata"], "annotations": {document.RUN: "theirs"}}
    return {**follower.document, "metadata": metadata, "status": status}


def test_a_search_that_is_under_way_is_waited_for_and_left(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, said: list[str]
) -> None:
    kubernetes.jobs[follower.name] = others(follower, jobDeploymentStatus="Running", jobStatus="RUNNING")
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert said[0] == f"{follower.name} is under way already: waiting for it"
    assert not kubernetes.created
    assert follower.name in kubernetes.jobs


def test_a_search_whose_run_was_cancelled_is_taken_over(
    follower: Follower, kubernetes: Kubernetes, clock: Clock
) -> None:
    kubernetes.jobs[follower.name] = others(follower, jobDeploymentStatus="Running", jobStatus="RUNNING")
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [
        kubernetes.jobs.clear,
        lambda: kubernetes.status(follower.name, **finish),
    ]
    follower.follow()
    assert len(kubernetes.created) == 1
    assert not kubernetes.jobs


def test_one_that_ended_without_a_result_makes_room(follower: Follower, kubernetes: Kubernetes, clock: Clock) -> None:
    kubernetes.jobs[follower.name] = others(follower, jobDeploymentStatus="Failed", reason="AppFailed")
    finish = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    clock.played = [lambda: None, lambda: kubernetes.status(follower.name, **finish)]
    follower.follow()
    assert len(kubernetes.created) == 1


@pytest.mark.parametrize("leaving", [{}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}])
def test_one_that_ended_with_its_result_is_left_to_its_run(
    follower: Follower, kubernetes: Kubernetes, kept: list[bool], leaving: dict[str, str]
) -> None:
    """Its run may not have seen the end yet, and would take it for cancelled."""
    job = others(follower, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
    kubernetes.jobs[follower.name] = {**job, "metadata": {**job["metadata"], **leaving}}
    kept.append(True)
    follower.follow()
    assert not kubernetes.created
    assert follower.name in kubernetes.jobs


@pytest.mark.parametrize("is_mine", [True, False])
def test_one_that_another_run_took_away_at_its_end_has_ended_well(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, kept: list[bool], *, is_mine: bool
) -> None:
    """Whose it was looks as often as who waits for it: either may be first."""
    if not is_mine:
        kubernetes.jobs[follower.name] = others(follower, jobDeploymentStatus="Running", jobStatus="RUNNING")

    def ends() -> None:
        kept.append(True)
        kubernetes.jobs.clear()

    clock.played = [ends]
    follower.follow()
    assert len(kubernetes.created) == int(is_mine)
    assert not kubernetes.jobs


def test_anothers_that_failed_is_no_matter_once_the_result_is_there(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, kept: list[bool]
) -> None:
    kubernetes.jobs[follower.name] = others(follower, jobDeploymentStatus="Running", jobStatus="RUNNING")

    def fails() -> None:
        kept.append(True)
        kubernetes.status(follower.name, jobDeploymentStatus="Failed", reason="AppFailed")

    clock.played = [fails]
    follower.follow()
    assert follower.name in kubernetes.jobs


def test_one_that_somebody_deletes_ends_the_wait(follower: Follower, kubernetes: Kubernetes, clock: Clock) -> None:
    clock.played = [kubernetes.jobs.clear]
    with pytest.raises(OutsideError, match="was deleted before it ended"):
        follower.follow()


def test_what_killed_runs_left_is_swept_away(follower: Follower, kubernetes: Kubernetes, clock: Clock) -> None:
    ended = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
    managed = {"name": "", "labels": document.MANAGED}
    for name, labels, status in (
        ("old", document.MANAGED, ended | {"endTime": "2026-01-01T00:00:00Z"}),
        ("new", document.MANAGED, ended | {"endTime": "2999-01-01T00:00:00Z"}),
        ("running", document.MANAGED, {"jobDeploymentStatus": "Running"}),
        ("foreign", {}, ended | {"endTime": "2026-01-01T00:00:00Z"}),
    ):
        kubernetes.jobs[name] = {"metadata": {**managed, "name": name, "labels": labels}, "spec": {}, "status": status}
    clock.ends_at = 1.0
    with pytest.raises(KeyboardInterrupt):
        follower.follow()
    assert set(kubernetes.jobs) == {"new", "running", "foreign"}


@pytest.mark.parametrize(
    ("status", "waiting", "told"),
    [
        ({}, {}, "nothing has looked at RayJob"),
        (
            {"jobDeploymentStatus": "Initializing", "rayClusterName": "c1"},
            {"reason": "ImagePullBackOff", "message": "manifest unknown"},
            "does not start: the head, ray: ImagePullBackOff: manifest unknown",
        ),
    ],
)
def test_what_waiting_does_not_mend_ends_it(
    follower: Follower,
    kubernetes: Kubernetes,
    clock: Clock,
    status: dict[str, Any],
    waiting: dict[str, str],
    told: str,
) -> None:
    labels = {"ray.io/cluster": "c1", "ray.io/node-type": "head"}
    kubernetes.pod("h", labels, containerStatuses=[{"name": "ray", "state": {"waiting": waiting}}])
    clock.speed = 10
    clock.played = [lambda: kubernetes.status(follower.name, **status)]
    with pytest.raises(OutsideError, match=told):
        follower.follow()
    assert 300 < clock.now < 360
    assert not kubernetes.jobs


def test_a_cluster_that_is_gone_for_good_keeps_no_command(
    follower: Follower, kubernetes: Kubernetes, clock: Clock, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion is tried for some seconds; the RayJob's deadline does the rest."""
    monkeypatch.setattr("slipway.adapters.ray_job.follow._LAST_PATIENCE", 0.0)

    def gone() -> None:
        kubernetes.faults = [Fault(method, ".", 503, times=10_000) for method in ("GET", "DELETE")]

    clock.played = [gone]
    with pytest.raises(OutsideError, match="has not answered for 300 s"):
        follower.follow()
    assert said[-1].startswith(f"warning: {follower.name} could not be deleted, and ends at its deadline")


def test_without_a_cluster_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(OutsideError, match="no Kubernetes cluster is configured"):
        Cluster.connect(time.sleep)


# ---- the stage, with a store over HTTP


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def remote(s3: str, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace with a store in a bucket."""
    store = f"s3://reviews/{hashlib.sha256(str(tmp_path).encode()).hexdigest()}"
    for name, value in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s3cret-of-the-store",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket="reviews")
    settings = dataclasses.replace(workspace.settings, store=store)
    return dataclasses.replace(workspace, settings=settings, store=open_store(store))


def searched(workspace: Workspace) -> tune.Tuned:
    model = workspace.model("toy")
    return remote_tune.run(
        workspace, model, RayJob(template=TEMPLATE), load=lambda: tune.load(workspace, model), environ={}
    )


def test_a_result_that_is_not_in_the_store_is_no_result(remote: Workspace, kubernetes: Kubernetes) -> None:
    kubernetes.operator = lambda there, name: there.status(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
    with pytest.raises(OutsideError, match="has no challenger of key"):
        searched(remote)
    (submitted,) = kubernetes.created
    assert "s3cret-of-the-store" not in str(submitted)


def test_another_pull_request_with_the_same_change_searches_for_itself(
    remote: Workspace, kubernetes: Kubernetes
) -> None:
    """Its own store is where its result must come to lie."""
    kubernetes.operator = lambda there, name: there.status(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
    for number in (7, 8):
        store = f"{remote.settings.store}/pull-requests/{number}"
        settings = dataclasses.replace(remote.settings, store=store)
        with pytest.raises(OutsideError, match=rf"{store} has no challenger of key"):
            searched(dataclasses.replace(remote, settings=settings, store=open_store(store)))
    first, second = kubernetes.created
    assert first["metadata"]["name"] != second["metadata"]["name"]


PROGRAM = """
import os, sys
from pathlib import Path
from slipway.cli import guarded
from slipway.cli.options import workspace_of
from slipway.stages import remote_tune, tune
def search():
    workspace = workspace_of(Path(sys.argv[1]), None)
    model = workspace.model("toy")
    job = remote_tune.RayJob(template=Path(sys.argv[2]))
    remote_tune.run(workspace, model, job, load=lambda: tune.load(workspace, model), environ=os.environ)
sys.exit(guarded(search))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_cancelled_run_takes_its_search_with_it(
    remote: Workspace, kubernetes: Kubernetes, number: signal.Signals
) -> None:
    kubernetes.operator = lambda there, name: there.status(name, jobDeploymentStatus="Running", jobStatus="RUNNING")
    arguments = [str(remote.settings.repo), str(TEMPLATE)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "SLIPWAY_STORE": remote.settings.store},
        stderr=subprocess.PIPE,
    )
    asked = f"GET /api/v1/namespaces/{NAMESPACE}/pods"
    try:
        until(lambda: kubernetes.asked.count(asked) > 1 or process.poll() is not None, 30)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, errors.decode()
    assert b"interrupted" in errors
    assert len(kubernetes.created) == 1
    assert not kubernetes.jobs
