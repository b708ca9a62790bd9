"""Whatever is changed in an honest bundle, it is rejected in one sentence, or it is another bundle that is sound."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.attacks import places
from tests.hostile_bundles import HEAD, NUMBER, Honest

from slipway.bundle import claims, graph, read
from slipway.bundle.document import Bundle
from slipway.bundle.rejected import Rejected

EXPECTED = read.Expected(pull_request=NUMBER, head=HEAD)
CALM = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
_LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["promote", "block", "fail", "pass", "live", "baseline", "x" * 70_000, "\x00", "\ud7ff", "..", ""]
    )
    | st.sampled_from([-1, 2**53, 10**30, -(10**18), 1e308, -1e308, 5e-324, 0])
)
_VALUE = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


def answer(content: bytes) -> Bundle | None:
    """The bundle, or None if it is rejected as it should be; any other exception is a failure."""
    try:
        return read.bundle({"bundle.json": content}, "toy", EXPECTED)
    except Rejected as error:
        check_sentence(error.what)
        return None


def check_sentence(what: str) -> None:
    assert len(what) <= 200
    assert what.isprintable()


def check_sound(bundle: Bundle) -> None:
    """What was accepted can be written, read again, and shown."""
    assert answer(bundle.to_json()) == bundle
    review = bundle.review(HEAD)
    if review.report is not None and review.report.comparison is not None:
        claims.check(bundle.report)  # type: ignore[arg-type]
        assert review.verdict is review.report.comparison.verdict or review.verdict == "block"


def changed(document: Any, path: tuple[Any, ...], change: str, value: Any) -> Any:
    made = copy.deepcopy(document)
    if not path:
        return value
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    match change, inner:
        case "drop", _:
            del inner[path[-1]]
        case "add", dict():
            inner[str(value)[:50]] = value
        case "twice", list():
            inner.append(inner[path[-1]])
        case _:
            inner[path[-1]] = value
    return made


@CALM
@given(data=st.data())
def test_changed_values(honest: Honest, data: st.DataObject) -> None:
    document = json.loads(honest.bundle.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        how = data.draw(st.sampled_from(["set", "set", "set", "drop", "add", "twice"]))
        document = changed(document, path, how, data.draw(_VALUE))
    content = json.dumps(document).encode()
    if (found := answer(content)) is not None:
        check_sound(found)


@CALM
@given(data=st.data())
def test_changed_bytes(honest: Honest, data: st.DataObject) -> None:
    content = bytearray(honest.bundle.to_json())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        to = data.draw(st.integers(at, min(len(content), at + data.draw(st.sampled_from([0, 1, 1, 30, 3000])))))
        content[at:to] = data.draw(st.binary(max_size=3) | st.sampled_from([b"-", b"9", b"e9", b'"', b"\\u0000", b","]))
    if (found := answer(bytes(content))) is not None:
        check_sound(found)


@CALM
@given(data=st.data())
def test_repeated_fields(honest: Honest, data: st.DataObject) -> None:
    """The last of two counts, here as in what is then checked."""
    text = honest.bundle.to_json().decode()
    lines = text.splitlines()
    at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line.strip().endswith(",") and '": ' in line]))
    other = lines[at].split(": ")[0] + ": " + json.dumps(data.draw(_LEAF)) + ","
    for twice in ([*lines[:at], other, *lines[at:]], [*lines[: at + 1], other, *lines[at + 1 :]]):
        if (found := answer("\n".join(twice).encode())) is not None:
            check_sound(found)


@CALM
@given(data=st.data())
def test_changed_models(honest: Honest, data: st.DataObject) -> None:
    """Not one byte of a model can be another and it is still what slipway exports of its own trees."""
    content = bytearray(honest.trained.onnx)
    at = data.draw(st.integers(0, len(content) - 1))
    to = data.draw(st.integers(at, min(len(content), at + data.draw(st.sampled_from([0, 1, 1, 8])))))
    content[at:to] = data.draw(st.binary(max_size=8))
    found = list(graph.faults(bytes(content), honest.trained.card))
    assert all(fault.isascii() for fault in found)
    if not found and bytes(content) != honest.trained.onnx:
        check_loads(bytes(content))


def check_loads(onnx: bytes) -> None:
    """Another threshold or weight is another model, and a sound one."""
    import numpy as np

    from slipway.scoring import Scorer

    scorer = Scorer.load(onnx, threads=1)
    numeric = np.array([[1.0, np.nan], [1e30, -1.0]], dtype=np.float32)
    assert scorer.ask(numeric, np.array([["blue"], [""]], dtype=object)).shape == (2, 2)
