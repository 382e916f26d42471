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
        room = (lines + 0.2) * self.size * LINE
        self.height = max(least, room) if self.beside else 0.8 * least + room
        """Height of a row in inches, with its name."""
        self._name = 0.0 if self.beside else room / self.height

    def at(self, place: float, offset: float = 0.0) -> float:
        """Return where a part of a row is drawn; offsets of -0.5 to 0.5 span the row."""
        return place + self._name / 2 + offset * (1 - self._name)

    def write(self, axes: "Axes") -> None:
        """Write the names."""
        places = range(len(self.names))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if self.beside:
            axes.set_yticks(places, self.names)
            return
        axes.set_yticks([])
        for place, name in zip(places, self.names, strict=True):
            axes.text(0, place - 0.5, name, fontsize=self.size, va="top",
                      transform=axes.get_yaxis_transform())  # fmt: skip
