"""Curves in figures: steps with a band, marks that tell them apart without colours, and names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch
from matplotlib.transforms import Affine2D, BboxTransformTo, ScaledTranslation, offset_copy

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

_BESIDE = 0.34
"""Largest share of a figure's width for samples and names beside the curves."""
_LEADER, _SAMPLE, _TO_NAME = 12.0, 24.0, 4.0
"""Points from the axes to the sample of a curve, along the sample, and from there to its name."""
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
    many = _many(lines)
    pale = 0.06 if many else 0.16
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
            shown.grid, shown.centre, where="post", label=line.label, markevery=marks,
            zorder=3, **_drawn(line, thin=many),
        )  # fmt: skip


def _many(lines: Sequence[Line]) -> bool:
    """Return whether there are more curves than kinds of dashes."""
    return len(lines) > len(DASHES) + 1


def _drawn(line: Line, *, thin: bool) -> dict[str, Any]:
    """Return how a curve and the sample of it are drawn, as matplotlib's properties of a line."""
    return {
        "color": line.colour, "linestyle": line.dashes, "linewidth": 0.9 if thin else 1.2,
        "marker": line.marker or None, "markersize": _SIZE, "markeredgewidth": 0.4,
        "markeredgecolor": "white", "clip_on": False,
    }  # fmt: skip


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

    Before each label is a sample of its curve, as in a legend: without colours, dashes and marker
    say which curve a label belongs to. `height` is that of the axes in inches. The limits of the y
    axis must have been set.
    """
    named = [line for line in lines if len(line.curve.centre)]
    widest = max((width_of(line.label, TICK) for line in lines), default=0.0)
    widest *= 1.25 if options.font == "tex" else 1  # LaTeX's letters are wider than ours
    widest += (_SAMPLE + _TO_NAME) / 72
    gap = TICK * LINE / height
    if widest > _BESIDE * options.inches or len(named) * gap > 1:
        return False
    to_axes = (axes.transScale + axes.transLimits).transform
    ends = [float(to_axes((line.curve.grid[-1], line.curve.centre[-1]))[1]) for line in named]
    for line, place in zip(named, set_apart(ends, gap, low=0.02, high=1.0), strict=True):
        _name(figure, axes, line, place, thin=_many(lines))
    return True


def _name(figure: Figure, axes: "Axes", line: Line, place: float, *, thin: bool) -> None:
    """Write a label at a height of the axes, with a sample of its curve and a leader to its end."""
    near = offset_copy(axes.transAxes, figure, x=_LEADER, units="points")
    figure.add_artist(
        ConnectionPatch(
            (line.curve.grid[-1], line.curve.centre[-1]), (1, place), "data", near, axesA=axes,
            annotation_clip=False, shrinkA=2, shrinkB=2, color=line.colour, linewidth=0.5,
        )
    )  # fmt: skip
    points = Affine2D().scale(1 / 72) + figure.dpi_scale_trans
    there = points + ScaledTranslation(1, place, BboxTransformTo(axes.bbox))
    ahead = _LEADER + _SAMPLE
    figure.add_artist(
        Line2D(
            [_LEADER, (_LEADER + ahead) / 2, ahead], [0, 0, 0], transform=there, markevery=[1],
            **_drawn(line, thin=thin),
        )
    )  # fmt: skip
    beside = offset_copy(axes.transAxes, figure, x=ahead + _TO_NAME, units="points")
    axes.text(
        1, place, line.label, transform=beside, fontsize=TICK, color=readable(line.colour),
        va="center",
    )  # fmt: skip
