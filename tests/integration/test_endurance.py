"""A served model under load: processes that are killed, models that are damaged, memory that stays."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from tests.processes import HOST, Group, files, is_up, resident, serving, start, until
from tests.served import NAMES, VALUES, make

PREDICT = "/api/v1.0/predictions"
GOOD = json.dumps({"data": {"names": NAMES, "ndarray": [VALUES]}}).encode()
BACK = 4.0
"""Seconds until requests are answered after a worker was killed: a tenth of that, where nothing else runs."""
GONE = 5.0
"""Seconds until nothing is left of a server that was asked to end."""
START = 10.0
"""Seconds until a server that does not start has said so: less than one, where nothing else runs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("classification", tmp_path_factory.mktemp("repository"))
    place = tmp_path_factory.mktemp("model")
    (place / "model.onnx").write_bytes(made.onnx)
    (place / "model.json").write_bytes(made.card.to_json())
    return place


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[Group]:
    with serving(folder, tmp_path) as group:
        yield group


@dataclass
class Clients:
    """Clients with a connection each, that ask as fast as they are answered."""

    port: int
    answered: list[float] = field(default_factory=list)
    """When, by the clock."""
    latencies: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """What went wrong at first."""
    lost: list[str] = field(default_factory=list)
    """What went wrong again, on a new connection."""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, again: float) -> None:
        """Ask until it is over; what fails is asked once more, after so many seconds."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        while not self.over.is_set():
            kind = "kept" if connection.sock else "new"
            try:
                self.ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(f"{kind}: {error!r}")
                connection.close()
                time.sleep(again)
                self._once_more(connection)
        connection.close()

    def moved(self) -> Callable[[], bool]:
        """What tells whether all of them could have been answered once more, after what was under way just now."""
        began, enough = time.monotonic(), len(self.answered) + 24
        return lambda: len(self.answered) > enough and self.answered[-1] > began

    def ask(self, connection: http.client.HTTPConnection) -> None:
        """Ask once."""
        began = time.monotonic()
        connection.request("POST", PREDICT, GOOD, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or b'"ndarray"' not in body:
            self.lost.append(f"{answer.status} {body[:200]!r}")
        self.answered.append(time.monotonic())
        self.latencies.append(self.answered[-1] - began)

    def _once_more(self, connection: http.client.HTTPConnection) -> None:
        try:
            self.ask(connection)
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(repr(error))
            connection.close()


@contextlib.contextmanager
def asking(port: int, number: int, *, again: float = 0) -> Iterator[Clients]:
    """So many clients, until the block ends."""
    clients = Clients(port)
    threads = [threading.Thread(target=clients.run, args=(again,)) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(clients.answered) > 5 * number, 10)
        yield clients
    finally:
        clients.over.set()
        for thread in threads:
            thread.join()


def counted(port: int) -> float:
    """Requests that were answered, by the metrics of all workers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = [line for line in text.splitlines() if line.startswith("slipway_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_killed_worker_is_replaced_and_costs_no_retrying_client_anything(served: Group, times: int) -> None:
    shown: list[float] = []
    with asking(served.http, 8) as clients:
        until(lambda: counted(served.metrics) > 0, 5)
        for _ in range(times):
            worker = served.worker(served.http)
            os.kill(worker, signal.SIGKILL)
            assert until(clients.moved(), 10 * BACK) < BACK
            shown.append(counted(served.metrics))
            time.sleep(0.3)
    assert not clients.lost
    assert len(clients.failed) <= 8 * times
    assert shown == sorted(shown)
    assert counted(served.metrics) >= shown[-1] > 0


def test_a_killed_grpc_server_is_replaced(served: Group) -> None:
    message = json_format.Parse(GOOD, prediction_pb2.SeldonMessage())
    first = served.worker(served.grpc)
    with grpc.insecure_channel(f"{HOST}:{served.grpc}") as channel:
        ask = prediction_pb2_grpc.SeldonStub(channel).Predict
        expected = ask(message, timeout=10)
        os.kill(first, signal.SIGKILL)
        answered = until(lambda: ask.future(message, timeout=1, wait_for_ready=True).code() is grpc.StatusCode.OK, 10)
        assert answered < 2 * BACK
        assert ask(message, timeout=10) == expected
    assert served.worker(served.grpc) != first


@pytest.mark.parametrize("which", [0, 1])
def test_a_server_that_has_lost_grpc_or_its_metrics_ends(served: Group, which: int) -> None:
    first = served.process.pid
    started = sorted(map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()))
    beside = [pid for pid in started if pid != served.worker(served.http)]
    os.kill(beside[which], signal.SIGKILL)
    until(lambda: served.process.poll() is not None and not served.pids(), 2 * GONE)
    assert served.process.returncode not in (0, -signal.SIGTERM)
    assert "the process that serves gRPC, or the metrics', is gone" in served.said()


def test_a_server_whose_grpc_port_is_taken_ends(folder: Path, tmp_path: Path) -> None:
    with start(folder, tmp_path) as group, socket.socket() as taken:
        taken.bind((HOST, group.grpc))
        taken.listen()
        until(lambda: group.process.poll() is not None and not group.pids(), 2 * START)
        assert group.process.returncode != 0
        assert "Address already in use" in group.said()


def test_what_is_asked_is_answered_before_a_server_ends(served: Group) -> None:
    idle = http.client.HTTPConnection(HOST, served.http, timeout=10)
    idle.request("GET", "/health/ping")
    idle.getresponse().read()
    with asking(served.http, 8, again=0.2) as clients:
        began = time.monotonic()
        os.kill(served.process.pid, signal.SIGTERM)
        until(lambda: served.process.poll() is not None and not served.pids(), GONE)
        clients.over.set()
        assert time.monotonic() - began < GONE
    assert served.process.returncode in (0, -signal.SIGTERM)
    assert not [what for what in clients.failed if what.startswith("kept")], clients.failed
    assert not any(map(is_up, (served.http, served.grpc, served.metrics)))
    assert "Traceback" not in served.said()
    idle.close()


def _damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _rewritten(folder / "model.onnx", change)


def _rewritten(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def _carded(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    return lambda folder: _rewritten(folder / "model.json", lambda card: json.dumps(change(json.loads(card))).encode())


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return replace


def _zeros(size: int) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with file.open("wb") as opened:
            opened.truncate(size)

    return write


def _without(name: str) -> Callable[[dict[str, object]], object]:
    return lambda card: {key: value for key, value in card.items() if key != name}


ANOTHER = "model.onnx is damaged or another model's"
NO_CARD = "model.json is no model's card"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_damaged(lambda onnx: onnx[:-1]), ANOTHER),
        (_damaged(lambda onnx: onnx[:500] + bytes([onnx[500] ^ 1]) + onnx[501:]), ANOTHER),
        (_damaged(lambda onnx: onnx + onnx), ANOTHER),
        (_damaged(lambda _: b""), ANOTHER),
        (_instead("model.onnx", _zeros(2**30)), ANOTHER),
        (_instead("model.onnx", _zeros(2**31)), "onnxruntime reads no more than"),
        (_instead("model.onnx", Path.mkdir), "it is no file"),
        (_instead("model.onnx", os.mkfifo), "it is no file"),
        (_instead("model.onnx", lambda file: file.symlink_to(file)), "Too many levels of symbolic links"),
        (_instead("model.onnx", lambda file: file.symlink_to(file.with_name("nowhere"))), "No such file"),
        (_instead("model.json", Path.mkdir), "Is a directory"),
        (_instead("model.json", lambda file: file.write_bytes(b"\xff\xfe{")), NO_CARD),
        (_instead("model.json", lambda file: file.write_bytes(b"[" * 100_000)), NO_CARD),
        (_instead("model.json", lambda file: file.write_bytes(b"[]")), NO_CARD),
        (_carded(lambda card: {**card, "key": "0" * 64}), "model.onnx is of the key"),
        (_carded(lambda card: {**card, "numeric": None}), NO_CARD),
        *(
            (_carded(_without(name)), NO_CARD)
            for name in ("onnx_sha256", "key", "numeric", "classes", "golden", "family", "reference")
        ),
    ],
)
def test_what_is_not_the_reviewed_model_does_not_start(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with start(copy, tmp_path) as group:
        until(lambda: group.process.poll() is not None, START)
        assert not group.pids()
    assert group.process.returncode not in (0, None)
    (line,) = [line for line in group.said().splitlines() if "INFO" not in line]
    assert line.startswith("this model is not served: ")
    assert said in line


@pytest.mark.slow
def test_sixty_four_clients_are_answered_and_leave_no_trace(served: Group) -> None:
    worker = served.worker(served.http)
    with asking(served.http, 64) as clients:
        time.sleep(1)
        before = resident(worker), files(worker)
        time.sleep(5)
        after = resident(worker), files(worker)
    assert not clients.failed
    assert not clients.lost
    assert len(clients.answered) > 1_000
    assert max(clients.latencies) < 2
    assert after[0] - before[0] < 5 * 2**20
    assert after[1] == before[1]
