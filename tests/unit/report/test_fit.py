from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.report.fit import Block, fit
from slipway.report.sections import Fold, Section


def part(name: str, rank: int, length: int = 100) -> Section:
    return Section(title=f"{name} (7)", body=name[0] * length, rank=rank, fold=Fold.NONE)


def block(model: str, *ranks: int) -> Block:
    return Block(head=f"<{model}>", foot=f"</{model}>", parts=tuple(part(f"p{rank}", rank) for rank in ranks))


def shown(blocks: tuple[Block, ...]) -> list[list[int]]:
    return [[p.rank for p in b.parts] for b in blocks]


BLOCKS = [block("first", 0, 9, 3), block("second", 0, 9, 3)]


@pytest.mark.parametrize(
    ("room", "left", "note"),
    [
        (10_000, [[0, 9, 3], [0, 9, 3]], ""),
        (630, [[0, 9, 3], [0, 3]], "p9. "),
        (540, [[0, 3], [0, 3]], "p9 (2 models). "),
        (440, [[0, 3], [0]], "p9 (2 models); p3. "),
        (240, [[0], []], "p9 (2 models); p3 (2 models); p0. "),
        (10, [[], []], "p9 (2 models); p3 (2 models); p0 (2 models). "),
    ],
)
def test_what_says_least_goes_first_and_of_equals_the_last(room: int, left: list[list[int]], note: str) -> None:
    fitted = fit(BLOCKS, room, "the run")
    assert shown(fitted.blocks) == left
    assert fitted.note == (f"**Left out, for a comment has a limit:** {note}All of it is in the run." if note else "")


def test_a_block_without_parts_is_gone() -> None:
    assert [str(b) for b in fit(BLOCKS, 10, "the run").blocks] == ["", ""]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 300)), max_size=6), max_size=5),
    st.integers(200, 3_000),
)
def test_what_is_left_fits(content: list[list[tuple[int, int]]], room: int) -> None:
    blocks = [Block(head="head", foot="foot", parts=tuple(part("é", rank, size) for rank, size in c)) for c in content]
    for measure in (len, lambda text: len(text.encode())):
        fitted = fit(blocks, room, "the run", measure)
        assert measure("\n\n".join(filter(None, [*map(str, fitted.blocks), fitted.note]))) <= room
