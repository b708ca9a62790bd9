"""A load of gRPC calls, each client on a channel of its own: `calls TARGET CLIENTS SECONDS` with messages in hex."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from tests.benchmarks.load import Load, nearest_rank, told

_METHOD = "/seldon.protos.Seldon/Predict"
_OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]


def call(target: str, messages: Sequence[bytes], *, clients: int, seconds: int) -> Load:
    """Send the messages in turn."""
    program = [sys.executable, "-m", "tests.benchmarks.served.calls", target, str(clients), str(seconds)]
    given = json.dumps([message.hex() for message in messages])
    done = subprocess.run(program, input=given, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        sys.exit(f"{target}: {done.stderr[-2000:]}")
    return told(target, json.loads(done.stdout.splitlines()[-1]))


def once(target: str, message: bytes) -> bytes:
    """The answer to one call."""
    import grpc

    with grpc.insecure_channel(target, options=_OPTIONS) as channel:
        answer: bytes = channel.unary_unary(_METHOD)(message, timeout=20, wait_for_ready=True)
        return answer


async def _client(target: str, messages: Any, end: float, latencies: list[float]) -> None:
    import grpc

    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        ask = channel.unary_unary(_METHOD)
        while (began := time.perf_counter()) < end:
            await ask(next(messages), timeout=20)
            latencies.append(time.perf_counter() - began)


async def _generate(target: str, clients: int, seconds: float, messages: Sequence[bytes]) -> dict[str, float]:
    began = time.perf_counter()
    latencies: list[float] = []
    turn = cycle(messages)
    await asyncio.gather(*(_client(target, turn, began + seconds, latencies) for _ in range(clients)))
    took = time.perf_counter() - began
    return {
        "requests": len(latencies),
        "seconds": took,
        "p99": nearest_rank(latencies, 0.99),
        "errors": 0,
    }


def _main(target: str, clients: str, seconds: str) -> None:
    messages = [bytes.fromhex(message) for message in json.load(sys.stdin)]
    counted = asyncio.run(_generate(target, int(clients), float(seconds), messages))
    sys.stdout.write(json.dumps(counted) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
