"""Cells in rows, for whatever shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slipway.report.numbers import count


class Name(str):
    """A cell that names something of the data or of the configuration: shown as code."""

    __slots__ = ()


class Wide(Name):
    """A name that is made of several."""

    __slots__ = ()


class Own(str):
    """A cell that quotes nothing: shown as it is. Any other text is made harmless first."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells in rows. `numeric` are the columns to align right; `rest` says what is left out."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    """Rows that stand out."""
    rest: str = ""

    def first(self, limit: int, where: str) -> Table:
        """The first rows, and a sentence about the others."""
        if len(self.rows) <= limit:
            return self
        rest = f"{count(len(self.rows) - limit)} more of {count(len(self.rows))}: {where}. {self.rest}".rstrip()
        return replace(self, rows=self.rows[:limit], rest=rest)
