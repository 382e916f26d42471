"""A picture of a table's exact front in two objectives, with a few of its architectures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from nasbench.harness.compare.figures.colours import REFERENCE
from nasbench.harness.compare.figures.front_axes import View, draw_exact, label_of, view_of
from nasbench.harness.compare.figures.measure import LINE, broken
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.style import FOOT, LABEL, PALE, TICK, TITLE, drawing
from nasbench.harness.compare.figures.ticks import set_ticks
from nasbench.harness.compare.units import Units
from nasbench.harness.draw import draw_cell
from nasbench.harness.fronts import ExactFront
from nasbench.problem import scores_of
from nasbench.spaces.nb201 import OPERATIONS, NasBench201, live_edges

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 5.5
_LEFT, _RIGHT, _HIGH, _BELOW, _ABOVE = 0.6, 0.2, 2.5, 0.5, 0.35
"""Inches around the axes of the front, and their height."""
_CELL = 4.1, 1.64
"""Width and height of a cell in inches."""
_EDGE = 0.04
_ROOM = 14
"""Points that a letter below its member needs above the axis."""


class Marked(NamedTuple):
    """An architecture of a front that is drawn."""

    letter: str
    member: int
    """Its position among the members of the front."""
    why: str


def marked(front: ExactFront, view: View) -> list[Marked]:
    """Return the members at both ends of what is shown of a front, and the one at its knee.

    The knee is farthest from the straight line between the ends, on the axes as they are shown.
    """
    scores = front.scores[front.members]
    first, second = front.objectives
    shown = np.flatnonzero(view.shows(scores))
    ends = int(shown[0]), int(shown[-1])
    if scores[ends[0], 0] == scores[ends[1], 0]:  # equal values, so it is one point
        return [Marked("A", ends[0], f"best {first.name} and {second.name}")]
    across = second.score(scores[shown, 1])
    plane = np.column_stack((scores[shown, 0], np.log(across) if view.log else across))
    plane = (plane - plane[-1]) / (plane[0] - plane[-1])  # one end at (1, 1), the other at (0, 0)
    bulge = plane[:, 0] - plane[:, 1]
    knee = int(shown[bulge.argmax()])
    cut = "" if shown[-1] == len(scores) - 1 else " shown"
    found = [(ends[0], f"best {first.name}"), (knee, "knee"), (ends[1], f"best {second.name}{cut}")]
    kept = [one for one in found if one[1] != "knee" or bulge.max() > 0]
    return [Marked("ABC"[at], member, why) for at, (member, why) in enumerate(kept)]


def front_figure(front: ExactFront, title: str, outcome: str, about: str) -> Figure:
    """Draw a front of two objectives, and below it the architectures of `marked`.

    Cells of NAS-Bench-201 are drawn, others are written. `outcome` names the values, such as
    `test`, and `about` stands at the foot.
    """
    first, second = front.objectives
    view = view_of((first, second), front.points, [front.points])
    outside = int((~view.shows(front.scores[front.members])).sum())
    if outside:
        verb = "is" if outside == 1 else "are"
        about = f"{about}; the {outside} with the worst {first.name} {verb} outside the axes"
    with drawing(FigureOptions()):
        chosen = marked(front, view)
        told = [_told(front, one) for one in chosen]
        cells = isinstance(front.space, NasBench201)
        rows = [_CELL[1] if cells else (text.count("\n") + 1) * TICK * LINE + 0.08 for text in told]
        foot = broken(about, _WIDE - 2 * _EDGE, FOOT)
        footer = (foot.count("\n") + 1) * FOOT * LINE + 2 * _EDGE
        high = footer + sum(rows) + _BELOW + _HIGH + _ABOVE
        figure = Figure(figsize=(_WIDE, high))
        bottom = (footer + sum(rows) + _BELOW) / high
        axes = figure.add_axes(
            (_LEFT / _WIDE, bottom, (_WIDE - _LEFT - _RIGHT) / _WIDE, _HIGH / high)
        )
        _draw_points(axes, front, view, chosen)
        axes.set_xlabel(label_of(second, outcome), fontsize=LABEL)
        axes.set_ylabel(label_of(first, outcome), fontsize=LABEL)
        figure.text(_LEFT / _WIDE, 1 - _EDGE / high, title, fontsize=TITLE, va="top")
        figure.text(_EDGE / _WIDE, _EDGE / high, foot, fontsize=FOOT, color=PALE, va="bottom")
        top = footer + sum(rows)
        for one, text, row in zip(chosen, told, rows, strict=True):
            figure.text(_EDGE / _WIDE, top / high, text, fontsize=TICK, va="top")
            if cells:
                place = (_WIDE - _CELL[0]) / _WIDE, (top - row) / high
                inside = figure.add_axes((*place, _CELL[0] / _WIDE, _CELL[1] / high))
                cell = front.space.architecture(int(front.members[one.member]))
                draw_cell(inside, [OPERATIONS[choice] for choice in cell], live_edges(cell))
            top -= row
    return figure


def _draw_points(axes: "Axes", front: ExactFront, view: View, chosen: Sequence[Marked]) -> None:
    """Draw the front, and a letter beside each of the chosen members."""
    view.set_limits(axes)
    draw_exact(axes, view, front.points)
    first, second = view.objectives
    for one in chosen:
        scores = front.scores[front.members[one.member]]
        at = second.score(float(scores[1])), first.score(float(scores[0]))
        axes.plot(*at, "o", color=REFERENCE, markersize=4.5, clip_on=False)
        right, up = (8 if metric.direction == "max" else -8 for metric in (second, first))
        room = (axes.transData.transform(at)[1] - axes.bbox.y0) * 72 / axes.figure.dpi
        if up < 0 and room < _ROOM:  # on the side of what it dominates, which is as empty
            right, up = -right, -up
        axes.annotate(one.letter, at, (right, up), textcoords="offset points", fontsize=LABEL,
                      ha="center", va="center")  # fmt: skip
    set_ticks(axes.xaxis, _WIDE - _LEFT - _RIGHT)
    set_ticks(axes.yaxis, _HIGH)


def _told(front: ExactFront, one: Marked) -> str:
    """Return what is written of a member: letter, values, index and, where it fits, its text."""
    index = int(front.members[one.member])
    every = scores_of(front.objectives, front.scores[front.members])
    values = [
        f"{Units.of(metric, column.tolist()).write(column[one.member])}"
        f"{metric.unit and f' {metric.unit}'}"
        for metric, column in zip(front.objectives, every.T, strict=True)
    ]
    if isinstance(front.space, NasBench201):
        lines = [f"{one.letter}  {one.why}", *values, f"index {index}"]
        return "\n".join(broken(line, _WIDE - _CELL[0] + 0.3, TICK) for line in lines)
    text = front.space.format(front.space.architecture(index))
    said = f"{one.letter}  {one.why}: {', '.join(values)}, index {index}: {text}"
    return broken(said, _WIDE - 2 * _EDGE, TICK)
