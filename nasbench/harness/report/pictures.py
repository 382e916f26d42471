"""The figures of a comparison that are not interactive, as pictures within the page."""

import io
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

from nasbench.harness.compare import Comparison
from nasbench.harness.compare.figures.options import KINDS, FigureOptions
from nasbench.harness.compare.figures.pictures import FigureChoice, by_folder
from nasbench.harness.compare.figures.saving import save_figure
from nasbench.harness.compare.folders import family_folders, folder_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INTERACTIVE = ("regret", "front", "limit")
"""The kinds of figures that `curves` and `fronts` draw."""
_PIXELS = 96
"""Pixels of a browser in an inch."""
_LOOK = FigureOptions(title=False, footer=False, formats=("svg",))


class Drawn(NamedTuple):
    """A figure that is drawn."""

    title: str
    caption: str
    source: str  #: the picture as a `data:` address
    width: int  #: pixels, 96 to an inch, at which letters have the size they are drawn for
    height: int  #: pixels


def pictures(comparison: Comparison) -> list[list[Drawn]]:
    """Return the figures of every block; those over several blocks are with the first of them."""
    kinds = tuple(kind for kind in KINDS if kind not in _INTERACTIVE)
    found = by_folder(comparison, FigureChoice(kinds=kinds))
    folders = [[name] for name in folder_names(comparison)]
    for name, family in zip(family_folders(comparison), comparison.families, strict=True):
        mine = folders[family.numbers[0] - 1]
        mine += [name] if name not in mine else []
    return [
        [
            _drawn(one.title, one.caption, one.draw(_LOOK))
            for name in names
            for one in found.get(name, [])
        ]
        for names in folders
    ]


def _drawn(title: str, caption: str, figure: "Figure") -> Drawn:
    file = io.BytesIO()
    save_figure(figure, "svg", file)
    source = f"data:image/svg+xml;base64,{b64encode(file.getvalue()).decode()}"
    width, height = (round(_PIXELS * float(inches)) for inches in figure.get_size_inches())
    return Drawn(title, caption, source, width, height)
