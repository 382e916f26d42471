"""Figures of how far sets are from the exact front over the cost: IGD+, epsilon, part found."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nasbench.harness.compare.curves import band, step_values
from nasbench.harness.compare.figures.captions import CENTRES, about, caption
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import Line, draw_lines, entries
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import (
    about_clock,
    by_clock,
    drawn_when,
    end_of,
    name_over,
    scale_time,
    time_axis,
)
from nasbench.harness.compare.figures.style import blank, drawing
from nasbench.harness.compare.figures.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block

_PANELS = ("IGD+", "additive epsilon", "found (%)")
"""Titles of the panels, in the order of `progress_of_sets.Qualities`."""


def set_measure_pictures(
    block: "Block", *, centre: str = "mean", clock: str | None = None
) -> Iterator[Picture]:
    """Yield a figure of three measures of sets over a clock for every data set.

    `centre` and `clock` are those of `plots.regret_pictures`. Nothing is yielded where the exact
    front is not known. Rows that share no clock have figures of their own.
    """
    if block.contenders[0].fronts is None:
        return
    for part, one, at in by_clock(block, clock):
        if not any(len(other.runs) for other in part.contenders):
            continue
        for dataset in part.datasets:
            yield Picture(
                f"sets-{name_over(part, dataset, one, at)}",
                "sets",
                f"Distance of sets to the exact front on {part.title_of(dataset)} over "
                f"{time_axis(part, one)}",
                _caption(part, dataset, centre, one),
                partial(_draw, part, dataset, one, centre),
            )


def measure_lines(block: "Block", dataset: str, clock: str, centre: str) -> list[list[Line]]:
    """Return the curves of every measure, in the order of `progress_of_sets.Qualities`.

    The block's rows must share the clock.
    """
    ends = [end_of(one, clock) for one in block.contenders]
    grid, positions = drawn_when(block, clock, max(ends))
    found: list[list[Line]] = [[] for _ in _PANELS]
    rows = zip(block.contenders, positions, ends, looks(block.contenders), strict=True)
    for one, where, end, look in rows:
        if not len(one.runs):
            continue
        for lines, measure in zip(found, one.qualities(dataset), strict=True):
            curve = band(grid, step_values(where, measure), centre=centre).until(end)
            lines.append(Line(one.label, curve, *look))
    return found


def _draw(block: "Block", dataset: str, clock: str, centre: str, options: FigureOptions) -> Figure:
    drawn = measure_lines(block, dataset, clock, centre)
    columns = len(_PANELS) if options.inches >= 5 else 1
    with drawing(options):
        figure = blank(options)
        panels = figure.subplots(len(_PANELS) // columns, columns, squeeze=False).flat
        for axes, lines, name in zip(panels, drawn, _PANELS, strict=True):
            scale_time(axes, [line.curve for line in lines])
            _scale(axes, lines)
            draw_lines(axes, lines)
            axes.set_title(name)
        words = Words(
            title=block.title_of(dataset),
            aside=", ".join(CENTRES[centre]),
            footer="; ".join([*about(block), *about_clock(block, clock)]),
            xlabel=time_axis(block, clock),
            entries=entries(figure.axes[0]),
        )
        height = options.inches * (0.3 if columns > 1 else 0.5) + 0.2
        lay_out(figure, options, words, height)
    return figure


def _scale(axes: "Axes", lines: Sequence[Line]) -> None:
    """Set the y axis: logarithmic where no curve is ever 0 and their centres span a decade."""
    centres = np.concatenate([np.zeros(0), *(line.curve.centre for line in lines)])
    highs = np.concatenate([np.zeros(0), *(line.curve.high for line in lines)])
    top = max(centres.max(initial=0.0), highs[np.isfinite(highs)].max(initial=0.0)) or 1.0
    least = centres.min(initial=top)
    if 0 < least <= top / 10:
        axes.set_yscale("log")
        axes.set_ylim(0.8 * least, 1.1 * top)
    else:
        axes.set_ylim(0, 1.05 * top)


def _caption(block: "Block", dataset: str, centre: str, clock: str) -> str:
    line, around = CENTRES[centre]
    return caption([
        f"how far sets are from the exact front of {block.outcome} values on "
        f"{block.title_of(dataset)} over {time_axis(block, clock)}, a logarithmic axis: IGD+ and "
        "additive epsilon, with the values of the exact front scaled to 0 to 1 in each objective "
        "(0 is the whole front), and which part of its points is in the set",
        f"a set is chosen by what the search saw, and measured in {block.outcome}",
        f"lines: {line} over the runs of a row, bands: {around}; a line ends with a mark where the "
        "row's last search ended",
        *about(block), *about_clock(block, clock),
    ])  # fmt: skip
