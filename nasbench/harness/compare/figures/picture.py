"""A picture: a figure that is drawn when somebody asks for it, and the words that describe it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.harness.compare.figures.options import FigureOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """One figure of a comparison, not drawn yet."""

    name: str
    """Name of its files, without a suffix; not yet portable, see `pictures.by_folder`."""
    kind: str
    """One of `options.KINDS`."""
    title: str
    """A few words that say what it shows, such as a heading needs."""
    caption: str
    """Sentences that say all that a reader must know; they do not depend on how it is drawn."""
    make: Callable[[FigureOptions], "Figure"]

    def draw(self, options: FigureOptions | None = None) -> "Figure":
        """Return the figure, drawn anew."""
        return self.make(options or FigureOptions())
