"""Interactive figures of final sets in two objectives: pointing at a member shows what it is.

Lines are those of `figures.fronts` and `figures.under_limits`. Of the members of a row, those of
one run are drawn, with its middle hypervolume: those of all runs would hide each other.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.figures.colours import farthest
from nasbench.harness.compare.figures.front_axes import EXACT, corner_line
from nasbench.harness.compare.figures.fronts import Plane, planes
from nasbench.harness.compare.figures.looks import Look, looks
from nasbench.harness.compare.figures.under_limits import OPTIMUM, allowed, under_limits
from nasbench.harness.compare.final_sets import judged_sets
from nasbench.harness.compare.units import Units
from nasbench.harness.report.curves import GREY, add_axes, bokeh_dash, empty_figure
from nasbench.problem import Metric, scores_of

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender

Floats = NDArray[np.float64]

KINDS = {"front": "fronts", "limit": "under a limit"}
"""Kinds of figures, and what the page calls them."""


_TIP = """
<div style="max-width: 18rem; white-space: normal; overflow-wrap: anywhere">
<b>@row</b>, @which<br>@first<br>@second<br>@architecture</div>
"""
"""What a mark shows; Bokeh escapes what it writes in the place of names of columns."""


def front_figures(block: "Block", number: int) -> dict[str, Any]:
    """Return Bokeh figures by name: kind and data set; none but for searches of two objectives."""
    found = {}
    for plane in planes(block):
        for kind, draw in (("front", _front), ("limit", _limit)):
            name = f"b{number}-{kind}-{plane.dataset}"
            found[name] = draw(plane, name)
    return found


def front_rows(block: "Block") -> list[tuple[str, str]]:
    """Return label and colour of everything that the figures draw and the page can switch."""
    found: dict[str, str] = {}
    for plane in planes(block):
        for one, look in zip(plane.shown, looks(plane.shown), strict=True):
            found.setdefault(one.label, look.colour)
        if plane.exact is not None:
            found.setdefault(EXACT, _exact_colour(plane))
    return list(found.items())


def _exact_colour(plane: Plane) -> str:
    """Return a colour unlike those of all rows; black cannot be seen on black."""
    return farthest([GREY, *(look.colour for look in looks(plane.shown))])


def middle_run(one: "Contender", dataset: str) -> int:
    """Return the position of the run whose final set has the median hypervolume in test.

    Of an even number it is the lower one of both in the middle. Without hypervolumes, it is the
    first run that has a member.
    """
    if one.fronts is None:
        return int(np.argmax(one.runs.lists("selected").lengths > 0))
    order = np.argsort(one.final("test", dataset), kind="stable")
    return int(order[(len(order) - 1) // 2])


def _front(plane: Plane, name: str) -> Any:
    """Draw attainment surfaces, the exact front, and members that can be pointed at."""
    made = _figure(plane, name, plane.label(1))
    if plane.exact is not None:
        colour = _exact_colour(plane)
        across, up = corner_line(plane.view, plane.exact.points[::-1])
        made.line(across, up, line_color=colour, line_width=1, name=EXACT)
        marks = made.scatter("x", "y", source=_exact_members(plane), size=5, fill_color=colour,
                             line_color=colour, name=EXACT)  # fmt: skip
        _hover(made, marks, "vertical")
    for one, row, look in _rows(plane):
        across, up = corner_line(plane.view, row.median)
        made.line(across, up, line_color=look.colour, line_width=2, name=one.label,
                  line_dash=bokeh_dash(look.dashes))  # fmt: skip
        marks = made.scatter(
            "x", "y", source=_members(plane, one), size=7, fill_color=look.colour,
            line_color="white", fill_alpha=0.8, name=one.label,
        )  # fmt: skip
        _hover(made, marks, "horizontal")
    return made


def _limit(plane: Plane, name: str) -> Any:
    """Draw the first objective of what a user takes under each limit, and the exact optimum."""
    from bokeh.models import ColumnDataSource, HoverTool

    found, (first, second) = under_limits(plane), plane.view.objectives
    made = _figure(plane, name, f"{allowed(second)} allowed")
    units = Units.of(first, [first.score(end) for end in (plane.view.worst[0], plane.view.best[0])])
    drawn = [(one.label, look.colour, look.dashes, row.median) for one, row, look in found.drawn()]
    if found.optimum is not None:
        drawn.insert(0, (EXACT, _exact_colour(plane), "solid", found.optimum))
    for label, colour, dashes, scores in drawn:
        known = np.isfinite(scores)
        new = known & (scores != np.append(-np.inf, scores[:-1]))
        starts = np.flatnonzero(new)
        if not len(starts):
            continue
        begin, value = found.across[starts], first.score(scores[starts])
        end = np.append(begin[1:], found.across[-1])
        behind = [units.write(lost) for lost in found.behind(scores)[starts].tolist()]
        source = ColumnDataSource({
            "x": np.column_stack((begin, end)).ravel(), "y": np.repeat(value, 2),
            "limit": np.repeat(begin, 2), "behind": np.repeat(behind, 2).tolist(),
        })  # fmt: skip
        steps = made.line(
            "x", "y", source=source, line_color=colour, line_width=1 if label == EXACT else 2,
            line_dash=bokeh_dash(dashes), name=label,
        )  # fmt: skip
        tips = [
            (OPTIMUM if label == EXACT else label, f"@y{{0.[{'0' * units.digits}]}}{units.unit}"),
            (f"from {second.title}", "@limit{0.[0000]}"),
        ]
        if found.optimum is not None and label != EXACT:
            tips.append(("behind the optimum", f"@behind{units.difference}"))
        made.add_tools(HoverTool(renderers=[steps], mode="mouse", tooltips=tips))
    return made


def _rows(plane: Plane) -> Iterator[tuple["Contender", Any, Look]]:
    return zip(plane.shown, plane.reached, looks(plane.shown), strict=True)


def _figure(plane: Plane, name: str, across: str) -> Any:
    """Return an empty figure of the part of the plane that is shown."""
    made = empty_figure(name, plane.view.ends(1), plane.view.ends(0),
                        x_axis_type="log" if plane.view.log else "linear")  # fmt: skip
    add_axes(made, across, plane.label(0), plane.view.ends(1) if plane.view.log else None)
    return made


def _hover(made: Any, marks: Any, attachment: Literal["horizontal", "vertical"]) -> None:
    """Let a mark show its row, its values of every objective, and its architecture."""
    from bokeh.models import HoverTool

    made.add_tools(HoverTool(renderers=[marks], mode="mouse", tooltips=_TIP, attachment=attachment))


def _exact_members(plane: Plane) -> Any:
    """Return the members of the exact front, of equal values too."""
    assert plane.exact is not None  # noqa: S101
    fronts = plane.shown[0].fronts
    assert fronts is not None  # noqa: S101
    exact, members = plane.exact, plane.exact.members
    texts = [exact.space.format(exact.space.architecture(one)) for one in members.tolist()]
    scores = {"test": exact.scores[members], "valid": fronts.valid[plane.dataset].scores[members]}
    which = [f"index {index}" for index in members.tolist()]
    return _source(plane, scores, EXACT, which, texts)


def _members(plane: Plane, one: "Contender") -> Any:
    """Return the members of the final set of a row's middle run of which all values are known."""
    run = middle_run(one, plane.dataset)
    scores = {split: judged_sets(one, plane.dataset, split)[run] for split in ("test", "valid")}
    known = np.isfinite(scores["test"]).all(axis=1)
    chosen = one.runs.architectures.at(one.runs.lists("selected")).of(run)[known]
    scores = {split: each[known] for split, each in scores.items()}
    which = [f"seed {one.runs.seeds[run]}"] * len(chosen)
    return _source(plane, scores, one.label, which, chosen.tolist())


def _source(
    plane: Plane,
    scores: dict[str, Floats],
    label: str,
    which: Sequence[str],
    architectures: Sequence[str],
) -> Any:
    """Return points with their places and texts; `scores` have shape (points, 2), by split."""
    from bokeh.models import ColumnDataSource

    objectives = plane.view.objectives
    values = {split: scores_of(objectives, each) for split, each in scores.items()}
    first, second = (_told(plane, one, values, place) for place, one in enumerate(objectives))
    return ColumnDataSource({
        "x": values["test"][:, 1], "y": values["test"][:, 0], "first": first, "second": second,
        "row": [label] * len(which), "which": list(which), "architecture": list(architectures),
    })  # fmt: skip


def _told(plane: Plane, metric: Metric, values: dict[str, Floats], place: int) -> list[str]:
    """Return what is said of an objective's values: of test and validation where they differ."""
    finals, others = (values[split][:, place].tolist() for split in ("test", "valid"))
    units = Units.of(metric, finals)
    outcome = plane.block.outcome

    def said(final: float, other: float) -> str:
        told, valid = (f"{units.write(one)}{units.unit}" for one in (final, other))
        both = told if final == other else f"{outcome} {told}, validation {valid}"
        return f"{metric.name}: {both}"

    return [said(*pair) for pair in zip(finals, others, strict=True)]
