"""`verify`: the golden requests that travelled with a release, asked of an endpoint, and a small load.

Every effect comes in as an argument; what is made of the answers is decided in `verification`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slipway.adapters.endpoint import METRICS, PREDICT, Endpoint, Value, read, request
from slipway.adapters.line import EndpointError, Line
from slipway.errors import OutsideError
from slipway.results import ModelCard
from slipway.screen import Advance
from slipway.verification.decision import decide
from slipway.verification.document import Counted, Verification
from slipway.verification.findings import Facts, Limits
from slipway.verification.load import PATIENCE, Connect, Load
from slipway.verification.told import Told, failed, judge

PROBE = {"X-Slipway-Probe": "verify"}
"""By this a server knows that it is asked by slipway: such requests are no traffic, and shift no distribution."""
_COUNTER = "slipway_requests_total{"
_CODE = re.compile(r'[{,]code="([1-5][0-9]{2})"')
_LONGEST = 2000
"""Characters of a line of metrics."""
_MOST = 2**53

type Clock = Callable[[], float]
type Counts = dict[str, int] | EndpointError | None
"""What a server says it has answered, by HTTP code; None where it says nothing and nobody asked for it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request that is ready to be sent, and the golden requests in it."""

    asked: tuple[int, ...]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The effects: the endpoint, its metrics, the time."""

    url: str
    connect: Connect
    counts: Callable[[], Counts]
    clock: Clock


def run(card: ModelCard, asked: Asked, limits: Limits, advance: Advance) -> Verification:
    """Ask, and decide. Raises `OutsideError` where the endpoint gives no HTTP answer at all.

    Latency is that of whole HTTP requests of one row, as their client sees it, with so many clients at once on lines
    that are kept open. `compare` measures one prediction inside of one process: its limit, `[gate] max_p99_ms`, is a
    limit here only because a model's budget is one.
    """
    began = asked.clock()
    with asked.connect() as line:
        golden, unasked = _golden(card, line, asked.clock, advance)
    if golden[0].is_silence:
        raise OutsideError(f"{asked.url} {golden[0].said}", hint=golden[0].hint or "Is this the endpoint's address?")
    before = asked.counts()
    told: list[Told] = []
    seconds = 0.0
    if not unasked and not all(one.error for one in golden):
        told, seconds = _load(card, asked, limits, lambda done: advance(len(golden) + done, "under load"))
    facts = Facts(
        golden=golden,
        load=told,
        load_seconds=seconds,
        counted=_counted(before, asked.counts()),
        unasked=unasked + limits.requests - len(told),
    )
    return decide(card, asked.url, facts, limits, seconds=asked.clock() - began)


def steps(card: ModelCard, limits: Limits) -> int:
    """How many requests it takes."""
    return len(_questions(card)) + limits.requests


def counts(endpoint: Endpoint, metrics: str | None) -> Counts:
    """What a server counted, from the address of its metrics, or from the endpoint's own if none is named."""
    try:
        with (Endpoint(url=metrics) if metrics else endpoint).connect() as server:
            reply = server.ask("GET", "" if metrics else METRICS)
    except EndpointError as error:
        return error if metrics else None
    found: dict[str, int] = {}
    for line in reply.body.decode(errors="replace").splitlines():
        if line.startswith(_COUNTER) and len(line) <= _LONGEST and (code := _CODE.search(line)):
            found[code[1]] = found.get(code[1], 0) + _whole(line.rpartition(" ")[2])
    if found or not metrics:
        return found or None
    return EndpointError(str(reply.status), f"answered with {reply.status} and counts no {_COUNTER.rstrip('{')}")


def _whole(count: str) -> int:
    """A counter's value; nought for what is none."""
    try:
        value = float(count)
    except ValueError:
        return 0
    return int(value) if 0 <= value < _MOST else 0


def _load(card: ModelCard, asked: Asked, limits: Limits, advance: Callable[[int], None]) -> tuple[list[Told], float]:
    load = Load(
        questions=[Question(asked=(index,), body=_by_name(card, (index,))) for index in range(len(card.golden))],
        ask=lambda line, question: _ask(line, card, question, asked.clock),
        connect=asked.connect,
        requests=limits.requests,
        clients=limits.clients,
        clock=asked.clock,
    )
    return load.run(advance)


def _golden(card: ModelCard, line: Line, clock: Clock, advance: Advance) -> tuple[list[Told], int]:
    """Ask the golden requests one after the other; how many were given up is the second value."""
    told: list[Told] = []
    questions = _questions(card)
    for question in questions:
        told.append(_ask(line, card, question, clock))
        advance(len(told), "golden requests")
        if told[0].is_silence or all(one.is_silence for one in told[-PATIENCE:]):
            break
    return told, len(questions) - len(told)


def _questions(card: ModelCard) -> list[Question]:
    """Each alone and all in one, by position, and by name in another order than the model's own."""
    alone = [(index,) for index in range(len(card.golden))]
    groups = [*alone, tuple(range(len(card.golden)))]
    return [Question(asked=group, body=body(card, group)) for group in groups for body in (_by_position, _by_name)]


def _by_position(card: ModelCard, group: Sequence[int]) -> bytes:
    return request([_row(card, index) for index in group])


def _by_name(card: ModelCard, group: Sequence[int]) -> bytes:
    return request([_row(card, index)[::-1] for index in group], (*card.numeric, *card.categorical)[::-1])


def _row(card: ModelCard, index: int) -> tuple[Value, ...]:
    golden = card.golden[index]
    return (*golden.numeric, *golden.categorical)


def _ask(line: Line, card: ModelCard, question: Question, clock: Clock) -> Told:
    """What came of a request. The time is that of the exchange alone: what is made of the answer costs the client."""
    began = clock()
    try:
        reply = line.ask("POST", PREDICT, question.body, marks=PROBE)
        seconds = clock() - began
        told = judge(read(reply), card, question.asked)
    except EndpointError as error:
        return failed(error, question.asked)
    return replace(told, seconds=seconds)


def _counted(before: Counts, after: Counts) -> Counted | EndpointError | None:
    match before, after:
        case dict(), dict():
            return Counted(before=before, after=after)
        case (EndpointError() as error, _) | (_, EndpointError() as error):
            return error
    return None
