"""Figures of what a row reaches under each limit of a cost: a curve that users choose from.

A user takes from a final set the member that is best in the first objective among those that keep
a limit of the second one, such as 5 ms of latency, and is told its final value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.benchmarks.tables.objectives import is_cost
from nasbench.harness.compare.figures.captions import about, caption
from nasbench.harness.compare.figures.colours import REFERENCE
from nasbench.harness.compare.figures.fronts import Plane, spread
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import entries
from nasbench.harness.compare.figures.looks import Look, looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import regret_of
from nasbench.harness.compare.figures.style import blank, drawing
from nasbench.harness.compare.figures.words import Words
from nasbench.harness.compare.final_sets import (
    Reached,
    chosen_under,
    judged_sets,
    reached,
    seen_sets,
)
from nasbench.harness.compare.units import Units
from nasbench.problem import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.contender import Contender

Floats = NDArray[np.float64]

OPTIMUM = "Exact optimum"


@dataclass(frozen=True)
class UnderLimits:
    """What the rows of a plane reach under limits of the second objective, for one data set."""

    plane: Plane
    limits: Floats
    """Second scores, descending, shape (limits,): all at which something changes."""
    rows: tuple[Reached, ...]
    """What each of the plane's rows reaches under these limits."""
    optimum: Floats | None
    """The best first score by the judge that the table has under each limit, shape (limits,).

    None where it is not known, and for a second objective whose final values are not what the
    search saw, so that its limits mean something else for the two."""

    @property
    def across(self) -> Floats:
        """The limits as values, and one that no member exceeds, shape (limits + 1,)."""
        second = self.plane.view.objectives[1]
        widest = min(float(self.limits[-1]), self.plane.view.worst[1])
        return second.score(np.append(self.limits, widest))

    def drawn(self) -> "Iterator[tuple[Contender, Reached, Look]]":
        """Yield every row with what it reaches and how it looks."""
        shown = self.plane.shown
        return zip(shown, self.rows, looks(shown), strict=True)

    def shows(self, row: Reached) -> NDArray[np.bool_]:
        """Return for each limit whether it and a row's median are within the axes."""
        return self.plane.view.shows(np.column_stack((row.median, self.limits)))

    def marks(self, row: Reached) -> list[int]:
        """Return the positions of a few limits at which a row's median changes."""
        changes = row.median != np.append(-np.inf, row.median[:-1])
        return [int(place) for place in spread(changes & self.shows(row))]

    def behind(self, scores: Floats) -> Floats:
        """Return how far scores under the limits are below the optimum, NaN where none is."""
        if self.optimum is None:
            return np.full(len(self.limits), np.nan)
        known = np.isfinite(scores)
        lost = regret_of(self.optimum[known], scores[known])
        found = np.full(len(self.limits), np.nan)
        found[known] = lost
        return found


def under_limits(plane: Plane) -> UnderLimits:
    """Return what the rows of a plane reach under all limits at which one of them changes."""
    exact = plane.exact if is_cost(plane.view.objectives[1]) else None
    seen = [seen_sets(one) for one in plane.shown]
    known = [] if exact is None else [exact.points[:, 1]]
    limits = np.unique(np.concatenate([*(one[:, 1] for row in seen for one in row), *known]))[::-1]
    rows = tuple(
        reached(limits, sets, judged_sets(one, plane.dataset))
        for one, sets in zip(plane.shown, seen, strict=True)
    )
    optimum = None if exact is None else chosen_under(limits, exact.points, exact.points)
    return UnderLimits(plane, limits, rows, optimum)


def limit_picture(plane: Plane) -> Picture:
    """Return a figure of what a user has under each limit of the second objective."""
    label = plane.label(0)
    title = f"{label[:1].upper()}{label[1:]} under each limit of {plane.label(1)} on {plane.on}"
    draw = partial(_draw, plane)
    return Picture(f"limit-{plane.dataset}", "limit", title, _caption(plane), draw)


def _caption(plane: Plane) -> str:
    block, (first, second) = plane.block, plane.view.objectives
    exact = plane.exact is not None and is_cost(second)
    return caption([
        f"{plane.label(0)} on {plane.on} of the architecture that a user takes from a run's final "
        f"set: the member with the best {first.name} among those that keep a limit, the "
        f"{allowed(second)} that is allowed; it is chosen by what the search saw, and judged by "
        f"its {block.outcome} value",
        "lines: median over the runs of a row, where at least half of them have such a member",
        "bands: quartiles of the runs" if plane.has_bands else "",
        f"black: the exact optimum, the best {block.outcome} {first.name} "
        f"{f'of architectures{block.among}' if block.among else 'in the whole table'} under the "
        "limit; below: how far the rows are behind it" if exact else
        "the exact optimum is not known",
        *about(block),
    ])  # fmt: skip


def allowed(metric: Metric) -> str:
    """Return what a limit of a metric is: `highest latency (ms)`."""
    return f"{'highest' if metric.direction == 'min' else 'lowest'} {metric.title}"


def _draw(plane: Plane, options: FigureOptions) -> Figure:
    found, second = under_limits(plane), plane.view.objectives[1]
    alone = found.optimum is None
    with drawing(options):
        figure = blank(options)
        panels = figure.subplots(1 if alone else 2, 1, squeeze=False)[:, 0]
        for axes in panels:
            plane.view.set_limits(axes)
        _reached(panels[0], found)
        if not alone:
            _behind(panels[1], found)
            panels[0].set_title(plane.label(0))
            panels[0].tick_params(labelbottom=False)
        aside = f"median of the runs{', quartiles' if plane.has_bands else ''}"
        words = Words(
            title=plane.on, aside=aside, footer="; ".join(about(plane.block)),
            xlabel=f"{allowed(second)} allowed",
            ylabel=plane.label(0) if alone else "", entries=entries(panels[0]),
        )  # fmt: skip
        lay_out(figure, options, words, (0.36 if alone else 0.26) * options.inches + 0.2)
    return figure


def _reached(axes: "Axes", found: UnderLimits) -> None:
    """Draw the first objective under each limit: the optimum, and what the rows reach."""
    first, worst = found.plane.view.objectives[0], found.plane.view.worst[0]
    across = found.across
    if found.optimum is not None:
        axes.step(across, _held(first.score(_known(found.optimum))), where="post",
                  color=REFERENCE, linewidth=0.8, zorder=1.5, label=OPTIMUM)  # fmt: skip
    for one, row, look in found.drawn():
        if found.plane.has_bands:
            low = np.where(np.isfinite(row.low), row.low, min(worst, _least(row.high)))
            least, most = (_held(first.score(_known(each))) for each in (low, row.high))
            axes.fill_between(across, least, most, step="post", color=look.colour, alpha=0.13,
                              linewidth=0, zorder=2)  # fmt: skip
        axes.step(across, _held(first.score(_known(row.median))), where="post", label=one.label,
                  markevery=found.marks(row), **found.plane.drawn(look))  # fmt: skip


def _behind(axes: "Axes", found: UnderLimits) -> None:
    """Draw how far the rows are behind the exact optimum under each limit."""
    axes.set_title(Units(found.plane.view.objectives[0]).axis("behind the exact optimum"))
    most = 0.0
    for _, row, look in found.drawn():
        lost = found.behind(row.median)
        most = max(most, float(lost[found.shows(row)].max(initial=0.0)))
        axes.step(found.across, _held(lost), where="post", markevery=found.marks(row),
                  **found.plane.drawn(look))  # fmt: skip
    axes.set_ylim(0, 1.08 * most or 1.0)


def _held(values: Floats) -> Floats:
    """Return values with the last once more, which holds under all wider limits."""
    return np.append(values, values[-1])


def _known(scores: Floats) -> Floats:
    """Return scores with NaN for infinite ones."""
    return np.where(np.isfinite(scores), scores, np.nan)


def _least(scores: Floats) -> float:
    """Return the lowest finite score; infinite if there is none."""
    return float(scores[np.isfinite(scores)].min(initial=np.inf))
