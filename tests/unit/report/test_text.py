from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from slipway.report.markdown import table
from slipway.report.tables import Name, Table
from slipway.report.text import LONG, SHORT, attribute, clean, code, prose, slug

from .samples import HOSTILE

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = st.text(
    alphabet=st.sampled_from(list("`|\\*_~[]()<>!#@:&;$^{}-+.=/'\" \n\r\t\u202e\u2028ab1www")), max_size=40
)
TEXTS = st.one_of(st.text(max_size=300), MARKUP, st.sampled_from(HOSTILE))


def inline(markdown: str) -> list[Token]:
    (paragraph,) = [t for t in GFM.parse(markdown) if t.type == "inline"]
    return paragraph.children or []


def shown(tokens: list[Token]) -> str:
    return "".join(t.content for t in tokens if t.type in {"text", "text_special", "code_inline"}).replace("\u200b", "")


@given(TEXTS)
@example("x" * 10_000)
def test_clean_text_is_one_short_visible_line(text: str) -> None:
    line = clean(text, SHORT)
    assert len(line) <= SHORT
    assert line == " ".join(line.split())
    assert not {unicodedata.category(c) for c in line if c not in "\u200c\u200d"} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(TEXTS)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text, SHORT), SHORT) == clean(text, SHORT)


def test_names_that_differ_at_their_end_stay_different() -> None:
    assert clean("column " * 100 + "a", SHORT) != clean("column " * 100 + "b", SHORT)


@given(TEXTS)
def test_prose_is_shown_as_it_is(text: str) -> None:
    for before in ("", "said: ", "| "):
        tokens = inline(f"{before}{prose(text)} end")
        assert {t.type for t in tokens} <= {"text", "text_special"}
        assert shown(tokens).split() == f"{before}{clean(text)} end".replace("\u200b", "").split()


@given(TEXTS)
def test_code_is_shown_as_it_is(text: str) -> None:
    tokens = inline(f"before {code(text)} after")
    assert {t.type for t in tokens} <= {"text", "text_special", "code_inline", "html_inline", "em_open", "em_close"}
    assert {t.content for t in tokens if t.type == "html_inline"} <= {"<code>", "</code>"}
    assert shown(tokens) == f"before {clean(text, SHORT) or '(empty)'} after"


@given(TEXTS, TEXTS, TEXTS)
def test_no_cell_breaks_out_of_its_table(header: str, name: str, sentence: str) -> None:
    content = Table(headers=(header, "second"), rows=((Name(name), sentence), (sentence, Name(name))))
    tokens = GFM.parse(f"above\n\n{table(content)}\n\nbelow")
    kinds = [t.type for t in tokens]
    assert (kinds.count("table_open"), kinds.count("tr_open")) == (1, 3)
    assert (kinds.count("th_open"), kinds.count("td_open")) == (2, 4)
    cells = [t for t in tokens if t.type == "inline"][3:-1]
    assert [shown(c.children or []).strip() for c in cells] == [
        clean(name, SHORT) or "(empty)",
        clean(sentence).replace("\u200b", ""),
        clean(sentence).replace("\u200b", ""),
        clean(name, SHORT) or "(empty)",
    ]
    assert not any(t.type == "html_block" for t in tokens)


@pytest.mark.parametrize(
    "text",
    ["@octocat", "by @octocat.", "#12", "octo/repo#12", "GH-12", "https://evil.example", "www.evil.example",
     "me@evil.example", ":tada:", "mailto:me@evil.example", "xmpp:me@evil.example"],
)  # fmt: skip
def test_what_github_links_by_itself_is_parted(text: str) -> None:
    decoded = html.unescape(prose(text))
    assert "\u200b" in decoded
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.\w|:\w+:|mailto:m|xmpp:m", decoded)


@given(TEXTS)
def test_an_attribute_cannot_be_left(text: str) -> None:
    value = attribute(text)
    assert not set(value) & set("<>\"'\n")
    assert html.unescape(value) == clean(text, 4_000)


def test_a_sentence_is_shortened() -> None:
    assert len(html.unescape(prose("word " * 10_000))) <= LONG


@given(TEXTS)
def test_a_slug_can_stand_in_a_comment(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]*", slug(text))
    assert not slug(text).startswith("-")
