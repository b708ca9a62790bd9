"""`slipway serve` as a process: what it prints, what it serves, and that nothing of it is left when it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.remotes import World

from slipway import released
from slipway.adapters import server
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.git import Git
from slipway.commands.release import images
from slipway.commands.serve import Which, serve
from slipway.errors import InputError, OutsideError, StoreError
from slipway.workspace import Workspace

OPTIONS = {Which.LIVE: (), Which.CANARY: ("--canary",), Which.CHALLENGER: ("--challenger",)}
TIMEOUT = 30


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A clone in which B is on trial beside A, and C is what its working tree has."""

    world: World
    workspace: Workspace
    keys: dict[Which, str]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with pytest.MonkeyPatch.context() as environ:
        for name, value in remotes.ENVIRON.items():
            environ.setenv(name, value)
        world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path_factory.mktemp("trial") / "world")
        git = world.clone()
        world.release(git)
        world.give("B")
        world.release(git)
        git.run("pull", "--quiet", "origin", "main")
        (git.root / "data/toy/train.csv").write_text(remotes.data("C"))
        workspace = world.workspace(git)
        serving = released.serving(workspace, "toy")
        assert serving.canary is not None
        challenger = workspace.model("toy").key
        keys = {Which.LIVE: serving.default.key, Which.CANARY: serving.canary.key, Which.CHALLENGER: challenger}
        yield Trial(world=world, workspace=workspace, keys=keys)


@contextmanager
def started(trial: Trial, which: Which, place: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    where = ("--repo", str(trial.workspace.settings.repo), "--store", str(trial.world.store))
    process = subprocess.Popen(
        [sys.executable, "-m", "slipway", "serve", "toy", "--port", "0", *OPTIONS[which], *options, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def document(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The one that is printed as soon as the model is served."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "}\n":
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended without a document"
    found: dict[str, Any] = json.loads("".join(lines))
    return found


def is_listening(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition("/")[0].partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def until(holds: Any) -> bool:
    end = time.monotonic() + TIMEOUT
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(holds())


@pytest.mark.parametrize(
    ("which", "role", "how"),
    [
        (Which.LIVE, "live in production", signal.SIGINT),
        (Which.CANARY, "the canary, with 10% in production", signal.SIGTERM),
        (Which.CHALLENGER, "the challenger of the working tree", signal.SIGHUP),
    ],
)
def test_it_is_served_until_it_is_ended(
    trial: Trial, tmp_path: Path, which: Which, role: str, how: signal.Signals
) -> None:
    with started(trial, which, tmp_path, "--json") as process:
        said = document(process)
        assert (said["model"], said["key"], said["role"]) == ("toy", trial.keys[which], role)
        assert said["url"].startswith("http://127.0.0.1:")
        if shutil.which("curl"):
            asked = subprocess.run(["sh", "-c", said["curl"]], capture_output=True, check=True)  # noqa: S607
            assert json.loads(asked.stdout)["meta"]["tags"]["key"] == trial.keys[which]
        addresses = [said["url"], said["grpc"], said["metrics"]]
        assert all(until(lambda address=address: is_listening(address)) for address in addresses)
        process.send_signal(how)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (0, "", "Ended.\n")
    assert not any(map(is_listening, addresses))
    assert not list(tmp_path.iterdir())


def test_people_are_told_what_is_served_and_how_to_ask_it(trial: Trial, tmp_path: Path) -> None:
    with started(trial, Which.LIVE, tmp_path) as process:
        assert process.stdout is not None
        head = [process.stdout.readline().rstrip() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIMEOUT)
    live, canary = trial.keys[Which.LIVE][:8], trial.keys[Which.CANARY][:8]
    assert head[0] == f"toy {live}, live in production ({canary} is on trial with 10%: --canary serves it)"
    assert [line.split()[0] for line in head[1:4]] == ["REST", "gRPC", "metrics"]
    assert head[4] == "Ask it:"
    assert head[5].startswith("  curl -s http://127.0.0.1:")
    assert err == "Ctrl-C ends it.\nEnded.\n"


def test_it_ends_while_it_starts(trial: Trial, tmp_path: Path) -> None:
    with started(trial, Which.LIVE, tmp_path, "--json") as process:
        assert until(lambda: list(tmp_path.glob("slipway-*/log")))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (0, "", "Ended.\n")
    assert not list(tmp_path.iterdir())


def test_a_server_that_dies_is_told_with_the_end_of_its_log(trial: Trial) -> None:
    workspace = trial.workspace
    serving = released.serving(workspace, "toy")
    files = released.find(workspace, lambda: images(workspace.settings), "toy", serving.default).files
    with server.serve(files) as running:
        assert Endpoint(url=running.url).is_up()
        os.killpg(running.process.pid, signal.SIGKILL)
        with pytest.raises(
            OutsideError, match=r"(?s)the model's server ended by itself; its log ends with:\n.*Booting worker"
        ):
            running.watch()


def test_a_port_that_is_taken_is_said_at_once(trial: Trial) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match=f"port {port} cannot be used: .*\n  Choose another port"):
            serve(trial.workspace, "toy", which=Which.LIVE, port=port, as_json=False)


def test_without_seldon_core_nothing_is_served(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seldon_core", None)
    with pytest.raises(OutsideError, match="there is no seldon-core\n  Install it: make setup"):
        serve(trial.workspace, "toy", which=Which.LIVE, port=0, as_json=False)


def own(trial: Trial, root: Path) -> Workspace:
    """A workspace of one's own, in which things may be lost."""
    world = remotes.copy(trial.world, root / "world")
    return world.workspace(Git(root=world.root / "clone"))


def test_what_cannot_be_served_is_said(trial: Trial, tmp_path: Path) -> None:
    workspace = own(trial, tmp_path)
    store, repo = Path(workspace.settings.store), workspace.settings.repo

    def failure(error: type[Exception], which: Which, model: str = "toy") -> str:
        with pytest.raises(error) as found:
            serve(workspace, model, which=which, port=0, as_json=False)
        return str(found.value)

    assert "there is no model 'nothing' here" in failure(InputError, Which.LIVE, "nothing")
    onnx = store / "toy" / trial.keys[Which.CANARY] / "challenger" / "model.onnx"
    onnx.write_bytes(b"damaged")
    assert "model.onnx" in failure(StoreError, Which.CANARY)
    shutil.rmtree(store / "toy" / trial.keys[Which.CHALLENGER])
    assert failure(StoreError, Which.CHALLENGER).endswith("Train it: slipway run toy")
    manifest = repo / "gitops/models/toy/production/seldon-deployment.yaml"
    manifest.unlink()
    assert "nothing of toy is released in production" in failure(InputError, Which.LIVE)
    workspace.git.run("checkout", "--quiet", "HEAD~1", "--", "gitops")
    assert "there is no canary of toy in production" in failure(InputError, Which.CANARY)
