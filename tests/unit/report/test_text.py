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
from slipway.report.text import LONG, SHORT, attribute, clean, code, fence, link, literal, prose, slug

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


BLOCKS = st.lists(TEXTS, max_size=6).map("\n".join)


@given(BLOCKS, st.integers(1, 5))
@example("`" * 900 + "\n~~~\n```\n````", 5)
@example("```\n</code></pre><script>", 5)
def test_no_line_ends_its_block(text: str, most: int) -> None:
    lines = literal(text, most)
    tokens = GFM.parse(f"above\n\n{fence(lines, 'diff')}\n\nbelow")
    above, block, below = (t for t in tokens if t.type in {"fence", "inline"})
    assert (above.content, below.content) == ("above", "below")
    assert block.info == "diff"
    assert block.content == "".join(f"{line}\n" for line in lines)


@given(BLOCKS, st.integers(1, 5))
def test_a_block_holds_short_visible_lines(text: str, most: int) -> None:
    lines = literal(text, most, SHORT)
    assert len(lines) <= most + 1
    for line in lines:
        assert len(line) <= SHORT
        assert not {unicodedata.category(c) for c in line if c not in "\u200c\u200d"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_a_block_keeps_what_stands_before_a_line_and_says_what_it_leaves_out() -> None:
    text = "  a: 1\r\n\n\tb\u202e\n+c\n-d\n"
    assert literal(text, 9) == ["  a: 1", "", "    b\ufffd", "+c", "-d"]
    assert literal(text, 4) == ["  a: 1", "", "    b\ufffd", "+c", "… and 1 more line"]
    assert literal(text, 1) == ["  a: 1", "… and 4 more lines"]
    assert literal("", 3) == [""]


@given(st.one_of(TEXTS, MARKUP.map("https://a.example/{}".format)))
def test_a_link_leads_where_it_says_or_nowhere(url: str) -> None:
    tokens = inline(f"before {link('`it`', url)} after")
    links = [t.attrs["href"] for t in tokens if t.type == "link_open"]
    assert len(links) == (1 if re.match("https?://[^/]", url) and len(url) <= 2_000 else 0)
    assert {t.type for t in tokens} <= {"text", "code_inline", "link_open", "link_close"}
    assert all(str(href).startswith("http") for href in links)
    assert shown(tokens) == "before it after"


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://a.example/b?c=d&copy=e#f", "https://a.example/b?c=d&copy=e#f"),
        ("https://a.example/b)c d", "https://a.example/b%29c%20d"),
        ("javascript:alert(1)", None),
        ("http:///b", None),
        ("data:text/html,x", None),
    ],
)
def test_only_addresses_of_the_web_are_links(url: str, href: str | None) -> None:
    links = [t.attrs["href"] for t in inline(link("it", url)) if t.type == "link_open"]
    assert links == ([href] if href else [])
