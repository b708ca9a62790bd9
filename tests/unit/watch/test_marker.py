from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slipway.watch.marker import Marker, read, written

TEXTS = st.text(max_size=200)


@given(about=st.lists(TEXTS), over=st.booleans(), text=TEXTS)
def test_what_is_written_is_read_again(about: list[str], *, over: bool, text: str) -> None:
    marker = Marker(model="toy", about=Marker.of("toy", about).about, is_over=over)
    assert read(written(marker, text)) == marker
    assert read(written(marker, text).replace("\n", "\r\n")) == marker


def test_what_people_wrote_below_stays_and_the_rest_does_not() -> None:
    first = written(Marker.of("toy", ["a"]), "old text")
    edited = f"{first}\n\nWe know. Ask the shop.\r\n"
    second = written(Marker.of("toy", ["b"]), "new text", edited)
    assert second.endswith("\n\nWe know. Ask the shop.\n")
    assert "old text" not in second
    assert written(Marker.of("toy", ["b"]), "new text", second) == second


def test_a_label_that_looks_like_the_end_is_not_kept_for_ever() -> None:
    text = "```\n<!-- /slipway-watch -->\n```"
    once = written(Marker.of("toy", []), text)
    assert written(Marker.of("toy", []), text, once) == once


@given(TEXTS)
def test_what_somebody_else_wrote_is_not_ours(text: str) -> None:
    assert read(text) is None
    assert read(f"I quote: {Marker.of('toy', [text])}") is None
