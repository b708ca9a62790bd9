"""The served model beside the stock seldon-core wrapper and beside the least that an ONNX session can be served with.

All servers run on one core and what loads them on another. Each round loads all of them, one after the other, and
what is compared are the rounds' own ratios, because machines that are shared are faster at one time than at another.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from os import sched_getaffinity
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console

from slipway.adapters.endpoint import request
from slipway.delivery import oci
from slipway.delivery.source_image import CARD, ENVIRONMENT, ONNX
from tests.benchmarks.load import WRK, Load, load
from tests.benchmarks.measure import Figure
from tests.benchmarks.served import calls, cases, servers, size
from tests.benchmarks.served.cases import Case
from tests.benchmarks.served.servers import Server

STOCK_TIMES, BARE_SHARE, START_LIMIT = 4.0, 0.5, 2.0
CLIENTS, FEW, BATCH = (1, 8, 64), (1, 8), 1_000
ROUNDS, FEW_ROUNDS, SECONDS, STARTS = 3, 2, 1, 3
_TARGET = f"≥ {STOCK_TIMES:g} × stock, {BARE_SHARE:g} × bare"
_RIVALS: Mapping[str, servers.Start] = {"ours": servers.ours, "stock": servers.stock, "bare": servers.bare}

type Loads = Mapping[str, Sequence[Load]]


def measure(console: Console) -> Iterator[Figure]:
    """Requests per second, the start, memory, the price of metrics, and the size of what is installed."""
    cores = sorted(sched_getaffinity(0))
    console.rule("serving")
    console.print(f"load by {WRK or 'our own generator'} on core {cores[-1]}, servers on core {cores[0]}")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        made = {make.__name__: make(Path(folder) / make.__name__) for make in cases.CASES}
        with servers.on(cores[-1]):
            yield from _compared(made["forest"], cores[0], single=CLIENTS, many=FEW)
            yield from _compared(made["boosted"], cores[0], single=CLIENTS, many=FEW)
            yield from _compared(made["wide"], cores[0], single=(8,))
            yield from _calls(made["forest"], cores[0])
            yield _start(made["forest"], cores[0])
            yield _metrics(made["wide"], cores[0])
        yield _layer(made["forest"])
    yield _size()


def _compared(case: Case, core: int, *, single: Sequence[int], many: Sequence[int] = ()) -> Iterator[Figure]:
    """One row a request, and many, with so many clients; then the memory that the servers have taken up."""
    ones = [_body(case, [row]) for row in case.rows]
    batch = [_body(case, [case.rows[index % len(case.rows)] for index in range(BATCH)])]
    with ExitStack() as stack:
        running = {name: stack.enter_context(start(case, core)) for name, start in _RIVALS.items()}
        for server in running.values():
            servers.check(server, case)
            load(server.url, ones, clients=8, seconds=1)
        for count in single:
            loads = _interleaved(_each(running, ones, count))
            met = _times(loads, "stock") >= STOCK_TIMES and _times(loads, "bare") >= BARE_SHARE
            yield replace(_beside(f"{case.name}, 1 row", count, loads), target=_TARGET, met=met)
        for count in many:
            loads = _interleaved(_each(running, batch, count), rounds=FEW_ROUNDS)
            yield _beside(f"{case.name}, {BATCH:,} rows", count, loads)
        yield _memory(case, running)


def _body(case: Case, rows: Sequence[Sequence[float | str | None]]) -> str:
    return request(rows, case.columns).decode()


def _each(running: Mapping[str, Server], bodies: Sequence[str], clients: int) -> Mapping[str, Callable[[], Load]]:
    return {
        name: partial(_at_work, server, partial(load, server.url, bodies, clients=clients, seconds=SECONDS))
        for name, server in running.items()
    }


def _at_work(server: Server, once: Callable[[], Load]) -> Load:
    """A load with the server's own time, which tells of the server even where the machine is busy with others."""
    before = server.cpu()
    done = once()
    return replace(done, cpu=(server.cpu() - before) / done.answers)


def _interleaved(each: Mapping[str, Callable[[], Load]], *, rounds: int = ROUNDS) -> Loads:
    """The loads of each in all rounds."""
    done = [{name: once() for name, once in each.items()} for _ in range(rounds)]
    return {name: [one[name] for one in done] for name in each}


def _beside(what: str, clients: int, loads: Loads) -> Figure:
    """Ours beside the others."""
    others = (f"{_times(loads, name):.3g} × {name} ({_spoken(loads[name])})" for name in loads if name != "ours")
    return Figure(
        name=f"{what}, {clients} client{'s' if clients > 1 else ''}",
        value=_spoken(loads["ours"]),
        against=", ".join(others),
    )


def _times(loads: Loads, other: str) -> float:
    """How many times the rate of another: the median of the rounds' ratios."""
    return median(mine.rate / its.rate for mine, its in zip(loads["ours"], loads[other], strict=True))


def _spoken(loads: Sequence[Load]) -> str:
    rate, p99, cpu = (median(getattr(one, name) for one in loads) for name in ("rate", "p99", "cpu"))
    return f"{rate:,.0f}/s, p99 {p99 * 1e3:.3g} ms, CPU {cpu * 1e6:,.0f} µs"


def _memory(case: Case, running: Mapping[str, Server]) -> Figure:
    used = {name: server.memory() for name, server in running.items()}
    return Figure(
        name=f"{case.name}, memory after the load",
        value=f"{used['ours']:.0f} MiB",
        against=f"stock {used['stock']:.0f} MiB, bare {used['bare']:.0f} MiB; all processes, shared pages once",
    )


def _calls(case: Case, core: int) -> Iterator[Figure]:
    """gRPC, one row a call."""
    messages = [_message(case, row) for row in case.rows]
    with servers.ours(case, core) as ours, servers.stock(case, core) as stock:
        for server in (ours, stock):
            _check_calls(server, case, messages)
        for clients in FEW:
            each = {
                name: partial(
                    _at_work, server, partial(calls.call, server.grpc, messages, clients=clients, seconds=SECONDS)
                )
                for name, server in (("ours", ours), ("stock", stock))
            }
            loads = _interleaved(each, rounds=FEW_ROUNDS)
            yield _beside(f"{case.name}, gRPC, 1 row", clients, loads)


def _message(case: Case, row: Sequence[float | str | None]) -> bytes:
    from google.protobuf import json_format
    from seldon_core.proto import prediction_pb2

    document = {"data": {"names": list(case.columns), "ndarray": [list(row)]}}
    message: bytes = json_format.ParseDict(document, prediction_pb2.SeldonMessage()).SerializeToString()
    return message


def _check_calls(server: Server, case: Case, messages: Sequence[bytes]) -> None:
    from google.protobuf import json_format
    from seldon_core.proto import prediction_pb2

    for message, expected in zip(messages, case.answers, strict=True):
        answer = prediction_pb2.SeldonMessage.FromString(calls.once(server.grpc, message))
        ((*row,),) = json_format.MessageToDict(answer)["data"]["ndarray"]
        if not np.allclose(row, expected, rtol=0, atol=servers.TOLERANCE):
            raise SystemExit(f"{server.grpc} answers {row}, not {expected}")


def _start(case: Case, core: int) -> Figure:
    """From the start of a process to its first answer, and to its first by gRPC."""
    took: dict[str, list[tuple[float, float]]] = {"ours": [], "stock": []}
    message = _message(case, case.rows[0])
    for _ in range(STARTS):
        for name, seconds in took.items():
            with _RIVALS[name](case, core) as server:
                began = time.perf_counter()
                calls.once(server.grpc, message)
                seconds.append((server.start, server.start + time.perf_counter() - began))
    (ours, by_grpc), (stock, stock_by_grpc) = min(took["ours"]), min(took["stock"])
    return Figure(
        name="start of the served model to its first answer",
        value=f"{ours:.2f} s",
        against=f"by gRPC {by_grpc:.2f} s; stock {stock:.2f} s, by gRPC {stock_by_grpc:.2f} s; fastest of {STARTS}",
        target=f"≤ {START_LIMIT:g} s",
        met=ours <= START_LIMIT,
    )


def _metrics(case: Case, core: int) -> Figure:
    """What it costs to count each feature of each request."""
    ones, clients = [_body(case, [row]) for row in case.rows], CLIENTS[-1]
    with servers.ours(case, core) as counting, servers.ours(case, core, SLIPWAY_FEATURE_METRICS="0") as silent:
        loads = _interleaved(_each({"ours": counting, "not counted": silent}, ones, clients))
    return _beside(f"{case.name}, 1 row, features counted", clients, loads)


def _layer(case: Case) -> Figure:
    """What a release adds to the builder image, whichever engine builds it."""
    files = {name: (case.folder / name).read_bytes() for name in (CARD, ONNX)} | {ENVIRONMENT: b""}
    own = sum(map(len, files.values()))
    return Figure(
        name=f"layer of a release of {case.name}",
        value=f"{len(oci.layer(files)) / 1024:.0f} KiB",
        against=f"the model and its card have {own / 1024:.0f} KiB",
    )


def _size() -> Figure:
    packages, megabytes = size.megabytes("serving")
    others, more = size.megabytes("training", "pipeline")
    return Figure(
        name="packages of a served model on disk",
        value=f"{megabytes:,.0f} MiB",
        against=f"{packages} packages; {more:,.0f} MiB in {others} of training and pipeline",
    )
