"""Text that comes from data, made harmless.

A column's name, a category or a library's error may hold anything: Markdown, HTML, mentions, links, line
breaks, invisible characters, ten thousand letters. What these functions return is one short line that a
renderer of GitHub's Markdown shows as it is.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import quote

SHORT = 60
"""Characters of a name or a value that are shown."""
LONG = 400
"""Characters of a sentence that are shown."""

_LONGEST_URL = 2_000

_JOINERS = "\u200c\u200d"
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_STACKED = 3
"""Combining marks on one letter that are kept; more of them run over the lines above."""


def clean(text: str, limit: int = LONG) -> str:
    """One line of visible characters, shortened in its middle; what cannot be seen becomes `�`."""
    line = " ".join(_short(text, 4 * limit).split())
    return _short("".join(_visible(line)), limit)


def _visible(line: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for character in line:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _STACKED:
            continue
        hidden = (category in _INVISIBLE and character not in _JOINERS) or character in _BLANK
        kept.append("\ufffd" if hidden else character)
    return kept


def _short(text: str, limit: int) -> str:
    """The text, or its beginning and its end: names that differ only at their end stay different."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[len(text) - tail :]}"


def code(text: str, limit: int = SHORT) -> str:
    """A name or a value as inline code, for Markdown in and outside of tables.

    Nothing is read inside a code span but its end, and in a table the pipe; for texts that hold one of
    these (or `<`, so that none of it ever looks like the report's own markup) there is HTML's element,
    with every sign of punctuation as a character reference.
    """
    line = clean(text, limit)
    if not line:
        return "_(empty)_"
    if not re.search(r"[`|\\<]", line):
        return f"`{line}`"
    return f"<code>{_references(line)}</code>"


_PLAIN = frozenset(" ,;('\"?%/")
_ACTIVE = re.compile(r"[@#](?=\S)|:(?=[\w/+-])|(?i:\bgh-)(?=\d)|(?i:\bwww\.)")
"""What GitHub makes links, mentions and pictures of, even where Markdown would not."""


def prose(text: str, limit: int = LONG) -> str:
    """A sentence that may quote data, for Markdown in and outside of tables."""
    line = clean(text, limit)
    parted = _ACTIVE.sub(lambda found: f"{found[0]}\u200b", line)
    return "".join(_reference(parted, place) for place in range(len(parted)))


def _references(line: str) -> str:
    return "".join(c if c.isalnum() or c == " " or not c.isascii() else f"&#{ord(c)};" for c in line)


def _reference(line: str, place: int) -> str:
    """A character, or its reference where Markdown could read it as more than itself."""
    character = line[place]
    if not character.isascii() or character.isalnum() or character in _PLAIN:
        return character
    before, after = line[place - 1 : place], line[place + 1 : place + 2]
    inside_a_word = character in ".-" and before.isalnum() and after.isalnum()
    full_stop = character == "." and before.isalpha() and after in {"", " "}
    colon = character == ":" and after == " "
    bracket = character == ")" and not line[:place].isdigit()
    return character if inside_a_word or full_stop or colon or bracket else f"&#{ord(character)};"


def literal(text: str, most: int, limit: int = LONG) -> list[str]:
    """The lines of a text for a fenced block: visible, each cut at its end, and a word about those left out."""
    parts = text.rstrip("\n").split("\n", most)
    lines, rest = parts[:most], parts[most:]
    shown = [_line(line.removesuffix("\r"), limit) for line in lines]
    left = sum(part.count("\n") + 1 for part in rest)
    return [*shown, f"… and {left:,} more {'line' if left == 1 else 'lines'}"] if left else shown


def _line(line: str, limit: int) -> str:
    visible = "".join(_visible(line[: 4 * limit].expandtabs(4))).rstrip()
    return visible if len(visible) <= limit else f"{visible[: limit - 1]}…"


def fence(lines: list[str], language: str = "") -> str:
    """Lines as they are, in a block that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([f"{ticks}{language}", *lines, ticks])


_URL = "/:?=#~.-_+,@!$;%&"


def link(shown: str, url: str) -> str:
    """Our own Markdown as a link; without one where the address is not one of the web."""
    if not re.match(r"https?://[^/]", url) or len(url) > _LONGEST_URL:
        return shown
    return f"[{shown}]({quote(url, safe=_URL).replace('&', '&amp;')})"


def attribute(text: str, limit: int = 4_000) -> str:
    """A text for an attribute of an HTML element."""
    return html.escape(clean(text, limit), quote=True)


def slug(text: str) -> str:
    """Letters, digits and hyphens: what may stand in a hidden marker."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower())[:SHORT].strip("-")
