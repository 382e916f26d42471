"""Rows of a figure with their names: beside the axes, or above each row where they are long."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.figures.measure import LINE, broken
from nasbench.harness.compare.figures.style import SMALL, TICK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE = 0.34
"""Largest share of the figure's width for names beside the axes."""
_FEW = 8
"""Largest number of rows whose names may have two lines beside the axes."""
_EDGE = 0.15
"""Room left and right of names above the rows, in inches."""
_BETWEEN, _UNDER = 0.08, 0.015
"""Height in inches between a row and the next row's name, and between a name and its row."""
_INK = 0.72
"""Part of a row that is drawn in: offsets of -0.36 to 0.36."""


class NamedRows:
    """Places of rows on the y axis, which counts rows downwards from 0."""

    def __init__(self, names: Sequence[str], inches: float, least: float) -> None:
        """Choose where names stand in a figure of `inches` width, rows being `least` high."""
        self.names = [broken(name, _SHARE * inches, TICK) for name in names]
        lines = max(name.count("\n") + 1 for name in self.names)
        self.beside = lines == 1 or (lines == 2 and len(names) <= _FEW)
        self.size = TICK if self.beside else SMALL
        if not self.beside:
            self.names = [broken(name, inches - 2 * _EDGE, SMALL) for name in names]
            lines = max(name.count("\n") + 1 for name in self.names)
        room = lines * self.size * LINE + _UNDER
        self.height = (
            max(least, (lines + 0.2) * self.size * LINE)
            if self.beside
            else room + _INK * least + _BETWEEN
        )
        """Height of a row in inches, with its name."""
        self._below = -0.5 if self.beside else (_BETWEEN / 2 + room) / self.height - 0.5
        """Where a row begins below its name, if that stands above."""
        self._under = _UNDER / self.height
        self._scale = 1.0 if self.beside else least / self.height

    def at(self, place: float, offset: float = 0.0) -> float:
        """Return where a part of a row is drawn, at an offset of -0.36 to 0.36 from its middle."""
        if self.beside:
            return place + offset
        return place + self._below + (offset + _INK / 2) * self._scale

    def write(self, axes: "Axes") -> None:
        """Write the names; where they stand above the rows, with a thin line between rows."""
        places = range(len(self.names))
        axes.tick_params(axis="y", length=0, pad=6)  # clear of marks at the edge
        axes.spines["left"].set_visible(False)
        if self.beside:
            axes.set_yticks(places, self.names)
            return
        axes.set_yticks([])
        for place, name in zip(places, self.names, strict=True):
            axes.text(0, place + self._below - self._under, name, fontsize=self.size, va="bottom",
                      transform=axes.get_yaxis_transform())  # fmt: skip
            if place:
                axes.axhline(place - 0.5, color="0.85", linewidth=0.5, zorder=0)
