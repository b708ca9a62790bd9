from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.report.plots import forest
from slipway.results import Comparison, SliceRow

from . import samples

WGL4 = set("─│├┤┴░●◄►×←→−…")
"""Of what is drawn, beside ASCII: signs that every monospace font has at one width."""
WHOLE = re.compile(rf"[ -~À-ÿΆ-ώЀ-џ{''.join(WGL4)}]*")


def of(comparison: Comparison | None, limit: float | None = 0.05, most: int = 12) -> list[str]:
    assert comparison is not None
    return forest.draw(comparison, limit, most)


def named(*names: str) -> Comparison:
    rows = tuple(
        SliceRow(column=name, group=name, rows=9, champion=0.2, challenger=0.1,
                 improvement=samples.interval(0.1, 0.05), regressed=False)
        for name in names
    )  # fmt: skip
    return samples.comparison(slices=rows)


def test_signs_stand_where_their_numbers_lie() -> None:
    lines = of(samples.block_by_slice().comparison)
    main, nought, worst, *_, axis, ticks = lines[1:]
    zero = nought.index("│")
    assert ticks.index("0.0") <= zero <= ticks.index("0.0") + 2
    assert axis[zero] == "┴"
    assert main[zero] == "│"
    assert main.startswith("whole holdout ")
    assert main.endswith("  +0.071 [+0.031, +0.111]")
    assert zero < main.index("├") < main.index("●") < main.index("┤")
    assert main.rindex("░") == zero - 1, "all below nought is refused to the whole"
    assert worst.startswith("season = winter ")
    assert worst.index("├") < worst.index("×") < worst.index("┤") < worst.rindex("░") < zero
    scale = (main.index("●") - worst.index("×")) / (0.0712 + 0.19)
    assert worst.index("×") + 0.19 * scale == pytest.approx(zero, abs=1)


def test_signs_are_those_that_every_font_has() -> None:
    drawn = {letter for name in samples.CASES for letter in _drawn(name)}
    assert {letter for letter in drawn if not letter.isascii()} <= WGL4


def _drawn(name: str) -> str:
    comparison = samples.CASES[name]().comparison
    return "" if comparison is None or name == "hostile" else "".join(of(comparison))


ODD = [
    "日本語の列名が長い",
    "👩‍👩‍👧 family",
    "שלום עולם",
    "سلام",
    "a \u0660",
    "e\u0301tat",
    "x\ufe0f",
    "\u00ad",
    "\ufffd",
]


@pytest.mark.parametrize("limit", [None, 0.05])
@pytest.mark.parametrize("name", [*samples.HOSTILE, *ODD, "Größe", "Ελλάδα", "Москва"])
def test_columns_stand_below_each_other_whatever_the_names(name: str, limit: float | None) -> None:
    lines = of(named("plain", name), limit)
    assert all(line == line.rstrip() and len(line) < 140 and "\n" not in line for line in lines)
    rows = [line for line in lines if "●" in line]
    before = [line[: line.index("]", line.rindex("┤"))] for line in rows]
    assert len(rows) == 3
    assert len({text.rindex("[") for text in before}) == 1
    assert before[1].index("●") == before[2].index("●")
    assert all(WHOLE.fullmatch(text) for text in before)


@pytest.mark.parametrize("name", ["Größe", "Ελλάδα", "Москва", "a|b", "`"])
def test_a_name_of_letters_that_fonts_have_stands_before_its_line(name: str) -> None:
    assert any(line.startswith(f"{name} = {name} ") for line in of(named(name)))


@pytest.mark.parametrize("name", ["日本語", "שלום", "سلام", "\ufffd", "👩"])
def test_any_other_name_stands_behind_it_and_turns_nothing_around(name: str) -> None:
    (line,) = [line for line in of(named(name)) if name in line]
    assert line.startswith("(name at the end) ")
    assert line.endswith(f"+0.150]  \u2068{name} = {name}\u2069")


def test_what_lies_far_outside_is_cut_with_an_arrow() -> None:
    far = SliceRow(column="a", group="b", rows=9, champion=0.2, challenger=0.1,
                   improvement=samples.interval(-9.0, 3.0), regressed=True)  # fmt: skip
    (line,) = [line for line in of(samples.comparison(slices=(far,))) if line.startswith("a = b")]
    assert "◄" in line
    assert "×" not in line


FLOATS = st.one_of(st.floats(-1e200, 1e200), st.sampled_from([0.0, 5e-324, 1e-300, 1e200, -1e200, 1e-12]))


@given(FLOATS, FLOATS, FLOATS, FLOATS, st.one_of(st.none(), FLOATS))
def test_any_numbers_give_lines(estimate: float, low: float, high: float, least: float, limit: float | None) -> None:
    interval = samples.interval(estimate, 0.0).model_copy(update={"low": low, "high": high})
    row = samples.metric("rmse", 1.0, 1.0, 0.1, primary=True).model_copy(update={"improvement": interval})
    lines = of(samples.comparison(metrics=(row,), min_improvement=least), limit)
    assert all(len(line) < 140 for line in lines)


def test_the_words_name_what_is_not_accepted() -> None:
    comparison = samples.block_by_slice().comparison
    assert comparison is not None
    said = forest.describe(comparison, 0.05, 12)
    assert said.startswith("The whole holdout and 3 slices, worst first; 1 regressed.")
    assert said.endswith("accept: 0 or less for the whole holdout, surely less than −0.05 for a slice.")
    assert forest.describe(comparison, None, 12).endswith("accept: 0 or less for the whole holdout.")
    assert forest.describe(comparison, None, 2).startswith("The whole holdout and the 2 worst of 3 slices;")
