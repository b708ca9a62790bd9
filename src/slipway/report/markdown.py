"""Tables as GitHub's Markdown; no cell can break out of one."""

from __future__ import annotations

import re

from slipway.report.tables import Name, Own, Table, Wide
from slipway.report.text import SHORT, code, prose

_KEPT_TOGETHER = re.compile(r"(?<=[✅❌➖\ufe0f]) |(?<=\d) (?=\[)|(?<=\d,) (?=[+−\d][^ ]*\])")
"""The spaces after a sign, and those within an interval."""


def table(content: Table) -> str:
    """A table, with the sentence about what it leaves out."""
    lines = [_line([prose(header, SHORT) for header in content.headers])]
    lines.append(_line(["--:" if i in content.numeric else ":--" for i in range(len(content.headers))]))
    for index, row in enumerate(content.rows):
        cells = [cell(value) for value in row]
        lines.append(_line([f"**{c}**" if c and index in content.strong else c for c in cells]))
    return "\n".join(lines) + (f"\n\n<sub>{content.rest}</sub>" if content.rest else "")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cell(value: str) -> str:
    """A cell's Markdown, by what it is."""
    match value:
        case Name():
            return code(value, 3 * SHORT if isinstance(value, Wide) else SHORT)
        case Own():
            return re.sub(_KEPT_TOGETHER, "&nbsp;", value)
    return prose(value)
