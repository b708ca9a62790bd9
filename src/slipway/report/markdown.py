"""Tables as GitHub's Markdown; no cell can break out of one."""

from __future__ import annotations

import re

from slipway.report.tables import Name, Own, Table
from slipway.report.text import SHORT, code, prose


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
            return code(value, 2 * SHORT)
        case Own():
            return re.sub(r"^([✅❌⚠➖]\S*) ", r"\1&nbsp;", value)
    return prose(value)
