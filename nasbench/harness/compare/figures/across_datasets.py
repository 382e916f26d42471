"""Figures over several data sets: mean ranks with critical differences, performance profiles."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from nasbench.harness.compare.across import profile
from nasbench.harness.compare.curves import Band
from nasbench.harness.compare.families import Family
from nasbench.harness.compare.figures.captions import about_family, caption
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import Line, draw_lines, entries
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.figures.named_rows import NamedRows
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.style import SMALL, blank, drawing
from nasbench.harness.compare.figures.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.19
"""Height in inches of a strategy's row, if its name has one line."""
_CLIQUE = 0.11
"""Height in inches of a bar over a clique."""
_RING = 7.5
"""Size in points of the mark of a rank over spaces."""
_THRESHOLDS = 200
_READ = "mean over data sets, 95 % bootstrap intervals"


def family_pictures(family: Family) -> Iterator[Picture]:
    """Yield a figure of mean ranks and, where regrets are known, one of profiles.

    Ranks are not drawn where no difference of them can be told from chance.
    """
    rest, spaces = about_family(family), family.standings.by_space
    if family.standings.telling:
        what = (
            f"mean ranks of {family.outcome} {family.measured} over data sets, 1 is best, with "
            "95 % bootstrap intervals; a bar below joins rows whose ranks differ by less than the "
            f"critical difference of {family.standings.critical_difference:.2f}"
        )
        if spaces is not None:
            what += (
                f"; a ring is the mean rank with the data sets of each of {len(spaces.spaces)} "
                f"spaces averaged into one block ({', '.join(spaces.spaces)})"
            )
        yield Picture("critical-difference", "critical-difference",
                      "Mean ranks over data sets", caption([what, *rest]),
                      partial(_ranks, family))  # fmt: skip
    if all(one.regret for one in family.datasets):
        what = (
            f"share of runs whose normalised regret of {family.outcome} {family.measured} is at "
            "most the value on the x axis, where 0 is the best architecture and 1 the mean of all"
        )
        yield Picture("profile", "profile", "Performance profiles over data sets",
                      caption([what, _READ, *rest]), partial(_profile, family))  # fmt: skip


def _ranks(family: Family, options: FigureOptions) -> Figure:
    """Draw every strategy's mean rank with its interval, and a bar over each clique.

    A clique is a set of strategies whose mean ranks differ by less than the critical difference.
    """
    found = family.standings
    with drawing(options):
        order = [int(row) for row in found.ranks.argsort(kind="stable")]
        rows = NamedRows([found.labels[row] for row in order], options.inches, _ROW)
        figure = blank(options)
        axes = figure.subplots()
        styles = looks(family.contenders)
        for place, row in enumerate(order):
            (low, high), look = found.rank_intervals[row], styles[row]
            drawn: dict[str, Any] = {"color": look.colour, "clip_on": False}
            axes.plot([low, high], [rows.at(place)] * 2, linewidth=1.6, alpha=0.5, **drawn)
            axes.plot(
                found.ranks[row], rows.at(place), look.marker, markersize=4.5, zorder=3, **drawn
            )
            if found.by_space is not None:
                axes.plot(
                    found.by_space.ranks[row], rows.at(place), "o", markersize=_RING, zorder=2,
                    markerfacecolor="none", markeredgewidth=0.9, **drawn,
                )  # fmt: skip
        top, bottom = _draw_differences(axes, family, rows.height)
        rows.write(axes)
        axes.set_ylim(bottom, top)
        axes.set_xlim(0.9, len(order) + 0.1)
        words = Words(
            aside="" if found.by_space is None else "rings: each space counts as one data set",
            footer="; ".join(family.brief),
            xlabel=f"mean rank of {family.outcome} {family.measured}, 1 is best",
        )
        lay_out(figure, options, words, rows.height * (bottom - top), whole="x")
    return figure


def _draw_differences(axes: "Axes", family: Family, row: float) -> tuple[float, float]:
    """Draw the critical difference above the rows and cliques below; return the y axis' limits.

    `row` is the height of a row in inches.
    """
    found, rows = family.standings, len(family.standings.labels)
    step, bar = _CLIQUE / row, -0.5 - 0.06 / row
    for number, clique in enumerate(found.cliques):
        ends = found.ranks[list(clique)]
        level = rows - 0.5 + step * (number + 0.7)
        axes.plot([ends.min(), ends.max()], [level, level], color="0.2", linewidth=2.5,
                  solid_capstyle="butt")  # fmt: skip
    axes.plot([1, 1 + found.critical_difference], [bar, bar], color="0.2", linewidth=1)
    told = f"critical difference {found.critical_difference:.2f}"
    axes.text(1, bar - 0.02 / row, told, fontsize=SMALL, va="bottom", color="0.2")
    return bar - 0.14 / row, rows - 0.5 + step * (len(found.cliques) + 0.8)


def _profile(family: Family, options: FigureOptions) -> Figure:
    """Draw each strategy's performance profile over normalised regret, see `across.profile`."""
    values = np.concatenate([np.concatenate(one.regret) for one in family.datasets])
    values = values[np.isfinite(values)]
    top = float(np.quantile(values, 0.99)) if len(values) else 0.0
    grid = np.linspace(0, max(top, 1e-3), _THRESHOLDS)
    rows = enumerate(zip(family.contenders, looks(family.contenders), strict=True))
    lines = [
        Line(one.label, Band(grid, *profile(family.datasets, row, grid)), *look)
        for row, (one, look) in rows
    ]
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        axes.set_xlim(0, grid[-1])
        axes.set_ylim(0, 1)
        draw_lines(axes, lines)
        words = Words(
            aside=_READ,
            footer="; ".join(family.brief),
            xlabel=(
                f"normalised regret of {family.outcome} {family.metrics} "
                "(0: best, 1: mean architecture)"
            ),
            ylabel="share of runs at least as good",
            entries=entries(axes),
        )
        lay_out(figure, options, words, 0.36 * options.inches + 0.2)
    return figure
