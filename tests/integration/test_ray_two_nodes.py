"""One search on two nodes of Ray, by their address and as a RayJob: the bytes are those of a search on one."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from moto.server import ThreadedMotoServer
from tests.fake_kubernetes import Json, Kubernetes, serve
from tests.ray_nodes import Nodes, two_nodes

from slipway import trained
from slipway.adapters.store import Files, open_store
from slipway.stages import remote_tune, tune
from slipway.stages.remote_tune import RayJob
from slipway.workspace import Workspace

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parents[2]
BUCKET = "reviews"
TRIALS = 10
SECRET = "s3cret-of-the-store"  # noqa: S105  of a server that ends with the test


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """An S3 server, and the environment that names it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture(scope="module")
def nodes(s3: dict[str, str]) -> Iterator[Nodes]:
    """The pods of a RayJob have the store's credentials, and so have these."""
    with two_nodes({**os.environ, **s3}) as nodes:
        yield nodes


@pytest.fixture
def remote(workspace: Workspace, s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace with slipway's own code in it, and its store in a bucket."""
    shutil.copytree(
        SOURCE / "src",
        workspace.settings.repo / "src",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET)
    url = f"s3://{BUCKET}/{tmp_path.parent.name}"
    settings = dataclasses.replace(workspace.settings, store=url)
    return dataclasses.replace(workspace, settings=settings, store=open_store(url))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Workspace], Files]:
    """What a plain `slipway tune` of this machine makes of the model; once, for the key is the same in all tests."""
    made: dict[str, Files] = {}

    def challenger(workspace: Workspace) -> Files:
        key = workspace.model("toy", trials=TRIALS).key
        if key not in made:
            store = str(tmp_path_factory.mktemp("plain") / "store")
            slipway(workspace, "--workers", "1", "--store", store)
            made[key] = kept(dataclasses.replace(workspace, store=open_store(store)))
        return made[key]

    return challenger


def slipway(workspace: Workspace, *arguments: str, **environ: str) -> str:
    """Run `slipway tune toy`; what it said."""
    command = [sys.executable, "-m", "slipway", "tune", "toy", "--trials", str(TRIALS), *arguments]
    given = {**os.environ, "RAY_AUTH_MODE": "disabled", **environ}
    done = subprocess.run(command, env=given, cwd=workspace.settings.repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def kept(workspace: Workspace) -> Files:
    """The challenger's files, as the store has them."""
    files = workspace.store.get(trained.place("toy", workspace.model("toy", trials=TRIALS).key))
    assert files is not None
    return files


def test_a_search_on_two_nodes_uses_both_and_gives_the_same_bytes(
    workspace: Workspace, nodes: Nodes, tmp_path: Path, local: Callable[[Workspace], Files]
) -> None:
    """Though a node knows neither this code nor which instructions NumPy is to do without."""
    store = str(tmp_path / "wide")
    with watched(nodes) as workers:
        slipway(workspace, "--store", store, RAY_ADDRESS=nodes.address)
    assert kept(dataclasses.replace(workspace, store=open_store(store))) == local(workspace)
    assert {parent for parent, _ in workers.values()} == set(nodes.raylets)
    assert {"AVX512F" in without.split() for _, without in workers.values()} == {True}


@contextlib.contextmanager
def watched(nodes: Nodes) -> Iterator[dict[int, tuple[int, str]]]:
    """The processes that evaluate trials meanwhile, each with its node and the features that it does without."""
    found: dict[int, tuple[int, str]] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent in nodes.raylets and (process / "cmdline").read_bytes().startswith(b"ray::_Inner"):
                        environ = (process / "environ").read_bytes().decode(errors="replace").split("\0")
                        pairs = dict(line.partition("=")[::2] for line in environ)
                        found[int(process.name)] = parent, pairs.get("NPY_DISABLE_CPU_FEATURES", "")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def test_a_search_as_a_rayjob_gives_the_same_bytes_and_leaves_nothing(
    remote: Workspace,
    nodes: Nodes,
    tmp_path: Path,
    local: Callable[[Workspace], Files],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, operator = remote.model("toy", trials=TRIALS), Operator(nodes=nodes, folder=tmp_path)
    with serve(Kubernetes(operator=operator)) as kubernetes:
        monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig(tmp_path)))

        def searched() -> tune.Tuned:
            job = RayJob(template=SOURCE / "tekton/ray/rayjob.yaml")
            return remote_tune.run(remote, model, job, load=lambda: tune.load(remote, model), environ={}, trials=TRIALS)

        far = searched()
        assert kept(remote) == local(remote), operator.said
        assert not kubernetes.jobs
        assert SECRET not in str(kubernetes.created)
        asked = len(kubernetes.asked)
        assert searched() == far
        assert len(kubernetes.asked) == asked


@dataclasses.dataclass(kw_only=True)
class Operator:
    """Does as KubeRay: hands a RayJob's command to the cluster by a submitter, whose output is the log."""

    nodes: Nodes
    folder: Path
    said: str = ""

    def __call__(self, kubernetes: Kubernetes, name: str) -> None:
        spec = kubernetes.jobs[name]["spec"]
        kubernetes.status(name, jobDeploymentStatus="Initializing", rayClusterName=f"{name}-c")
        kubernetes.pod(f"{name}-s", {"job-name": name}, phase="Running")
        kubernetes.status(name, jobDeploymentStatus="Running", jobStatus="RUNNING")
        process = self._submitted(spec) if importlib.util.find_spec("aiohttp_cors") else self._run(spec)
        with process:
            for line in process.stdout or ():
                self.said += line
                kubernetes.say(f"{name}-s", line.rstrip())
        if process.returncode == 0:
            kubernetes.status(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
        else:
            kubernetes.status(name, jobDeploymentStatus="Failed", reason="AppFailed", message=self.said)

    def _submitted(self, spec: Json) -> subprocess.Popen[str]:
        """Ray's own way with jobs, called through a shell as KubeRay calls it."""
        runtime = json.dumps(json.dumps(yaml.safe_load(spec["runtimeEnvYAML"])))
        submit = f"{shlex.quote(sys.executable)} -m ray.scripts.scripts job submit --address {self.nodes.dashboard}"
        return _started(f"{submit} --runtime-env-json {runtime} -- {spec['entrypoint']}", self.folder)

    def _run(self, spec: Json) -> subprocess.Popen[str]:
        """The same without Ray's dashboard, which not every installation of Ray has."""
        import boto3

        runtime = yaml.safe_load(spec["runtimeEnvYAML"])
        where = urlsplit(runtime["working_dir"])
        content = boto3.client("s3").get_object(Bucket=where.netloc, Key=where.path[1:])["Body"].read()
        zipfile.ZipFile(io.BytesIO(content)).extractall(self.folder / "unpacked")
        given = {**runtime["env_vars"], "RAY_ADDRESS": self.nodes.address}
        return _started(spec["entrypoint"], self.folder / "unpacked" / "repository", given)


def _started(command: str, folder: Path, more: dict[str, str] | None = None) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, **(more or {}), "PATH": path, "RAY_AUTH_MODE": "disabled"}
    return subprocess.Popen(  # noqa: S602  KubeRay has a shell do it, and its quoting is under test
        command, shell=True, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
