"""Edits of a YAML text that touch only what they are about.

A round trip through a YAML library keeps comments, and still moves indentation, spaces in braces, quotes and line
ends of lines that nobody asked about. Here an edit replaces a span of the text, and every other character stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slipway.delivery.document import Document, Items, Node, Scalar, Table

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_BLANK_LINES = re.compile(r"(?:\r?\n[ \t]*)+(?=\r?\n)")


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Put `text` in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str

    def apply(self, text: str) -> str:
        """The text after the edit."""
        return text[: self.start] + self.text + text[self.end :]


def replace(node: Scalar, written: str) -> Edit:
    """Another value, in the place of this one."""
    return Edit(start=node.start, end=node.end, text=written)


def insert_entry(document: Document, table: Table, after: str, name: str, written: str) -> Edit:
    """A new entry behind an existing one: on a line of its own, or within the braces."""
    key, value = table.entries[after]
    text = document.text
    entry = f"{name}: {written}"
    if table.flow:
        quote = key.style
        return Edit(start=value.end, end=value.end, text=f", {quote}{name}{quote}: {written}")
    at = _line_end(text, value.end)
    return Edit(start=at, end=at, text=_newline(text) + " " * (key.start - _line_start(text, key.start)) + entry)


def remove_entry(document: Document, table: Table, name: str) -> Edit:
    """The entry and its line away; in braces, with one comma. Not for the only entry of a mapping."""
    key, value = table.entries[name]
    if not table.flow:
        return _remove_lines(document.text, key.start, value.end)
    return _remove_listed(document.text, list(table.entries.values()), list(table.entries).index(name))


def remove_item(document: Document, items: Items, item: Node) -> Edit:
    """The item away: its lines, from the dash on, or its part of the brackets. Not for the only item."""
    if not items.flow:
        return _remove_lines(document.text, _dash(document.text, items, item), item.end)
    return _remove_listed(document.text, [(each, each) for each in items.items], items.items.index(item))


def copy_item(document: Document, items: Items, item: Table, change: Edit) -> Edit:
    """A copy right behind the item, changed at one place in it.

    Comments and blank lines are not copied: they explain the original, and nobody should have to mend them twice.
    """
    text = document.text
    if items.flow:
        lead = text[_line_start(text, item.start) : item.start]
        gap = "," + (_newline(text) + lead if not lead.strip() else " ")
        start, at = item.start, item.end
    else:
        gap = _newline(text)
        start, at = _line_start(text, _dash(text, items, item)), _line_end(text, item.end)
    return Edit(start=at, end=at, text=gap + _bare(text, start, item, change))


def _bare(text: str, start: int, item: Node, change: Edit) -> str:
    """The text of an item without its comments: they stand between the values, where nothing else has a `#`."""
    parts: list[str] = []
    at = start
    for scalar in scalars(item):
        parts.append(_BLANK_LINES.sub("", _COMMENT.sub("", text[at : scalar.start])))
        parts.append(change.text if scalar.start == change.start else text[scalar.start : scalar.end])
        at = scalar.end
    return "".join(parts) + _BLANK_LINES.sub("", _COMMENT.sub("", text[at : item.end]))


def scalars(node: Node) -> Iterator[Scalar]:
    """All values and keys of a node, as they follow each other in the text."""
    match node:
        case Scalar():
            yield node
        case Table():
            for key, value in node.entries.values():
                yield key
                yield from scalars(value)
        case Items():
            for item in node.items:
                yield from scalars(item)


def _remove_lines(text: str, start: int, end: int) -> Edit:
    """From the end of the line before, so that the last line of a file keeps whatever end it has."""
    before = _line_start(text, start)
    before -= 2 if text[:before].endswith("\r\n") else 1
    return Edit(start=before, end=_line_end(text, end), text="")


def _remove_listed(text: str, listed: list[tuple[Scalar, Node]] | list[tuple[Node, Node]], index: int) -> Edit:
    """With the comma before, or the one behind where there is none or where a comment stands in between."""
    first, last = listed[index]
    if index and "#" not in text[listed[index - 1][1].end : first.start]:
        return Edit(start=listed[index - 1][1].end, end=last.end, text="")
    following = listed[index + 1 :]
    return Edit(start=first.start, end=following[0][0].start if following else last.end, text="")


def _dash(text: str, items: Items, item: Node) -> int:
    """Where an item's dash is: on the item's first line, or above it, with nothing but comments between."""
    column = items.start - _line_start(text, items.start)
    start = _line_start(text, item.start)
    while text[start : start + column].strip() or text[start + column] != "-":
        start = _line_start(text, start - 1)
    return start + column


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Before the line's end, which may be CR LF or the end of the file."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if end > at and text[end - 1] == "\r" else end


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
