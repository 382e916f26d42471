"""Figures of a block's test regret.

Curves are computed in `curves` and `references`. Figures are made without pyplot, so that drawing
leaves no state behind. Without the table, regrets are not known and no figure is drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from nasbench.harness.compare.curves import Band, answers, band, common_grid, step_values
from nasbench.harness.compare.figure_style import (
    CHARACTER,
    WIDTH,
    foot_lines,
    left_margin,
    looks,
    paper_style,
    regret_scale,
)
from nasbench.harness.compare.label_positions import set_apart
from nasbench.harness.compare.references import EXPECTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.units import Units

_REFERENCE = "0.1"
_ROUNDING = 1e-11
"""Rounding error of a regret of 0, relative to the best value."""
_CROWDED = 0.7
"""Decades per inch of width above which the time axis has fewer ticks."""
_CLOCKS = ("seconds", "evaluations")
_AXIS = {
    "seconds": "simulated training time (s, pseudo-time)",
    "evaluations": "evaluations",
}
_SHARED_AXIS = {
    "seconds": "training time of shared weights (s, real)",
    "evaluations": "epochs of shared weights",
}


@dataclass(frozen=True)
class Line:
    """One curve with its label, colour and dashes."""

    label: str
    curve: Band
    colour: str
    dashes: Any


def regret_figures(
    block: "Block", *, centre: str = "mean", clock: str | None = None, width: float = WIDTH
) -> Iterator[tuple[str, Figure]]:
    """Yield a name and a figure of test regret for every data set.

    `centre` is `mean`, `median` or `iqm`, see `curves.band`. `clock` is the x axis: `seconds`,
    `evaluations`, or None for one figure over each. `width` is in inches. One-shot rows have
    figures of their own; with a calibration, a further figure shows all rows over seconds.
    """
    parts = one_clock(block)
    for one in _CLOCKS if clock is None else (clock,):
        for part in parts:  # two clocks never share an axis
            yield from _on_one_clock(part, centre, one, width)
    if len(parts) > 1 and block.calibration is not None and clock != "evaluations":
        factor = block.calibration.factor
        scaled = [replace(one, scale=factor) for one in parts[1].contenders]
        both = only(block, [*parts[0].contenders, *scaled])
        for name, figure in _on_one_clock(both, centre, "seconds", width):
            yield f"{name}-calibrated", figure


def _on_one_clock(
    block: "Block", centre: str, clock: str, width: float
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of contenders that have the same clock or were scaled to one."""
    for dataset, lines in regret_lines(block, clock, centre=centre):
        figure = _draw(block, dataset, clock, centre, lines, width)
        yield f"regret-{dataset}-{'shared-' if block.task.shared else ''}{clock}", figure


def regret_lines(
    block: "Block", clock: str, *, centre: str = "mean"
) -> Iterator[tuple[str, list[Line]]]:
    """Yield every data set with its curves of test regret over a clock.

    With the centre `mean`, the curve of the expected random search is the last. The block's rows
    must share the clock, see `one_clock`. Yields nothing where no regret is known.
    """
    if block.known is None or not any(len(one.runs) for one in block.contenders):
        return
    styles = looks(block.contenders)
    grid, positions = _when(block, clock)
    for dataset in block.datasets:
        best = float(np.nanmax(block.known.test[dataset]))
        lines = []
        for one, where, look in zip(block.contenders, positions, styles, strict=True):
            if len(one.runs):
                regret = regret_of(best, step_values(where, one.scores("test", dataset)))
                lines.append(Line(one.label, band(grid, regret, centre=centre), *look))
        expected = _expected(block, dataset, clock, grid) if centre == "mean" else None
        if expected is not None:
            lines.append(Line(EXPECTED, expected, _REFERENCE, (0, (2.5, 1.5))))
        yield dataset, lines


def one_clock(block: "Block") -> "list[Block]":
    """Return the block divided into rows that evaluate on a benchmark and one-shot rows.

    A block that has only one of the two kinds is returned whole.
    """
    asking = [one for one in block.contenders if not one.experiment.task.shared]
    sharing = [one for one in block.contenders if one.experiment.task.shared]
    if not (asking and sharing):
        return [block]
    return [only(block, some) for some in (asking, sharing)]


def only(block: "Block", contenders: "Sequence[Contender]") -> "Block":
    """Return the block with only some contenders, and with the task of the first of them."""
    task = contenders[0].experiment.task
    return replace(block, contenders=tuple(contenders), task=task)


def regret_of(best: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far scores are below the best score; rounding errors become 0."""
    regret = best - scores
    return np.where(np.abs(regret) <= _ROUNDING * abs(best), 0.0, regret)


def _when(block: "Block", clock: str) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Return the times at which curves are drawn, and each run's incumbent at these times."""
    times = [one.when(clock) for one in block.contenders]
    spent = max(one.spent(clock) for one in block.contenders)
    limit = block.task.budget.seconds if clock == "seconds" else block.task.budget.evaluations
    end = spent if limit is None else max(spent, float(limit))
    if clock == "evaluations":
        grid = np.unique(np.round(np.geomspace(1, max(end, 1), 200)))
    else:
        grid = common_grid(np.concatenate([one.values for one in times]), end)
    return grid, [answers(one, grid) for one in times]


def _expected(block: "Block", dataset: str, clock: str, grid: NDArray[np.float64]) -> Band | None:
    """Return the expected regret of random search in closed form, None where there is none.

    The curve begins where every simulated worker can afford one evaluation.
    """
    known, budget = block.known, block.task.budget
    if known is None or block.task.shared or budget.stops_early:
        return None
    seconds = np.inf if budget.seconds is None else budget.seconds
    grid = grid[grid <= (seconds if clock == "seconds" else known.most)]
    grid = grid[known.affords(grid) if clock == "seconds" else grid >= 1]
    if not len(grid):
        return None
    n = known.evaluations(grid) if clock == "seconds" else grid
    outcome = known.test[dataset]
    found = known.search.expect(outcome[known.cells], n, replacement=known.replacement)
    regret = float(np.nanmax(outcome)) - found.mean
    return Band(grid, regret, regret, regret)


def _draw(
    block: "Block",
    dataset: str,
    clock: str,
    centre: str,
    lines: Sequence[Line],
    width: float,
) -> Figure:
    with paper_style():
        text = _foot(block, clock, width)
        foot = 0.08 * (2 + text.count("\n"))
        height = 0.62 * width if width < 4 else 0.52 * width
        figure = Figure(figsize=(width, height + foot))
        axes = figure.subplots()
        for line in lines:
            draw_line(axes, line)
        _scale(axes, block.units, [line.curve for line in lines], width)
        around = "quartiles" if centre == "median" else "95 % bootstrap interval"
        axes.set_xlabel((_SHARED_AXIS if block.task.shared else _AXIS)[clock])
        axes.set_ylabel(block.units.axis("test regret"))
        axes.set_title(dataset, loc="left")
        axes.set_title(f"{centre}, {around}", loc="right", fontsize=6, color="0.45")
        sns.despine(ax=axes)
        _name_lines(figure, axes, lines, width, foot)
        figure.text(0.01, 0.01, text, fontsize=5, color="0.45", va="bottom", ha="left")
    return figure


def draw_line(axes: "Axes", line: Line) -> None:
    """Draw a curve as steps and its band as a shaded area, with its label for the legend."""
    curve = line.curve
    axes.fill_between(
        curve.grid, curve.low, curve.high, step="post", color=line.colour, alpha=0.18, linewidth=0
    )
    axes.step(
        curve.grid, curve.centre, where="post", color=line.colour, linestyle=line.dashes,
        linewidth=1.3, label=line.label,
    )  # fmt: skip


def _scale(axes: "Axes", units: "Units", curves: Sequence[Band], width: float) -> None:
    """Set logarithmic axes: the clock on x, regrets on y (see `regret_scale`)."""
    axes.set_xscale("log")
    centres = np.concatenate([curve.centre for curve in curves])
    edges = np.concatenate([curve.low for curve in curves] + [centres])
    if not len(centres):
        return
    tops = np.concatenate([curve.high for curve in curves])
    highest = tops[np.isfinite(tops)].max(initial=edges.max())
    regret_scale(axes, "y", np.append(edges, highest), units)
    starts = [curve.grid[0] for curve in curves if len(curve.grid)]
    ends = [curve.grid[-1] for curve in curves if len(curve.grid)]
    if min(starts) < max(ends):
        axes.set_xlim(min(starts), max(ends))
    decades = np.log10(max(ends) / min(starts))
    steps = (1.0, 2.0, 5.0) if decades < _CROWDED * width else (1.0, 3.0)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    )
    axes.xaxis.set_minor_locator(NullLocator())


def _foot(block: "Block", clock: str, width: float) -> str:
    """Return the text below a figure."""
    parts = [block.footer, *block.about_test]
    if clock == "seconds":
        parts += filter(None, [block.about_seconds])
        if block.calibration is not None and any(one.scale != 1 for one in block.contenders):
            parts.append(f"shared weights: {block.calibration.label}")
    return "\n".join(foot_lines(parts, width))


def _name_lines(
    figure: Figure, axes: "Axes", lines: Sequence[Line], width: float, foot: float
) -> None:
    """Write labels at the curves' ends, or a legend below the axes where there is no room."""
    widest = max((len(line.label) for line in lines), default=0) * CHARACTER
    height, left = figure.get_figheight(), left_margin(axes)
    named = [line for line in lines if len(line.curve.centre)]
    if widest > 0.3 * width or len(named) * 0.14 > height - 0.8:
        columns = max(1, int((width - 0.2) // (widest + 0.45)))
        rows = -(-len(named) // columns)
        figure.set_figheight(height + rows * 0.14)
        height = figure.get_figheight()
        figure.subplots_adjust(
            left=left / width, right=1 - 0.24 / width, top=1 - 0.24 / height,
            bottom=(foot + 0.4 + rows * 0.14) / height,
        )  # fmt: skip
        figure.legend(
            loc="lower center", bbox_to_anchor=(0.5, foot / height), ncols=columns,
            frameon=False, handlelength=2.2, columnspacing=1.0, labelspacing=0.25,
            borderaxespad=0,
        )  # fmt: skip
        return
    figure.subplots_adjust(
        left=left / width, right=1 - (widest + 0.3) / width, top=1 - 0.24 / height,
        bottom=(foot + 0.42) / height,
    )  # fmt: skip
    to_axes = (axes.transData + axes.transAxes.inverted()).transform
    ends = [float(to_axes((axes.get_xlim()[1], line.curve.centre[-1]))[1]) for line in named]
    gap = 0.14 / (axes.get_position().height * height)
    for line, end, place in zip(named, ends, set_apart(ends, gap), strict=True):
        axes.annotate(
            line.label, xy=(1, end), xytext=(1.05, place), xycoords="axes fraction",
            fontsize=7, color=line.colour, va="center",
            arrowprops={"arrowstyle": "-", "color": line.colour, "lw": 0.5, "shrinkA": 1,
                        "shrinkB": 0, "relpos": (0, 0.5)},
        )  # fmt: skip
