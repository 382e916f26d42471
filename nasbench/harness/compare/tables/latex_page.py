"""The page that LaTeX tables are made for, and how wide text is on it.

Widths of characters are those of Computer Modern, LaTeX's own font, which is wider than Times and
most other fonts of papers: what fits here fits there.
"""

from dataclasses import dataclass
from functools import cache

from nasbench.text import printable

_USUAL = 5.5
"""Inches of the text of a paper with one column."""
POINTS = 72.27
"""TeX's points in an inch."""
_BETWEEN = 0.25
"""Inches between two columns."""
_NARROW = 4.0
"""Inches below which a width is that of one of two columns."""
_OF_TWO = ("icml", "cvpr")
"""Venues with two columns whose width is that of the whole text."""
HEIGHT = 8.0 * POINTS
"""Points that a table may be high; less than the text of letter paper in common classes."""


@dataclass(frozen=True)
class Page:
    """Widths in points: of a column, and of the text if it has two columns."""

    column: float
    text: float | None = None


def page(width: str | float | None) -> Page:
    """Return the page of a width in inches or of a venue's name; by default one of 5.5 inches.

    A width below 4 inches is that of one of two columns.
    """
    if width is None:
        return Page(_USUAL * POINTS)
    from nasbench.harness.compare.figures.options import figure_width

    inches = figure_width(width=width)
    if isinstance(width, str) and width in _OF_TWO:
        return Page((inches - _BETWEEN) / 2 * POINTS, inches * POINTS)
    if inches < _NARROW:
        return Page(inches * POINTS, (2 * inches + _BETWEEN) * POINTS)
    return Page(inches * POINTS)


@dataclass(frozen=True)
class Size:
    """A size of letters."""

    points: float
    scale: float
    """Width of a character relative to that at ten points."""
    gap: float
    """Points on either side of the space between two columns."""
    line: float
    """Points from line to line."""

    @property
    def command(self) -> str:
        """The LaTeX command, which means the same in classes of every size."""
        return f"\\fontsize{{{self.points:g}}}{{{self.line:g}}}\\selectfont"


SIZES = (Size(8, 0.8505, 4.0, 9.5), Size(7, 0.816, 3.0, 8.0))
"""Sizes of letters that tables have: `footnotesize` and `scriptsize` of classes of ten points."""

_WIDTHS = {
    2.78: "!',.:;[]`il ", 3.06: "fj", 3.33: "-", 3.61: "I", 3.89: "()t", 3.92: "r", 3.94: "s",
    4.44: "cez", 4.72: "?", 5.0: "$*/0123456789^ago{}–", 5.14: "J", 5.28: "kqvxy", 5.56: "Sbdhnpu",
    6.11: "Z", 6.25: "L", 6.53: "F", 6.81: "EP", 7.08: "B", 7.22: "CTw", 7.36: "R",
    7.5: "AHNUVXY", 7.64: "D", 7.78: "&+=<>OQ±@K", 7.85: "G", 8.33: "#%m", 9.17: "M",
}  # fmt: skip
"""Characters by their width in points at ten points."""
_SPACE, _OTHER, _CODE = 3.34, 10.3, 40.0
BOLD = 1.17
"""Width of bold letters relative to that of others."""


@cache
def _each() -> dict[str, float]:
    found = {one: width for width, group in _WIDTHS.items() for one in group}
    return {**found, " ": _SPACE, "_": 4.0, "∞": 10.0}


def natural(text: str, *, bold: bool = False) -> float:
    """Return the width of a text on one line in points, at ten points."""
    each = _each()
    found = sum(each.get(one, _OTHER if is_latin(one) else _CODE) for one in printable(text))
    return found * (BOLD if bold else 1.0)


def is_latin(character: str) -> bool:
    """Return whether LaTeX's usual fonts have a letter."""
    return character.isascii() or (character.isalpha() and ord(character) < 0x180)
