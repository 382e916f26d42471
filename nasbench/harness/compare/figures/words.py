"""The words around the axes of a figure: title, legend, axis labels of all panels, footer.

They are made in lines that fit the figure, measured, and placed when the axes have their places.
Lengths are in inches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from nasbench.harness.compare.figures.measure import balanced, broken, renderer, width_of
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.style import DPI, FOOT, LABEL, PALE, SMALL, TICK, TITLE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.legend import Legend

    from nasbench.harness.compare.figures.layout import Sheet

EDGE = 0.04
"""Distance of texts from the figure's edges."""
GAP = 0.07
"""Distance of texts from each other."""
_MANY = 10
"""Number of a legend's entries above which its letters are small."""
_HANDLE, _TO_TEXT, _TO_NEXT = 2.4, 0.6, 1.4
"""Widths within a legend, in sizes of its letters: line, to its label, to the next column."""


@dataclass(frozen=True)
class Words:
    """The words around the axes of a figure."""

    title: str = ""
    aside: str = ""
    """How to read the figure, small, beside the title."""
    footer: str = ""
    xlabel: str = ""
    ylabel: str = ""
    entries: "Sequence[tuple[Artist, str]]" = ()
    """The legend: what is drawn, and its label."""


class Around:
    """The words of a figure that belong to no axes: made, measured, then placed."""

    def __init__(
        self, figure: Figure, options: FigureOptions, words: Words, sheet: "Sheet"
    ) -> None:
        self.figure, self.sheet = figure, sheet
        self.flush = self.together = True
        """Whether the title begins where the axes begin, and what is beside it has room there."""
        line = sheet.wide - 2 * EDGE
        self.title: Text | None = None
        self.aside: Text | None = None
        self.foot: Text | None = None
        self.across: Text | None = None
        self.up: Text | None = None
        self.legend: Legend | None = None
        if options.footer and words.footer:
            self.foot = self._make(words.footer, FOOT, line, color=PALE)
        if len(sheet.panels) > 1:
            if words.xlabel:
                self.across = self._make(words.xlabel, LABEL, line, ha="center",
                                         multialignment="center")  # fmt: skip
            if words.ylabel:
                self.up = self._make(words.ylabel, LABEL, sheet.high, rotation=90, va="center",
                                     multialignment="center")  # fmt: skip
        if options.title:
            self._head(words, line)
        if words.entries:
            self.legend = _legend(figure, words.entries, sheet)
        self.measure()

    def _make(self, text: str, size: float, inches: float, **look: Any) -> Text:
        """Make a text in lines that fit into `inches`."""
        fit = balanced if look.get("multialignment") == "center" else broken
        text = fit(text, self.sheet.fill(inches, size), size)
        usual = {"ha": "left", "va": "bottom", "fontsize": size}
        return self.figure.text(0, 0, text, **{**usual, **look})

    def _head(self, words: Words, line: float) -> None:
        """Make the title and the words beside it, in one line where they fit."""
        start, end = self.sheet.span
        room, fill = self.sheet.wide - EDGE - start, self.sheet.fill
        self.flush = width_of(words.title, TITLE) <= fill(room, TITLE)
        if words.title:
            self.title = self._make(words.title, TITLE, room if self.flush else line)
        if words.aside:
            wide = width_of(words.title, TITLE) + (0.2 if words.title else 0)
            self.together = wide + width_of(words.aside, SMALL) <= fill(end - start, SMALL)
            ha = "right" if self.together else "left"
            below = room if self.flush and not self.together else line
            self.aside = self._make(words.aside, SMALL, below, color=PALE, ha=ha)

    def measure(self) -> None:
        """Measure the height of every text."""
        self.sizes: dict[int, tuple[float, float]] = {}
        for one in (self.title, self.aside, self.foot, self.across, self.up, self.legend):
            if one is not None:
                box = one.get_window_extent(renderer())
                self.sizes[id(one)] = float(box.width) / DPI, float(box.height) / DPI

    def _high(self, one: Any, gap: float) -> float:
        return self.sizes[id(one)][1] + gap if one is not None else 0.0

    def room(self) -> tuple[float, float]:
        """Return the heights of what stands below and above the panels with their labels."""
        if self.up is not None:
            self.sheet.beside = self.sizes[id(self.up)][0] + GAP
        below = EDGE + sum(self._high(one, GAP) for one in (self.foot, self.legend, self.across))
        if self.aside is not None and not self.together:
            head = self._high(self.title, 0.02) + self._high(self.aside, 0)
        else:
            head = max(self._high(self.title, 0), self._high(self.aside, 0))
        return below, (head + GAP if head else 0.0) + EDGE

    def place(self) -> None:
        """Put every text where it belongs; the panels are where they stay."""
        wide, high = self.figure.get_size_inches()
        start, end = self.sheet.span
        y = EDGE
        if self.foot is not None:
            self.foot.set_position((EDGE / wide, y / high))
            y += self._high(self.foot, GAP)
        if self.legend is not None:
            half = self.sizes[id(self.legend)][0] / 2
            centre = min(max((start + end) / 2, half + EDGE), wide - half - EDGE)
            self.legend.set_bbox_to_anchor((centre / wide, y / high))
            y += self._high(self.legend, GAP)
        if self.across is not None:
            half = self.sizes[id(self.across)][0] / 2
            centre = min(max((start + end) / 2, half + EDGE), wide - half - EDGE)
            self.across.set_position((centre / wide, y / high))
        if self.up is not None:
            middle = self.sheet.below + self.sheet.bottom + self.sheet.high / 2
            self.up.set_position((EDGE / wide, middle / high))
        top, left = high - EDGE, start if self.flush else EDGE
        if self.title is not None:
            top -= self._high(self.title, 0)
            self.title.set_position((left / wide, top / high))
        if self.aside is not None:
            if self.together:
                lift = 0.0 if self.title is None else 0.012
                base = top if self.title is not None else top - self._high(self.aside, 0)
                self.aside.set_position((end / wide, (base + lift) / high))
            else:
                top -= self._high(self.aside, 0.02 if self.title is not None else 0)
                self.aside.set_position((left / wide, top / high))


def _legend(figure: Figure, entries: "Sequence[tuple[Artist, str]]", sheet: "Sheet") -> "Legend":
    """Make a legend with as many columns as fit into a line."""
    size = TICK if len(entries) <= _MANY else SMALL
    em = size / 72
    line = sheet.fill(sheet.wide - 2 * EDGE, size)
    handle = (_HANDLE + _TO_TEXT) * em
    names = [broken(name, line - handle, size) for _, name in entries]
    widths = [max(width_of(part, size) for part in name.split("\n")) + handle for name in names]
    columns = len(names)
    while columns > 1 and _columns_width(widths, columns) + _TO_NEXT * em * (columns - 1) > line:
        columns -= 1
    return figure.legend(
        [handle for handle, _ in entries], names, loc="lower center", bbox_to_anchor=(0.5, 0),
        ncols=columns, fontsize=size, handlelength=_HANDLE, handletextpad=_TO_TEXT,
        columnspacing=_TO_NEXT, labelspacing=0.25, borderpad=0, borderaxespad=0,
    )  # fmt: skip


def _columns_width(widths: Sequence[float], columns: int) -> float:
    """Return how wide a legend's columns are together, which it fills one after the other."""
    return float(sum(max(part) for part in np.array_split(widths, columns)))
