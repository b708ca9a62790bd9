"""The checks of an endpoint: each says what it found, and what to do next where that is not right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slipway.adapters.line import EndpointError
from slipway.key import SHORT
from slipway.results import ModelCard, ReasonState
from slipway.verification.document import CheckName, Counted, Finding
from slipway.verification.told import Told

_SHOWN = 5
_SERVER_FAULTS = "5"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a verdict is made from."""

    golden: Sequence[Told]
    load: Sequence[Told]
    load_seconds: float
    """From the first request of the load to the last answer."""
    counted: Counted | EndpointError | None
    """None where nobody asked for metrics and there are none."""
    unasked: int = 0
    """Requests that were given up, because the endpoint had stopped to answer."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How quickly the load was answered."""

    p50_ms: float
    p99_ms: float
    per_second: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is asked for."""

    max_p99_ms: float | None
    requests: int
    clients: int


def answers(card: ModelCard, told: Sequence[Told]) -> Finding:
    """Whether the golden requests were answered as in the review."""
    total, tolerance = len(card.golden), card.parity.tolerance
    answered = [one for one in told if not one.error]
    if troubled := [one for one in told if one.error]:
        first = troubled[0]
        text = f"{len(troubled)} of {len(told)} golden requests got no answer: it {first.said}"
        return _failed("answers", text, first.hint or "Is this the model's own address, with its whole path?")
    largest = max((one.largest for one in answered), default=0.0)
    if found := places(index for one in answered for index in one.differing):
        text = (
            f"golden {_plural('request', len(found))} {_some(found)} of {total} got another answer than in the "
            f"review: up to {largest:.3g} away (tolerance {tolerance:.1g})"
        )
        return _failed("answers", text, "Another model answers, or columns are read in another order.")
    text = (
        f"all {total} golden requests, by name and by position, alone and in a batch, as in the review: "
        f"at most {largest:.1g} away (tolerance {tolerance:.1g})"
    )
    return _passed("answers", text)


def keys(card: ModelCard, told: Sequence[Told]) -> Finding:
    """Whether each answer is of the expected release: behind one address there may be several."""
    keys = Counter(one.key for one in told if one.key)
    others = {key: count for key, count in keys.items() if key != card.key}
    total = sum(keys.values())
    if not others:
        return _passed("key", f"each of {total} answers carries the key {card.key[:SHORT]}")
    shown = ", ".join(f"{key[:SHORT]} ({count})" for key, count in few(Counter(others)).items())
    text = f"{sum(others.values())} of {total} answers carry another key than {card.key[:SHORT]}: {shown}"
    hint = "Ask the release's own address, not one that shares its traffic with others; or wait until it is rolled out."
    return _failed("key", text, hint)


def labels(card: ModelCard, answered: Sequence[Told]) -> Finding:
    """Whether each label is the class that the answer itself calls the likeliest."""
    wrong = places(index for one in answered for index in one.mislabelled)
    if wrong:
        text = f"the labels of golden {_plural('request', len(wrong))} {_some(wrong)} are not the likeliest classes"
        return _failed("labels", text, "Is the answer changed on its way, or served by an older slipway?")
    return _passed("labels", f"each label is the likeliest of {len(card.classes)} classes")


def errors(card: ModelCard, facts: Facts, limits: Limits) -> Finding:
    """What went wrong under load, another model's answers among it."""
    bad = [one for one in facts.load if one.error]
    known = {index for one in facts.golden for index in one.differing}
    strayed = [one for one in facts.load if one.key == card.key and set(one.differing) - known]
    clients = f"{limits.clients} {_plural('client', limits.clients)}"
    if facts.unasked:
        text = f"it stopped answering, and {facts.unasked} requests were given up: it {_last(facts)}"
        return _failed("errors", text, "Look at the pods: kubectl get pods, kubectl logs.")
    if bad:
        counts = ", ".join(f"{kind} ({count})" for kind, count in few(Counter(one.error for one in bad)).items())
        text = f"{len(bad)} of {len(facts.load)} requests failed under load: {counts}; the first {bad[0].said}"
        return _failed("errors", text, bad[0].hint or "Look at the server's log.")
    if strayed:
        text = (
            f"{len(strayed)} of {len(facts.load)} answers under load differ from the review's, and alone they did not"
        )
        return _failed("errors", text, "Requests are mixed up under load: look for what stands before the server.")
    return _passed("errors", f"none in {len(facts.load)} requests under load, of {clients}")


def _last(facts: Facts) -> str:
    return next((one.said for one in reversed((*facts.golden, *facts.load)) if one.error), "did not answer")


def latency(pace: Pace | None, limits: Limits) -> Finding:
    """Whether answers under load come in time."""
    if pace is None:
        return _failed("latency", "nothing was answered under load, so nothing was measured")
    said = f"p50 {pace.p50_ms:.1f} ms, p99 {pace.p99_ms:.1f} ms, {pace.per_second:,.0f} requests/s"
    limit = limits.max_p99_ms
    if limit is None:
        return _passed("latency", f"{said}; no limit is set")
    if pace.p99_ms > limit:
        hint = "The way there is part of it: measure from nearer, add replicas or CPU, or set --max-p99."
        return _failed("latency", f"{said}: p99 is above the limit of {limit:g} ms", hint)
    return _passed("latency", f"{said}; the limit of p99 is {limit:g} ms")


def counters(counted: Counted | EndpointError | None) -> tuple[Finding, ...]:
    """What the server counted itself, others' requests among it."""
    match counted:
        case None:
            return ()
        case EndpointError():
            text, hint = f"the server's metrics cannot be read: it {counted.said}", counted.hint
            return (_failed("counters", text, hint or "Name the address of its metrics, or leave --metrics out."),)
    before, after = _faults(counted.before), _faults(counted.after)
    if after > before:
        text = f"the server counted {after - before} answers of 500 and above meanwhile"
        return (_failed("counters", text, "Look at the server's log."),)
    total = sum(counted.after.values())
    if after:
        text = f"the server counted {after} answers of 500 and above among {total}, all of them before"
        return (Finding(check="counters", state=ReasonState.WARN, text=text),)
    return (_passed("counters", f"the server counted no answer of 500 or above among {total}"),)


def _faults(counts: Mapping[str, int]) -> int:
    return sum(count for code, count in counts.items() if code.startswith(_SERVER_FAULTS))


def _passed(check: CheckName, text: str) -> Finding:
    return Finding(check=check, state=ReasonState.PASS, text=text)


def _failed(check: CheckName, text: str, hint: str = "") -> Finding:
    return Finding(check=check, state=ReasonState.FAIL, text=text, hint=hint)


def places(indexes: Iterable[int]) -> tuple[int, ...]:
    """Each once, in order, counted from 1 as people do."""
    return tuple(index + 1 for index in sorted(set(indexes)))


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _some(found: Sequence[int]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(map(str, found[:_SHOWN])) + more


def few(counts: Counter[str]) -> dict[str, int]:
    """The commonest, and all others as one: a hostile server has as many as it likes."""
    shown = dict(counts.most_common(_SHOWN))
    rest = counts.total() - sum(shown.values())
    return shown | ({"others": rest} if rest else {})
