"""Curves in figures: steps with a band, marks that tell them apart without colours, and names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from nasbench.harness.compare.curves import Band
from nasbench.harness.compare.figures.colours import readable
from nasbench.harness.compare.figures.label_positions import set_apart
from nasbench.harness.compare.figures.looks import DASHES
from nasbench.harness.compare.figures.measure import LINE, width_of
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.style import TICK

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_BESIDE = 0.3
"""Largest share of a figure's width for names beside the curves."""
_LEADER = 12.0
"""Points between the axes and a curve's name."""
_MARKS = 4
"""Number of marks along a curve where there are more curves than kinds of dashes."""
_SIZE = 3.6
"""Size of a mark in points."""


@dataclass(frozen=True)
class Line:
    """One curve with its label and look."""

    label: str
    curve: Band
    colour: str
    dashes: Any
    marker: str


def draw_lines(axes: "Axes", lines: Sequence[Line]) -> None:
    """Draw curves as steps, each with a band, and with a mark at its end.

    The last step is drawn a hundredth of the axis beyond the curve's end, so that it can be seen:
    the limits of the x axis must have been set. Where there are more curves than kinds of dashes,
    there are marks along the curves too.
    """
    many = len(lines) > len(DASHES) + 1
    wide, pale = (0.9, 0.06) if many else (1.2, 0.16)
    for place, line in enumerate(lines):
        shown = _extended(axes, line.curve)
        if not len(shown.grid):
            continue
        axes.fill_between(
            shown.grid, shown.low, shown.high, step="post", color=line.colour, alpha=pale,
            linewidth=0,
        )  # fmt: skip
        marks = [len(shown.grid) - 1]
        if many:
            marks = _along(axes, shown, (place % 5) / 5) + marks
        axes.step(
            shown.grid, shown.centre, where="post", color=line.colour, linestyle=line.dashes,
            linewidth=wide, label=line.label, marker=line.marker or None, markersize=_SIZE,
            markevery=marks, markeredgewidth=0.4, markeredgecolor="white", clip_on=False,
            zorder=3,
        )  # fmt: skip


def _extended(axes: "Axes", curve: Band) -> Band:
    """Return a curve with one more point, a hundredth of the x axis after its last."""
    if not len(curve.grid):
        return curve
    transform = axes.xaxis.get_transform()
    low, high = transform.transform(np.array(axes.get_xlim()))
    last = float(transform.transform(curve.grid[-1:])[0]) + 0.01 * (high - low)
    end = float(transform.inverted().transform(np.array([last]))[0])
    grid = np.append(curve.grid, min(end, axes.get_xlim()[1]))
    return Band(grid, *(np.append(one, one[-1]) for one in (curve.centre, curve.low, curve.high)))


def _along(axes: "Axes", curve: Band, shift: float) -> list[int]:
    """Return positions of marks along a curve, about evenly spaced on the axis."""
    there = axes.xaxis.get_transform().transform(curve.grid)
    wanted = there[0] + (np.arange(_MARKS) + 0.1 + 0.8 * shift) / _MARKS * (there[-1] - there[0])
    found = np.searchsorted(there, wanted, side="right") - 1
    return [int(one) for one in np.unique(found) if one < len(there) - 2]


def entries(axes: "Axes") -> "list[tuple[Artist, str]]":
    """Return the entries of a legend of what is drawn, in its order."""
    handles, labels = axes.get_legend_handles_labels()
    return list(zip(handles, labels, strict=True))


def name_lines(
    figure: Figure, axes: "Axes", lines: Sequence[Line], options: FigureOptions, height: float
) -> bool:
    """Write labels beside the curves' ends; return whether there was room for them.

    `height` is that of the axes in inches. The limits of the y axis must have been set.
    """
    named = [line for line in lines if len(line.curve.centre)]
    widest = max((width_of(line.label, TICK) for line in lines), default=0.0)
    widest *= 1.25 if options.font == "tex" else 1  # LaTeX's letters are wider than ours
    gap = TICK * LINE / height
    if widest > _BESIDE * options.inches or len(named) * gap > 1:
        return False
    to_axes = (axes.transScale + axes.transLimits).transform
    ends = [float(to_axes((line.curve.grid[-1], line.curve.centre[-1]))[1]) for line in named]
    beside = offset_copy(axes.transAxes, figure, x=_LEADER, units="points")
    places = set_apart(ends, gap, low=0.02, high=1.0)
    for line, place in zip(named, places, strict=True):
        axes.annotate(
            line.label, xy=(line.curve.grid[-1], line.curve.centre[-1]), xytext=(1, place),
            xycoords="data", textcoords=beside, annotation_clip=False, fontsize=TICK,
            color=readable(line.colour), va="center",
            arrowprops={"arrowstyle": "-", "color": line.colour, "lw": 0.5, "shrinkA": 1,
                        "shrinkB": 2, "relpos": (0, 0.5)},
        )  # fmt: skip
    return True
