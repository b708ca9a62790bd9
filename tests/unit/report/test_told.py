from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import InputError
from slipway.report.pull_request import Marker, State, Told, marker

from .samples import COMMIT

LINE = f"<!-- slipway:pull-request head={COMMIT} run=123.1 state=done -->"
URL = "https://github.com/acme/models/actions/runs/123"


def told(**changes: object) -> Told:
    fields = {"pull_request": 7, "head": COMMIT, "url": URL, "run": "123.1"}
    return Told(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [LINE, f"{LINE}\n", f"{LINE}\r\n\r\nmore", f"{LINE}\r", f"{LINE}\n{LINE}"])
def test_the_first_line_says_what_a_comment_is_about(text: str) -> None:
    assert marker(text) == Marker(head=COMMIT, run="123.1", state=State.DONE)


@pytest.mark.parametrize(
    "text",
    [
        "", f"\n{LINE}", f" {LINE}", f"{LINE} ", f"> {LINE}", f"`{LINE}`", f"\ufeff{LINE}", f"Look:\n{LINE}",
        LINE.upper(), LINE.replace("head=", "head= "), LINE.replace(COMMIT, COMMIT[:39]), LINE.replace("done", "over"),
        LINE.replace("123.1", "123"), LINE.replace("123.1", "123.1 x=y"), LINE.replace("123.1", "1٢3.1"),
        LINE.replace(" -->", "-->"), LINE.replace("pull-request", "pull-request:iris"), f"{LINE}\u2028more",
    ],
)  # fmt: skip
def test_nothing_else_is_a_marker(text: str) -> None:
    assert marker(text) is None


@given(st.text(alphabet="<!-> slipway:puteqrhad=0123456789abcdef.\nronig", max_size=120))
def test_whatever_is_read_is_written_again(text: str) -> None:
    found = marker(text)
    assert found is None or str(found) == text.split("\n", 1)[0]


@pytest.mark.parametrize("state", State)
def test_a_marker_is_read_as_it_was_written(state: State) -> None:
    written = Marker(head=COMMIT, run="a1b2-c3.12", state=state)
    assert marker(str(written)) == written


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"head": "main"}, "'main' is no commit"),
        ({"head": COMMIT[:8]}, "is no commit"),
        ({"head": f"{COMMIT[:39]} -->"}, "is no commit"),
        ({"run": "123"}, "'123' names no run"),
        ({"run": "1.1 --><h1>"}, "names no run"),
    ],
)
def test_what_would_spoil_the_marker_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        told(**changes)


def test_the_commit_is_linked() -> None:
    address = f"https://git.example.org/acme/models/commit/{COMMIT}"
    whole = told(server="https://git.example.org", repository="acme/models")
    assert whole.commit == f"commit [`{COMMIT[:8]}`]({address})"
    assert told().commit == f"commit {COMMIT}", "which GitHub links by itself"
