"""MLflow's registry follows Git: real databases, and a real server over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.registry import Registry, Synced
from slipway.adapters.registry_mirror import follow, mirror
from slipway.adapters.registry_steps import Call, Wanted
from slipway.adapters.tracking import connect

A, B = "a1" * 32, "b2" * 32
IRIS = Wanted(
    model="iris",
    champion=A,
    challenger=None,
    images={A: f"registry.example/iris@sha256:{A}"},
    commit="c0ffee" * 6,
)
CANARY = replace(IRIS, challenger=B, images={**IRIS.images, B: f"registry.example/iris@sha256:{B}"})
GONE = replace(IRIS, champion=None, challenger=None, images={})

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


def sync(uri: str, *wanted: Wanted) -> Synced:
    with closing(Registry(uri=uri).start()) as syncing:
        syncing.tell(wanted)
        return syncing.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take long to make."""
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def uri(tmp_path: Path, empty: Path) -> str:
    (tmp_path / "mlflow.db").write_bytes(empty.read_bytes())
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "--backend-store-uri": f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination": str(folder / "artifacts"),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *(part for pair in options.items() for part in pair)],
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120
    while not answers(address):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    yield address
    os.killpg(process.pid, signal.SIGKILL)  # the group that this fixture made
    process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as response:  # noqa: S310  our own server
            return bool(response.status == 200)
    except OSError:
        return False


def recorded(client: Any, key: str, model: str = "iris") -> Any:
    """A run such as the recorder of a search leaves."""
    experiment = client.get_experiment_by_name(model)
    number = experiment.experiment_id if experiment else client.create_experiment(model)
    run = client.create_run(number, tags={"slipway.run": "search", "slipway.key": key})
    client.set_terminated(run.info.run_id, "FINISHED")
    return run


def aliases(client: Any, model: str = "iris") -> dict[str, str]:
    """The key that each alias stands for."""
    held = client.get_registered_model(model).aliases
    return {alias: client.get_model_version(model, str(n)).tags["slipway.key"] for alias, n in held.items()}


def versions(client: Any, model: str = "iris") -> Sequence[Any]:
    return sorted(client.search_model_versions(f"name = '{model}'"), key=lambda one: int(one.version))


def told(uri: str, *wanted: Wanted) -> list[str]:
    """The changes of a sync without a problem, in this process."""
    changes: list[str] = []
    assert follow(uri, wanted, changes.append) == ""
    return changes


def follow_a_model_through_its_life(uri: str) -> None:
    client = connect(uri)
    run = recorded(client, A)

    assert sync(uri, IRIS) == Synced(changes=("iris: a1a1a1a1 registered", "iris: champion none -> a1a1a1a1"))
    (first,) = versions(client)
    assert (first.source, first.run_id) == (run.info.artifact_uri, run.info.run_id)
    assert first.tags == {"slipway.key": A, "slipway.image": IRIS.images[A], "slipway.commit": IRIS.commit}
    assert "gitops/" in client.get_registered_model("iris").description

    told(uri, CANARY)  # no run is known of its challenger
    assert aliases(client) == {"champion": A, "challenger": B}
    second = versions(client)[1]
    assert (second.source, second.run_id or None) == (f"slipway:///iris/{B}/challenger", None)

    before = client.get_registered_model("iris").last_updated_timestamp, [one.tags for one in versions(client)]
    assert told(uri, replace(CANARY, commit="another")) == []
    assert before == (client.get_registered_model("iris").last_updated_timestamp, [v.tags for v in versions(client)])

    client.set_registered_model_alias("iris", "champion", str(second.version))  # by hand
    client.delete_registered_model_alias("iris", "challenger")
    client.set_registered_model_alias("iris", "favourite", str(second.version))
    assert told(uri, CANARY) == ["iris: champion b2b2b2b2 -> a1a1a1a1", "iris: challenger none -> b2b2b2b2"]
    assert aliases(client) == {"champion": A, "challenger": B, "favourite": B}

    promoted = replace(CANARY, champion=B, challenger=None, commit="promoted")
    assert told(uri, promoted) == ["iris: champion a1a1a1a1 -> b2b2b2b2", "iris: challenger b2b2b2b2 -> none"]
    assert [one.tags["slipway.commit"] for one in versions(client)] == [IRIS.commit, "promoted"]

    assert told(uri, GONE) == ["iris: champion b2b2b2b2 -> none"]
    assert aliases(client) == {"favourite": B}
    assert len(versions(client)) == 2


def test_a_database_follows(uri: str) -> None:
    follow_a_model_through_its_life(uri)


@pytest.mark.slow
def test_a_server_follows(server: str) -> None:
    follow_a_model_through_its_life(server)
    at_once(server, "wine")


def at_once(uri: str, model: str) -> None:
    client = connect(uri)
    both = [Registry(uri=uri).start() for _ in range(3)]
    time.sleep(2)  # all are ready when the first is told
    for syncing in both:
        syncing.tell([replace(CANARY, model=model)])
    assert [syncing.close().problem for syncing in both] == ["", "", ""]
    assert aliases(client, model) == {"champion": A, "challenger": B}
    assert sorted(one.tags["slipway.key"] for one in versions(client, model)) == [A, B]


def test_three_at_once_make_one_version_of_a_key(uri: str) -> None:
    at_once(uri, "iris")


class Overtaken:
    """A client before whose first call of a kind another one does the whole work."""

    def __init__(self, client: Any, call: Call) -> None:
        self._client, self._call = client, call

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            self._call = Call.DELETE_VERSION  # once
            list(mirror(self._client, CANARY))
        return getattr(self._client, name)


@pytest.mark.parametrize("call", [Call.CREATE_MODEL, Call.CREATE_VERSION, Call.SET_ALIAS])
def test_one_that_is_overtaken_ends_in_the_same_state(uri: str, call: Call) -> None:
    client = connect(uri)
    list(mirror(Overtaken(client, call), CANARY))
    assert aliases(client) == {"champion": A, "challenger": B}
    assert [one.tags["slipway.key"] for one in versions(client)] == [A, B]


def test_a_kill_in_the_middle_is_made_good(uri: str) -> None:
    """Killed as soon as it has said its first change, with most still to do."""
    many = [replace(CANARY, model=f"model-{number}") for number in range(12)]
    syncing = Registry(uri=uri).start()
    syncing.tell(many)
    assert syncing.process.stdout is not None
    assert syncing.process.stdout.readline()
    syncing.process.kill()
    assert syncing.close().problem

    repeated = sync(uri, *many)
    assert repeated.problem == ""
    assert repeated.changes
    client = connect(uri)
    for one in many:
        assert aliases(client, one.model) == {"champion": A, "challenger": B}
        assert len(versions(client, one.model)) == 2
    assert sync(uri, *many) == Synced()


def test_a_database_that_is_killed_while_it_is_made_can_be_made_again(tmp_path: Path) -> None:
    """MLflow alone would leave tables that it cannot upgrade: here they appear at once."""
    file = tmp_path / "new" / "mlflow.db"
    syncing = Registry(uri=f"sqlite:///{file}").start()
    syncing.tell([IRIS])
    until = time.monotonic() + 60
    while not list(tmp_path.glob("new/.mlflow.db-*/mlflow.db")):
        assert time.monotonic() < until
        time.sleep(0.01)
    syncing.process.kill()
    assert syncing.close().problem
    assert not file.exists()
    assert sync(f"sqlite:///{file}", IRIS).problem == ""


def test_one_that_is_told_nothing_touches_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    with closing(Registry(uri=f"sqlite:///{tmp_path / 'mlflow.db'}").start()) as syncing:
        assert syncing.close() == Synced()
    assert time.monotonic() - began < 1
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_one_line_soon() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        began = time.monotonic()
        done = sync(f"http://ann:secret@127.0.0.1:{unused.getsockname()[1]}", IRIS, replace(IRIS, model="wine"))
    assert time.monotonic() - began < 20
    assert "refused" in done.problem
    assert "secret" not in done.problem
    assert "\n" not in done.problem


def test_a_server_that_never_answers_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        syncing = Registry(uri=f"http://127.0.0.1:{silent.getsockname()[1]}").start()
        syncing.patience = 3.0
        syncing.tell([IRIS])
        assert syncing.close() == Synced(problem="MLflow did not answer within 4 s")


def test_a_model_that_cannot_follow_keeps_no_other_from_it(uri: str) -> None:
    assert "not/a/name" in follow(uri, [replace(IRIS, model="not/a/name"), IRIS], print)
    assert aliases(connect(uri)) == {"champion": A}


def test_an_address_of_no_kind_is_one_line() -> None:
    assert "bogus" in follow("bogus://nowhere", [IRIS], print)
