"""A YAML file as nodes that know where they stand in its text, so that an edit can leave the rest alone.

A manifest is read by people, git and Kubernetes, so only the part of YAML that says the same to all of them is
taken: one document, no anchors, no tags, no key twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import cast

import yaml

from slipway.errors import InputError
from slipway.training.faults import Fault

MAX_BYTES = 1_000_000
"""Far more than a manifest has, and still read within a second."""
_MAX_DEPTH = 64
_MEND = "Mend it, or take a version from Git: git log -- {file}"
_BOM = "\ufeff"
_BLOCK_STYLES = ("|", ">")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of the text: characters `start` to `end`, on `line`, which counts from 1."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, kw_only=True)
class Scalar(Node):
    """A value, as text: whether `2` is a number is for the reader to know. `style` is the quote, if any."""

    text: str
    style: str


@dataclass(frozen=True, kw_only=True)
class Table(Node):
    """A mapping. In flow style it has braces, else each entry has its own line."""

    entries: dict[str, tuple[Scalar, Node]]
    flow: bool

    def get(self, name: str) -> Node | None:
        """The value of a key, if it is there."""
        entry = self.entries.get(name)
        return entry[1] if entry else None


@dataclass(frozen=True, kw_only=True)
class Items(Node):
    """A sequence. In flow style it has brackets, else each item has a dash."""

    items: tuple[Node, ...]
    flow: bool


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file: its text without a byte order mark, and what the text says."""

    file: str
    text: str
    root: Node

    def refused(self, node: Node, what: str, hint: str = "") -> InputError:
        """The error for something that stands at this node."""
        hint = hint or _MEND.format(file=self.file.rpartition(":")[2])
        return InputError(Fault(file=self.file, line=node.line, what=what, hint=hint))

    def table(self, parent: Table, name: str) -> Table:
        """The mapping under a key; `InputError` if there is none."""
        node = parent.get(name)
        if not isinstance(node, Table):
            raise self.refused(node or parent, f"{name} must be a mapping")
        return node

    def items(self, parent: Table, name: str) -> Items:
        """The list under a key; `InputError` if there is none, or nothing in it."""
        node = parent.get(name)
        if not isinstance(node, Items) or not node.items:
            raise self.refused(node or parent, f"{name} must be a list of mappings")
        return node

    def tables(self, parent: Table, name: str) -> list[Table]:
        """The mappings listed under a key; `InputError` if anything else is there."""
        items = self.items(parent, name).items
        for item in items:
            if not isinstance(item, Table):
                raise self.refused(item, f"{name} must be a list of mappings")
        return [item for item in items if isinstance(item, Table)]

    def scalar(self, parent: Table, name: str) -> Scalar:
        """The value of a key; `InputError` if there is none."""
        node = parent.get(name)
        if not isinstance(node, Scalar):
            raise self.refused(node or parent, f"{name} is missing" if node is None else f"{name} must be one value")
        return node


def parse(content: bytes, file: str) -> Document:
    """Read a file; `InputError` with its line where it is not YAML, or not of the plain kind."""
    hint = _MEND.format(file=file.rpartition(":")[2])
    if len(content) > MAX_BYTES:
        raise InputError(Fault(file=file, what=f"the manifest is larger than {MAX_BYTES:,} bytes", hint=hint))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Fault(file=file, line=line, what="the manifest is not UTF-8", hint=hint)) from None
    text = text.removeprefix(_BOM)
    try:
        root = _root(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), text)
    except yaml.YAMLError as error:
        raise InputError(_fault(error, file, text, hint)) from None
    return Document(file=file, text=text, root=root)


class _NotPlainError(yaml.MarkedYAMLError):
    """YAML, but of a kind that is not taken."""


def _fault(error: yaml.YAMLError, file: str, text: str, hint: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else None  # what is missing is missed after the end
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    kind = "plain YAML" if isinstance(error, _NotPlainError) else "YAML"
    return Fault(file=file, line=line, what=f"the manifest is not {kind}: {problem}", hint=hint)


def _root(events: Iterable[yaml.Event], text: str) -> Node:
    """The only document's node. Built without recursion: the file decides how deep it goes."""
    stack: list[tuple[yaml.CollectionStartEvent, list[Node]]] = []
    roots: list[Node] = []
    for event in events:
        match event:
            case yaml.ScalarEvent():
                node: Node = _scalar(event, text)
            case yaml.CollectionStartEvent():
                _hold(_unadorned(event) and len(stack) < _MAX_DEPTH, event, "it is nested too deeply")
                stack.append((event, []))
                continue
            case yaml.CollectionEndEvent():
                node = _collection(*stack.pop(), event)
            case yaml.AliasEvent():
                raise _not_plain(event, f"an alias (*{event.anchor}) is not taken: write out what it stands for")
            case _:
                continue
        (stack[-1][1] if stack else roots).append(node)
        _hold(len(roots) <= 1, event, "it holds several documents")
    if not roots:
        raise _NotPlainError(problem="it is empty")
    return roots[0]


def _hold(right: bool, event: yaml.Event, problem: str) -> None:  # noqa: FBT001  reads as an assertion
    if not right:
        raise _not_plain(event, problem)


def _not_plain(event: yaml.Event, problem: str) -> _NotPlainError:
    return _NotPlainError(problem=problem, problem_mark=_start(event))


def _start(event: yaml.Event) -> yaml.Mark:
    return cast("yaml.Mark", event.start_mark)


def _end(event: yaml.Event) -> int:
    return cast("yaml.Mark", event.end_mark).index


def _unadorned(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> bool:
    """True; an anchor would be copied with its node, and a tag makes of a value something else."""
    _hold(event.anchor is None, event, f"an anchor (&{event.anchor}) is not taken")
    _hold(event.tag is None, event, f"a tag ({event.tag}) is not taken")
    return True


def _scalar(event: yaml.ScalarEvent, text: str) -> Scalar:
    _unadorned(event)
    start, end = _start(event).index, _end(event)
    style = event.style or ""
    if style in _BLOCK_STYLES:
        end = _end_of_block(text, start, end)
    return Scalar(start=start, end=end, line=_start(event).line + 1, text=event.value, style=style)


def _end_of_block(text: str, start: int, end: int) -> int:
    """Where the last line of `|` or `>` ends: parsers go on to the next value, over blank lines that may count."""
    header = text[start:end].split("\n", 1)[0].split("#", 1)[0]
    if "+" in header:
        return end - len(text[start:end]) + len(text[start:end].removesuffix("\n").removesuffix("\r"))
    return start + len(text[start:end].rstrip())


def _collection(start: yaml.CollectionStartEvent, children: list[Node], end: yaml.CollectionEndEvent) -> Node:
    flow = bool(start.flow_style)
    first, line = _start(start).index, _start(start).line + 1
    last = _end(end) if flow else max(child.end for child in children)
    if isinstance(start, yaml.SequenceStartEvent):
        return Items(start=first, end=last, line=line, items=tuple(children), flow=flow)
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key, value in _pairs(children, start):
        if key.text in entries:
            mark = yaml.Mark("", 0, key.line - 1, 0, None, 0)
            raise _NotPlainError(problem=f"the key {key.text!r} stands there twice", problem_mark=mark)
        entries[key.text] = key, value
    return Table(start=first, end=last, line=line, entries=entries, flow=flow)


def _pairs(children: list[Node], start: yaml.Event) -> Iterator[tuple[Scalar, Node]]:
    for key, value in batched(children, 2):
        if not isinstance(key, Scalar) or key.text == "<<":
            raise _not_plain(start, "a key must be one plain value")
        yield key, value
