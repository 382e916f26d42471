"""Lay a figure out by measuring its texts, once.

The axes have a designed height. What stands around them (tick labels, axis labels, titles, a
legend, a footer) is broken into lines that fit the figure's width and measured, and the figure
becomes as high as all that needs. Lengths are in inches.
"""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox

from nasbench.harness.compare.figures.measure import balanced, broken, renderer
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.style import (
    DPI,
    FOOT,
    LABEL,
    SMALL,
    TICK,
    latex_errors,
)
from nasbench.harness.compare.figures.tex import typeset
from nasbench.harness.compare.figures.ticks import set_ticks
from nasbench.harness.compare.figures.words import EDGE, GAP, Around, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BETWEEN = 0.1
"""Distance of panels with what belongs to them."""
_MARK = 0.04
"""Room on the right for marks on the edge of the axes."""
_CLOSE = 1.15
"""How much wider panels may be than what their labels were chosen for."""
_SHARE = 0.97
"""Part of a line that is filled: letters are a little wider where they are hinted for a screen."""
_TEX_SHARES = {FOOT: 0.62, SMALL: 0.74, TICK: 0.8}
"""The same where LaTeX sets the letters, by their size: its small ones are wide. Others: 0.85."""


def lay_out(
    figure: Figure, options: FigureOptions, words: Words, height: float, *, whole: str = ""
) -> None:
    """Place the axes, each `height` high, and write the words around them.

    Axes are those of one grid, which `Figure.subplots` made. Ticks are chosen anew, except for
    those that are set by hand; `whole` names the axes (`x`, `y`) on which they are whole numbers.
    """
    sheet = Sheet(figure, options, height)
    sheet.fit(words, whole)
    texts = Around(figure, options, words, sheet)
    if options.font == "tex":
        with latex_errors(), mpl.rc_context({"font.family": "serif"}):
            typeset(figure)
            texts.measure()
            sheet.measure()
    sheet.place(*texts.room())
    texts.place()


class Sheet:
    """The grid of axes: how large they are, and how much their labels need on each side."""

    def __init__(self, figure: Figure, options: FigureOptions, height: float) -> None:
        self.figure, self.height, self.wide = figure, height, options.inches
        self.tex = options.font == "tex"
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
        self.left, self.right, self.top, self.bottom = 0.5, 0.1, 0.2, 0.2  # until it is measured
        self.across = np.full(self.columns - 1, 0.15)
        self.down = np.full(self.rows - 1, 0.3)
        self.place(0.0, 0.0)

    def _ticked(self) -> "list[tuple[tuple[int, int], Axes]]":
        """Return the panels by which ticks are set: one of those that share them."""
        found: dict[int, tuple[tuple[int, int], Axes]] = {}
        for place, axes in sorted(self.panels.items()):
            found.setdefault(id(axes.xaxis.major), (place, axes))
        return list(found.values())

    def fill(self, inches: float, size: float) -> float:
        """Return how much of a line to fill with letters of a size."""
        return inches * (_TEX_SHARES.get(size, 0.85) if self.tex else _SHARE)

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
            lines = broken(words.ylabel, self.fill(self.high, LABEL), LABEL).count("\n") + 1
            self.beside = lines * LABEL * 1.2 / 72 + GAP
        wide = 0.0
        for _ in range(2):
            if wide and 1 <= self.panel / wide < _CLOSE:
                break  # what was chosen for a panel a little narrower fits
            wide = self.panel
            for name, axis, _place in self.numeric:
                room = self.fill(wide, TICK) if name == "x" else self.height
                set_ticks(axis, room, whole=name in whole)
            for place, axes in self.panels.items():
                self._title(axes, self.names[place], wide + 0.06)
                if alone:
                    axes.set_xlabel(balanced(words.xlabel, self.fill(wide, LABEL), LABEL))
                    axes.set_ylabel(balanced(words.ylabel, self.fill(self.height, LABEL), LABEL))
            self.measure()
            self.place(0.0, 0.0)

    def _title(self, axes: "Axes", name: str, inches: float) -> None:
        """Write a panel's title, in small letters where it needs more than two lines."""
        text, size = balanced(name, self.fill(inches, TICK), TICK), TICK
        if text.count("\n") > 1:
            text, size = balanced(name, self.fill(inches, SMALL), SMALL), SMALL
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
    boxes += [text.get_window_extent(renderer()) for text in axes.texts]
    whole, inner = Bbox.union([box for box in boxes if box is not None]), axes.bbox
    return (
        float(inner.x0 - whole.x0) / DPI, float(whole.x1 - inner.x1) / DPI,
        float(inner.y0 - whole.y0) / DPI, float(whole.y1 - inner.y1) / DPI,
    )  # fmt: skip
