"""Lay a figure out by measuring its texts, once.

The axes have a designed height. What stands around them (tick labels, axis labels, titles, a
legend, a footer) is broken into lines that fit the figure's width and measured, and the figure
becomes as high as all that needs. Lengths are in inches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox

from nasbench.harness.compare.figure_options import FigureOptions
from nasbench.harness.compare.figure_style import (
    DPI,
    FOOT,
    LABEL,
    PALE,
    SMALL,
    TICK,
    TITLE,
    latex_errors,
)
from nasbench.harness.compare.measure import broken, renderer, width_of
from nasbench.harness.compare.tex import typeset
from nasbench.harness.compare.ticks import set_ticks

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

EDGE = 0.04
"""Distance of texts from the figure's edges."""
_GAP = 0.07
"""Distance of texts from each other."""
_MARK = 0.04
"""Room on the right for marks on the edge of the axes."""
_BETWEEN = 0.1
"""Distance of panels with what belongs to them."""
_SHARES = {"sans": 0.97, "serif": 0.97, "tex": 0.85}
"""Part of a line that is filled, for each font.

Letters are a little wider where they are hinted for a screen, and where LaTeX sets them."""
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


def lay_out(
    figure: Figure, options: FigureOptions, words: Words, height: float, *, whole: str = ""
) -> None:
    """Place the axes, each `height` high, and write the words around them.

    Axes are those of one grid, which `Figure.subplots` made. Ticks are chosen anew, except for
    those that are set by hand; `whole` names the axes (`x`, `y`) on which they are whole numbers.
    """
    sheet = _Sheet(figure, options, height)
    sheet.fit(words, whole)
    texts = _Texts(figure, options, words, sheet)
    if options.font == "tex":
        with latex_errors():
            typeset(figure)
            texts.measure()
            sheet.measure()
    sheet.place(*texts.room())
    texts.place()


class _Sheet:
    """The grid of axes: how large they are, and how much their labels need on each side."""

    def __init__(self, figure: Figure, options: FigureOptions, height: float) -> None:
        self.figure, self.height, self.wide = figure, height, options.inches
        self.fill = _SHARES[options.font]
        self.panels: dict[tuple[int, int], Axes] = {}
        for axes in figure.axes:
            place = axes.get_subplotspec()
            if place is not None and axes.get_visible():
                self.panels[place.rowspan.start, place.colspan.start] = axes
        self.rows, self.columns = (1 + max(place[side] for place in self.panels) for side in (0, 1))
        self.names = {place: axes.get_title() for place, axes in self.panels.items()}
        self.numeric = [
            (name, axis, place)
            for place, axes in self._ticked()
            for name, axis in (("x", axes.xaxis), ("y", axes.yaxis))
            if not isinstance(axis.get_major_locator(), FixedLocator)
        ]
        self.beside = 0.0
        """Room for the label of all panels on the left."""
        self.left = self.right = self.top = self.bottom = 0.2
        self.across = np.full(self.columns - 1, 0.15)
        self.down = np.full(self.rows - 1, 0.3)
        self.place(0.0, 0.0)

    def _ticked(self) -> "list[tuple[tuple[int, int], Axes]]":
        """Return the panels by which ticks are set: one of those that share them."""
        found: dict[int, tuple[tuple[int, int], Axes]] = {}
        for place, axes in sorted(self.panels.items()):
            found.setdefault(id(axes.xaxis.major), (place, axes))
        return list(found.values())

    @property
    def panel(self) -> float:
        """Width of a panel's axes."""
        around = self.beside + self.left + self.right + 2 * EDGE + float(self.across.sum())
        return max((self.wide - around) / self.columns, 0.3)

    @property
    def span(self) -> tuple[float, float]:
        """Left end of the first panel and right end of the last."""
        start = EDGE + self.beside + self.left
        return start, start + self.columns * self.panel + float(self.across.sum())

    @property
    def high(self) -> float:
        """Height of all panels together, without what stands below and above them."""
        return self.rows * self.height + float(self.down.sum())

    def fit(self, words: Words, whole: str) -> None:
        """Choose ticks and break labels into lines, for the width that is then left."""
        alone = len(self.panels) == 1
        if not alone and words.ylabel:
            lines = broken(words.ylabel, self.fill * self.high, LABEL).count("\n") + 1
            self.beside = lines * LABEL * 1.2 / 72 + _GAP
        for _ in range(2):
            wide = self.panel
            for name, axis, _place in self.numeric:
                set_ticks(axis, wide if name == "x" else self.height, whole=name in whole)
            for place, axes in self.panels.items():
                self._title(axes, self.names[place], self.fill * (wide + 0.06))
                if alone:
                    axes.set_xlabel(broken(words.xlabel, self.fill * wide, LABEL))
                    axes.set_ylabel(broken(words.ylabel, self.fill * self.height, LABEL))
            self.measure()
            self.place(0.0, 0.0)

    def _title(self, axes: "Axes", name: str, inches: float) -> None:
        """Write a panel's title, in small letters where it needs more than two lines."""
        text, size = broken(name, inches, TICK), TICK
        if text.count("\n") > 1:
            text, size = broken(name, inches, SMALL), SMALL
        axes.set_title(text, fontsize=size)

    def measure(self) -> None:
        """Measure what stands around each panel, and keep the most of each side."""
        sides = {place: _sides(axes) for place, axes in self.panels.items()}
        last = max(column for _, column in sides)
        self.left = max(one[0] for (_, column), one in sides.items() if column == 0)
        self.right = max(one[1] for (_, column), one in sides.items() if column == last)
        self.right = max(self.right, _MARK)
        self.bottom = max(
            one[2] for place, one in sides.items() if place[0] == self.rows - 1
        )  # a column that ends earlier has room below
        self.top = max(one[3] for (row, _), one in sides.items() if row == 0)
        for column in range(self.columns - 1):
            right = max(one[1] for place, one in sides.items() if place[1] == column)
            left = max(one[0] for place, one in sides.items() if place[1] == column + 1)
            self.across[column] = right + left + _BETWEEN
        for row in range(self.rows - 1):
            self.down[row] = _BETWEEN + max(
                one[2] + sides[row + 1, place[1]][3]
                for place, one in sides.items()
                if place[0] == row and (row + 1, place[1]) in sides
            )

    def place(self, below: float, above: float) -> None:
        """Set the figure's height and the positions of all axes."""
        total = below + self.bottom + self.high + self.top + above
        self.figure.set_size_inches(self.wide, total)
        for (row, column), axes in self.panels.items():
            x = self.span[0] + column * self.panel + self.across[:column].sum()
            y = below + self.bottom + self.high - (row + 1) * self.height - self.down[:row].sum()
            axes.set_position(
                (x / self.wide, y / total, self.panel / self.wide, self.height / total)
            )
        self.below = below


def _sides(axes: "Axes") -> tuple[float, float, float, float]:
    """Return how far labels reach beyond the axes: left, right, below, above."""
    boxes = [axes.get_tightbbox(renderer(), bbox_extra_artists=[]), axes.bbox]
    for text in axes.texts:
        if text.get_text():
            text.update_positions(renderer()) if hasattr(text, "update_positions") else None
            boxes.append(Text.get_window_extent(text, renderer()))
    whole, inner = Bbox.union([box for box in boxes if box is not None]), axes.bbox
    return (
        float(inner.x0 - whole.x0) / DPI, float(whole.x1 - inner.x1) / DPI,
        float(inner.y0 - whole.y0) / DPI, float(whole.y1 - inner.y1) / DPI,
    )  # fmt: skip


class _Texts:
    """The words of a figure that belong to no axes: made, measured, then placed."""

    def __init__(self, figure: Figure, options: FigureOptions, words: Words, sheet: _Sheet) -> None:
        self.figure, self.sheet = figure, sheet
        line = sheet.fill * (sheet.wide - 2 * EDGE)
        self.title: Text | None = None
        self.aside: Text | None = None
        self.foot: Text | None = None
        self.across: Text | None = None
        self.up: Text | None = None
        self.legend: Legend | None = None
        if options.footer and words.footer:
            self.foot = self._make(broken(words.footer, line, FOOT), FOOT, color=PALE)
        if len(sheet.panels) > 1:
            if words.xlabel:
                self.across = self._make(broken(words.xlabel, line, LABEL), LABEL, ha="center",
                                         multialignment="center")  # fmt: skip
            if words.ylabel:
                text = broken(words.ylabel, sheet.fill * sheet.high, LABEL)
                self.up = self._make(text, LABEL, rotation=90, va="center",
                                     multialignment="center")  # fmt: skip
        if options.title:
            self._head(words, line)
        if words.entries:
            self.legend = _legend(figure, words.entries, line)
        self.measure()

    def _make(self, text: str, size: float, **look: Any) -> Text:
        usual = {"ha": "left", "va": "bottom", "fontsize": size}
        return self.figure.text(0, 0, text, **{**usual, **look})

    def _head(self, words: Words, line: float) -> None:
        """Make the title and the words beside it, in one line where they fit."""
        start, end = self.sheet.span
        room = self.sheet.fill * (self.sheet.wide - EDGE - start)
        self.start = start if width_of(words.title, TITLE) <= room else EDGE
        if words.title:
            text = broken(words.title, line if self.start == EDGE else room, TITLE)
            self.title = self._make(text, TITLE)
        self.end = max(end, self.start + 0.5)
        if words.aside:
            wide = width_of(words.title, TITLE) + (0.2 if words.title else 0)
            self.together = wide + width_of(words.aside, SMALL) <= self.sheet.fill * (
                self.end - self.start
            )
            text = words.aside if self.together else broken(words.aside, line, SMALL)
            self.aside = self._make(
                text, SMALL, color=PALE, ha="right" if self.together else "left"
            )

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
            self.sheet.beside = self.sizes[id(self.up)][0] + _GAP
        below = EDGE + sum(self._high(one, _GAP) for one in (self.foot, self.legend, self.across))
        if self.aside is not None and not self.together:
            head = self._high(self.title, 0.02) + self._high(self.aside, 0)
        else:
            head = max(self._high(self.title, 0), self._high(self.aside, 0))
        return below, (head + _GAP if head else 0.0) + EDGE

    def place(self) -> None:
        """Put every text where it belongs; the panels are where they stay."""
        wide, high = self.figure.get_size_inches()
        start, end = self.sheet.span
        y = EDGE
        if self.foot is not None:
            self.foot.set_position((EDGE / wide, y / high))
            y += self._high(self.foot, _GAP)
        if self.legend is not None:
            half = self.sizes[id(self.legend)][0] / 2
            centre = min(max((start + end) / 2, half + EDGE), wide - half - EDGE)
            self.legend.set_bbox_to_anchor((centre / wide, y / high))
            y += self._high(self.legend, _GAP)
        if self.across is not None:
            half = self.sizes[id(self.across)][0] / 2
            centre = min(max((start + end) / 2, half + EDGE), wide - half - EDGE)
            self.across.set_position((centre / wide, y / high))
        if self.up is not None:
            middle = self.sheet.below + self.sheet.bottom + self.sheet.high / 2
            self.up.set_position((EDGE / wide, middle / high))
        top = high - EDGE
        if self.title is not None:
            top -= self._high(self.title, 0)
            self.title.set_position((self.start / wide, top / high))
        if self.aside is not None:
            if self.together:
                lift = 0.0 if self.title is None else 0.012
                base = top if self.title is not None else top - self._high(self.aside, 0)
                self.aside.set_position((self.end / wide, (base + lift) / high))
            else:
                top -= self._high(self.aside, 0.02 if self.title is not None else 0)
                self.aside.set_position((self.start / wide, top / high))


def _legend(figure: Figure, entries: "Sequence[tuple[Artist, str]]", line: float) -> "Legend":
    """Make a legend with as many columns as fit into a line."""
    size = TICK if len(entries) <= _MANY else SMALL
    em = size / 72
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
