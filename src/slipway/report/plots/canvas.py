"""Figures and their colours, as PNG for the comment and as SVG for the page.

Sizes are in inches at 8 inches to the full width, so that 10-point letters are about 14 pixels high where
the plot is 800 pixels wide. Margins are set by hand: automatic layout costs more than all the drawing.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from slipway.report.numbers import number
from slipway.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
_DPI = 200
_LETTER = 0.078
"""Inches that a letter of a label takes, on average and generously."""


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a plot. They differ in brightness as well, and a shape or a word says the same."""

    paper: str
    ink: str
    muted: str
    grid: str
    champion: str
    challenger: str
    bad: str
    third: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2328",
    muted="#59636e",
    grid="#dfe3e8",
    champion="#b35900",
    challenger="#0b63b0",
    bad="#c2185b",
    third="#3d7a37",
)
DARK = Theme(
    paper="#0d1117",
    ink="#e6edf3",
    muted="#9aa4af",
    grid="#2b323b",
    champion="#f0a04b",
    challenger="#62aeff",
    bad="#ff7aa8",
    third="#7cc576",
)
VARIABLES = Theme(**{field.name: f"#0a0b{index:02x}" for index, field in enumerate(fields(Theme), start=16)})
"""Colours that stand for the page's CSS variables; `to_svg` replaces them."""


@contextmanager
def drawing() -> Iterator[None]:
    """What must hold while figures are made and written: no mathematics in labels, equal bytes each time."""
    import matplotlib as mpl

    options = {"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "slipway", "path.simplify": True}
    with mpl.rc_context(options), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def figure(height: float, theme: Theme) -> Figure:
    """An empty figure of full width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), facecolor=theme.paper)


def panel(sheet: Figure, theme: Theme, *, left: float, right: float, bottom: float, top: float) -> Axes:
    """Axes whose edges lie that many inches inside of the figure's, with quiet lines."""
    width, height = sheet.get_size_inches()
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = sheet.add_axes(box, facecolor=theme.paper)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.muted)
    axes.tick_params(colors=theme.muted, labelsize=9, length=0, pad=5)
    axes.grid(visible=True, color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.label.set(color=theme.muted, fontsize=9.5)
    axes.yaxis.label.set(color=theme.muted, fontsize=9.5)
    axes.title.set(color=theme.ink, fontsize=10.5)
    return axes


def plain_numbers(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Ticks as the text writes numbers, as many as there is room for."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    box = axes.get_window_extent()
    inches = box.width / axes.figure.dpi, box.height / axes.figure.dpi
    for wanted, axis, length, letters in ((x, axes.xaxis, inches[0], 0.75), (y, axes.yaxis, inches[1], 0.5)):
        if wanted:
            axis.set_major_locator(MaxNLocator(nbins=max(2, min(6, int(length / letters)))))
            axis.set_major_formatter(FuncFormatter(lambda value, _place: number(round(value, 9))))


def title(axes: Axes, text: str, theme: Theme) -> None:
    """A heading at the left edge of the axes."""
    axes.set_title(text, loc="left", fontsize=10.5, color=theme.ink, pad=8)


def label(text: str, limit: int = 30) -> str:
    """A name as a label: visible, one line, short, and no higher than its letters."""
    flat = (c for c in unicodedata.normalize("NFC", clean(text, 4 * limit)) if not unicodedata.combining(c))
    return clean("".join(flat), limit) or "(empty)"


def margin(labels: list[str], least: float = 0.4) -> float:
    """The inches that labels need at the left."""
    return max([least, *(0.25 + _LETTER * _cells(text) for text in labels)])


def _cells(text: str) -> int:
    return sum(1 if ord(character) < 0x1100 else 2 for character in text)  # noqa: PLR2004


def to_png(sheet: Figure) -> bytes:
    """As PNG, at twice the pixels of the comment's width."""
    target = io.BytesIO()
    sheet.savefig(target, format="png", dpi=_DPI, metadata={"Software": None})
    return target.getvalue()


def to_svg(sheet: Figure, name: str) -> str:
    """As SVG to stand in a page: no inline style, ids of its own, colours from the page's variables."""
    target = io.StringIO()
    sheet.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', text, count=1)
    text = re.sub(r' style="([^"]*)"', _attributes, text)
    text = _own_ids(text, name)
    for index, field in enumerate(fields(Theme), start=16):
        text = text.replace(f"#0a0b{index:02x}", f"var(--{field.name})")
    return re.sub(r"\n\s*", "\n", text).strip()


def _attributes(style: re.Match[str]) -> str:
    """A style as attributes, which a strict content security policy allows; the font is the page's."""
    pairs = (part.split(":", 1) for part in style[1].split(";") if ":" in part)
    wanted = [(k.strip(), v.strip()) for k, v in pairs]
    return "".join(f' {key}="{value}"' for key, value in wanted if key not in {"font-family", "font"}) + _font(wanted)


def _font(style: list[tuple[str, str]]) -> str:
    """The size and weight out of the shorthand, which has no attribute of its own."""
    shorthand = next((value for key, value in style if key == "font"), "")
    size = re.search(r"([\d.]+px)", shorthand)
    weight = re.search(r"\b(bold|[1-9]00)\b", shorthand)
    return (f' font-size="{size[1]}"' if size else "") + (f' font-weight="{weight[1]}"' if weight else "")


def _own_ids(text: str, name: str) -> str:
    """Ids that are referred to get the plot's name in front; the others go."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda i: f' id="{name}-{i[1]}"' if i[1] in used else "", text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    return re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text)
