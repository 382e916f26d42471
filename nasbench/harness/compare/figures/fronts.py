"""Figures of final sets in two objectives: what part of a row's runs reaches which pairs of values.

Not members of sets are drawn but attainment surfaces, see `pareto.attainment`: a cloud of members
of many runs hides how many of the runs found a point.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.figures.captions import about, caption
from nasbench.harness.compare.figures.front_axes import (
    View,
    corner_line,
    draw_exact,
    label_of,
    view_of,
)
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import entries
from nasbench.harness.compare.figures.looks import Look, looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.style import blank, drawing
from nasbench.harness.compare.figures.words import Words
from nasbench.harness.compare.final_sets import Surfaces, judged_sets, surfaces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.fronts import ExactFront

Floats = NDArray[np.float64]

_BANDS = 6
"""Largest number of rows that have bands."""
_MARKS = 5
"""Largest number of marks along a line."""


class Plane(NamedTuple):
    """All that is drawn of a block's final sets in two objectives on one data set."""

    block: "Block"
    dataset: str
    shown: "tuple[Contender, ...]"
    """The rows that are drawn: those with a member in half of their runs."""
    reached: tuple[Surfaces, ...]
    """What they reach, in their order."""
    exact: "ExactFront | None"
    """The exact front; None where it is not known."""
    view: View

    @property
    def on(self) -> str:
        """The name of the data set for readers."""
        return self.block.title_of(self.dataset)

    def label(self, objective: int) -> str:
        """Return the label of an objective's axis: `test accuracy (%)`; costs are of no split."""
        return label_of(self.view.objectives[objective], self.block.outcome)

    @property
    def has_bands(self) -> bool:
        """Whether bands can be told apart: of few rows, of several runs."""
        return self.block.seeds > 1 and len(self.shown) <= _BANDS

    def drawn(self, look: Look) -> dict[str, Any]:
        """Return how a row's line is drawn, as matplotlib's properties of a line."""
        return {
            "color": look.colour, "linestyle": look.dashes, "marker": look.marker,
            "linewidth": 1.2 if len(self.shown) <= _BANDS else 0.9, "markersize": 3.2,
            "markeredgewidth": 0.4, "markeredgecolor": "white", "zorder": 3,
        }  # fmt: skip

    @property
    def outside(self) -> int:
        """Number of the exact front's points that are outside the axes."""
        return int((~self.view.shows(self.exact.points)).sum()) if self.exact else 0


def planes(block: "Block") -> Iterator[Plane]:
    """Yield what is drawn on each data set; nothing but for searches of two objectives.

    A data set on which no row's final sets have known values is left out.
    """
    if len(block.task.objectives) != 2:
        return
    first, second = block.task.objectives
    for dataset in block.datasets:
        found = [
            (one, surfaces(judged_sets(one, dataset))) for one in block.contenders if len(one.runs)
        ]
        found = [(one, reached) for one, reached in found if len(reached.median)]
        if not found:
            continue
        shown, reached = zip(*found, strict=True)
        fronts = shown[0].fronts
        exact = None if fronts is None else fronts.test[dataset]
        medians = [one.median for one in reached]
        front = np.concatenate(medians) if exact is None else exact.points
        view = view_of((first, second), front, medians)
        yield Plane(block, dataset, shown, reached, exact, view)


def front_picture(plane: Plane) -> Picture:
    """Return a figure of attainment surfaces."""
    title = f"Fronts on {plane.on}: {plane.label(0)} against {plane.label(1)}"
    draw = partial(_draw, plane)
    return Picture(f"front-{plane.dataset}", "front", title, _caption(plane), draw)


def _caption(plane: Plane) -> str:
    block = plane.block
    left_out = [one.label for one in block.contenders if one not in plane.shown]
    return caption([
        f"{plane.label(0)} against {plane.label(1)} on {plane.on}: a line is the edge of what at "
        "least half of a row's runs reach with their final sets (median attainment surface); "
        f"better is {plane.view.better}",
        "bands: between what a quarter and three quarters of the runs reach"
        if plane.has_bands else "",
        f"members of a set are chosen by what the search saw, and drawn with their {block.outcome} "
        "values",
        _about_exact(plane),
        f"not drawn, since fewer than half of the runs have a member: {', '.join(left_out)}"
        if left_out else "",
        *about(block),
    ])  # fmt: skip


def _about_exact(plane: Plane) -> str:
    """Return a sentence on the exact front, and on what of it is outside the axes."""
    if plane.exact is None:
        return "the exact front is not known"
    number, outside = len(plane.exact.points), plane.outside
    points = f"{number} point{'' if number == 1 else 's'}"
    of = f"architectures{plane.block.among} in the" if plane.block.among else "the"
    said = f"black: the exact front of {of} table in these values, {points}"
    if not outside:
        return said
    return (
        f"{said}, of which the {outside} with the worst {plane.view.objectives[0].name} "
        f"{'is' if outside == 1 else 'are'} outside the axes"
    )


def _draw(plane: Plane, options: FigureOptions) -> Figure:
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        plane.view.set_limits(axes)
        if plane.exact is not None:
            draw_exact(axes, plane.view, plane.exact.points)
        styles = looks(plane.shown)
        for one, row, look in zip(plane.shown, plane.reached, styles, strict=True):
            if plane.has_bands:
                _band(axes, plane, row, look)
            marks = 2 * spread(plane.view.shows(row.median)) + 1  # vertices that are corners
            line = corner_line(plane.view, row.median)
            axes.plot(*line, label=one.label, markevery=marks.tolist(), **plane.drawn(look))
        aside = f"what half of the runs reach{', quartiles' if plane.has_bands else ''}"
        words = Words(
            title=plane.on, aside=f"{aside}; better is {plane.view.better}",
            footer="; ".join(about(plane.block)), xlabel=plane.label(1), ylabel=plane.label(0),
            entries=entries(axes),
        )  # fmt: skip
        lay_out(figure, options, words, 0.45 * options.inches + 0.2)
    return figure


def _band(axes: "Axes", plane: Plane, row: Surfaces, look: Look) -> None:
    """Fill what is between the surfaces of a quarter and of three quarters of the runs."""
    if not len(row.three_quarters):
        return
    outer, inner = (corner_line(plane.view, one) for one in (row.quarter, row.three_quarters))
    across, up = (np.append(far, near[::-1]) for far, near in zip(outer, inner, strict=True))
    axes.fill(across, up, color=look.colour, alpha=0.13, linewidth=0, zorder=2)


def spread(shown: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return positions of a few of the points that are shown, evenly spaced among them."""
    there = np.flatnonzero(shown)
    chosen = np.linspace(0, len(there) - 1, min(_MARKS, len(there))).round()
    return there[chosen.astype(np.int64)]
