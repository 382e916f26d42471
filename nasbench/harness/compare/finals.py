"""Figures of final incumbents: every run's regret, and its position among all architectures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import interval, known
from nasbench.harness.compare.figure_style import (
    CHARACTER,
    WIDTH,
    foot_lines,
    left_margin,
    looks,
    paper_style,
    regret_scale,
    wrapped,
)
from nasbench.harness.compare.plots import regret_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.references import Known
    from nasbench.problem import Metric

_GOLDEN = 0.6180339887498949
_ROW = 0.36
"""Height in inches of a strategy's row."""
_LABEL = 0.28
"""Largest share of the figure's width for the rows' labels."""
_READ = "dots: runs; black: quartiles; diamond: mean; colour below: its 95 % bootstrap interval"
_PANEL = 1.35
"""Smallest width in inches of a panel of a landscape."""
_SHOWN = 0.2
"""Share of all architectures, the best ones, that a landscape always shows."""


def final_figures(block: "Block", *, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield two figures with their names for every data set; none without a table."""
    if block.known is None:
        return
    shown = [one for one in block.contenders if len(one.runs)]
    for dataset in block.datasets if shown else ():
        best = float(np.nanmax(block.known.test[dataset]))
        regrets = [regret_of(best, known(one.final("test", dataset))) for one in shown]
        if not any(map(len, regrets)):
            continue
        yield f"distribution-{dataset}", _distribution(block, shown, regrets, dataset, width)
        yield f"landscape-{dataset}", _landscape(block, block.known, shown, dataset, width)


def _distribution(
    block: "Block",
    shown: "Sequence[Contender]",
    regrets: Sequence[NDArray[np.float64]],
    dataset: str,
    width: float,
) -> Figure:
    """Draw the regret of every run, the quartiles, and the mean with its interval."""
    colours = looks(shown)
    with paper_style():
        foot = foot_lines([_READ, block.footer, *block.about_test], width)
        names = [wrapped(one.label, _LABEL * width) for one in shown]
        height = 0.75 + _ROW * len(shown) + 0.08 * len(foot)
        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        for place, (sample, (colour, _)) in enumerate(zip(regrets, colours, strict=True)):
            regret = np.sort(sample)
            if not len(regret):
                continue
            # steps of the golden ratio fill the row evenly, and the same way every time
            shift = 0.6 * ((np.arange(len(regret)) * _GOLDEN) % 1 - 0.5)
            axes.plot(regret, place + shift, ".", color=colour, markersize=3, alpha=0.5,
                      markeredgewidth=0, clip_on=False, rasterized=len(regret) > 1000)  # fmt: skip
            first, middle, third = np.quantile(regret, [0.25, 0.5, 0.75])
            axes.plot([first, third], [place, place], color="0.15", linewidth=1.1)
            axes.plot([middle, middle], [place - 0.16, place + 0.16], color="0.15", linewidth=1.1)
            low, high = interval(regret)
            axes.plot(regret.mean(), place, "D", color="white", markeredgecolor="0.15",
                      markersize=3.5, markeredgewidth=0.8)  # fmt: skip
            axes.plot([low, high], [place + 0.3] * 2, color=colour, linewidth=2,
                      solid_capstyle="butt")  # fmt: skip
        regret_scale(axes, "x", np.concatenate(regrets), block.units)
        axes.set_yticks(range(len(shown)), names)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(block.units.axis("test regret"))
        axes.set_title(dataset, loc="left")
        sns.despine(ax=axes, left=True)
        left = 0.15 + max(len(line) for name in names for line in name.split("\n")) * CHARACTER
        figure.subplots_adjust(left=left / width, right=1 - 0.15 / width, top=1 - 0.24 / height,
                               bottom=(0.42 + 0.08 * len(foot)) / height)  # fmt: skip
        figure.text(0.01, 0.01, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
    return figure


def _landscape(
    block: "Block", table: "Known", shown: "Sequence[Contender]", dataset: str, width: float
) -> Figure:
    """Draw all architectures by search signal and test value, with each strategy's final ones.

    Better is always up and to the right: where less is better, the axes are reversed.
    """
    seen, what = _seen(block, table, dataset)
    test, metric = table.test[dataset], block.units.metric
    ends = [_ends(one) for one in shown]
    drawn = [cell for cells, _ in ends for cell in cells]
    colours = looks(shown)
    columns = min(max(2, int(width / _PANEL)), len(shown))
    rows = -(-len(shown) // columns)
    side = (width - 0.55) / columns
    names = [wrapped(one.label, side) for one in shown]
    lines = max(name.count("\n") + 1 for name in names)
    with paper_style():
        circles = "area of a circle: runs that end in the architecture"
        foot = foot_lines([block.footer, circles], width)
        height = 0.62 + rows * (min(side, 2.2) + 0.12 * lines) + 0.08 * len(foot)
        figure = Figure(figsize=(width, height))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for axes, name, (cells, runs), (colour, _) in zip(
            panels, names, ends, colours, strict=False
        ):
            across, up = metric.score(seen), metric.score(test)
            axes.plot(across, up, ",", color="0.6", rasterized=True)
            axes.scatter(across[cells], up[cells], s=4 + 120 * runs / runs.sum(), color=colour,
                         alpha=0.65, linewidth=0)  # fmt: skip
            axes.set_title(name, fontsize=7)
            sns.despine(ax=axes)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        _zoom(figure.axes[0], metric, seen, test, np.array(drawn, dtype=np.int64))
        left = left_margin(figure.axes[0])
        figure.subplots_adjust(
            left=left / width, right=1 - 0.08 / width, top=1 - (0.08 + 0.12 * lines) / height,
            bottom=(0.46 + 0.08 * len(foot)) / height, hspace=0.06 + 0.13 * lines, wspace=0.08,
        )  # fmt: skip
        figure.supxlabel(what, y=(0.12 + 0.08 * len(foot)) / height, fontsize=8)
        figure.supylabel(_named(metric, f"test {metric.name} on {dataset}"), x=0.012, fontsize=8)
        figure.text(0.01, 0.01, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
    return figure


def _seen(block: "Block", table: "Known", dataset: str) -> tuple[NDArray[np.float64], str]:
    """Return the search signal of every architecture, as a score, and the label of its axis.

    It is the mean over the answers that a query can give. For one-shot searches, which query
    nothing, it is the final validation score.
    """
    query, metric = block.task.query, block.units.metric
    if block.task.shared:
        return table.valid[dataset], _named(metric, f"validation {metric.name} on {dataset}")
    weighted = table.search.weights * table.signal
    seen = np.bincount(table.cells, weighted, minlength=len(table.test[dataset]))
    there = np.bincount(table.cells, minlength=len(seen)) > 0
    name = f"search signal: validation {metric.name} on {query.dataset} after {query.epochs} epochs"
    return np.where(there, seen, np.nan), _named(metric, name)


def _named(metric: "Metric", what: str) -> str:
    """Return the label of an axis of values."""
    return f"{what} ({metric.unit})" if metric.unit else what


def _ends(one: "Contender") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct final architectures of the runs, and how many runs end with each."""
    last = one.incumbents.indices.last()
    cells, runs = np.unique(last, return_counts=True)
    return cells, runs


def _zoom(
    axes: "Axes",
    metric: "Metric",
    seen: NDArray[np.float64],
    test: NDArray[np.float64],
    drawn: NDArray[np.int64],
) -> None:
    """Set the axes' limits to show the runs' final architectures and the best of all."""
    for values, limit in ((seen, axes.set_xlim), (test, axes.set_ylim)):
        there, of_runs = values[np.isfinite(values)], values[drawn]
        if not len(there):
            continue
        least = float(np.quantile(there, 1 - _SHOWN))
        low = float(of_runs[np.isfinite(of_runs)].min(initial=least))
        high = float(there.max())
        around = 0.04 * (high - low) or 0.5  # 0.5 where all are equal
        limit(metric.score(low - around), metric.score(high + around))
