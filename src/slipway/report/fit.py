"""What is left out where there is not room for all: whole parts, those that say least first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slipway.report.sections import Section

Measure = Callable[[str], int]
"""How long a text is: in characters, or in bytes."""

_BREAK = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Parts that stand between a head and a foot, which go when the last of them has gone."""

    head: str = ""
    foot: str = ""
    parts: tuple[Section, ...]

    def __str__(self) -> str:
        """As Markdown; nothing without parts."""
        return _BREAK.join(filter(None, [self.head, *map(str, self.parts), self.foot])) if self.parts else ""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What there is room for, and a word about what there is not."""

    blocks: tuple[Block, ...]
    note: str
    """Empty if nothing was left out."""


def fit(blocks: Sequence[Block], room: int, where: str, measure: Measure = len) -> Fitted:
    """Drop parts until the rest and the note on them are within `room`.

    The highest rank goes first, and of one rank those of the last block. `where` is where all of it is.
    """
    sizes = [[measure(str(part)) + len(_BREAK) for part in block.parts] for block in blocks]
    frames = [measure(block.head) + measure(block.foot) + 2 * len(_BREAK) for block in blocks]
    kept = [set(range(len(block.parts))) for block in blocks]
    total = sum(map(sum, sizes)) + sum(frames)
    dropped: Counter[str] = Counter()
    for index, place in _least_first(blocks):
        if total + measure(_note(dropped, where)) <= room:
            break
        kept[index].remove(place)
        total -= sizes[index][place] + (0 if kept[index] else frames[index])
        dropped[blocks[index].parts[place].name] += 1
    left = (replace(b, parts=tuple(b.parts[n] for n in sorted(k))) for b, k in zip(blocks, kept, strict=True))
    return Fitted(blocks=tuple(left), note=_note(dropped, where))


def _least_first(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    places = [(index, place) for index, block in enumerate(blocks) for place in range(len(block.parts))]
    return sorted(places, key=lambda at: (-blocks[at[0]].parts[at[1]].rank, -at[0], at[1]))


def _note(dropped: Counter[str], where: str) -> str:
    if not dropped:
        return ""
    named = "; ".join(name if times == 1 else f"{name} ({times} models)" for name, times in dropped.items())
    return f"**Left out, for a comment has a limit:** {named}. All of it is in {where}."
