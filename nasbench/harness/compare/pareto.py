"""Figures of test value against cost: the cost of final networks, or that of the searches."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import interval, summarise
from nasbench.harness.compare.figure_style import (
    WIDTH,
    foot_lines,
    left_margin,
    legend_shape,
    looks,
    paper_style,
)
from nasbench.trace import Trace, TraceKind

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender


class Point(NamedTuple):
    """One contender: cost and final test score of each run, shape (runs,) each."""

    contender: "Contender"
    cost: NDArray[np.float64]
    test: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The final test values, in the metric's unit, shape (runs,)."""
        return self.contender.runs.metric.score(self.test)


def pareto_figures(block: "Block", *, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield a name and a figure for every data set and unit of cost with two contenders or more.

    Costs are those of the derived cells' networks, as strategies recorded them. Where a block has
    one-shot and other searches, there is also a figure over the searches' training epochs, the only
    cost that all searches have in common.
    """
    sharing = [one.experiment.task.shared for one in block.contenders if len(one.runs)]
    if any(sharing) and not all(sharing):
        for dataset in block.datasets:
            points = [
                Point(one, one.runs.column("training_epochs").astype(np.float64),
                      one.final("test", dataset))
                for one in block.contenders if len(one.runs)
            ]  # fmt: skip
            figure = _draw(block, dataset, "training epochs of the search", points, width)
            axes = figure.axes[0]
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.xaxis.set_minor_locator(NullLocator())
            yield f"pareto-{dataset}-training-epochs", figure
    units: dict[str, list[Contender]] = {}
    for one in block.contenders:
        for trace in one.runs.traces(TraceKind.COST) if len(one.runs) else ():
            units.setdefault(trace.words[0], []).append(one)
    for unit, contenders in units.items():
        if len(contenders) < 2:
            continue
        for dataset in block.datasets:
            points = [
                Point(one, one.runs.trace(Trace.cost(unit)).last(),
                      one.final("test", dataset))
                for one in contenders
            ]  # fmt: skip
            what = f"cost of the derived architecture's network ({unit})"
            figure = _draw(block, dataset, what, points, width)
            yield f"pareto-{dataset}-{re.sub(r'[^a-z]+', '-', unit.lower())}", figure


def front(costs: NDArray[np.float64], values: NDArray[np.float64]) -> list[int]:
    """Return the positions of the Pareto-optimal points, by ascending cost.

    `costs` and `values`, scores of which more is better, have shape (points,). A point is left out
    where another costs no more and is at least as good; of equal points the first is kept.
    """
    best, found = -np.inf, []
    for place in np.lexsort((-values, costs)):
        if values[place] > best:
            best = values[place]
            found.append(int(place))
    return found


def _draw(block: "Block", dataset: str, what: str, points: Sequence[Point], width: float) -> Figure:
    metric = block.units.metric
    with paper_style():
        foot = foot_lines([block.footer], width)
        columns, rows = legend_shape([one.contender.label for one in points], width)
        more = 0.08 * (len(foot) - 1)
        height = 0.55 * width + 0.14 * rows + more
        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        colours = looks([one.contender for one in points])
        means = np.array(
            [(summarise(point.cost).mean, summarise(point.test).mean) for point in points]
        )
        for point, (cost, test), (colour, _) in zip(points, means, colours, strict=True):
            axes.plot(point.cost, point.values, ".", color=colour, markersize=3, alpha=0.35)
            (left, right), (low, high) = interval(point.cost), interval(point.values)
            value = metric.score(test)
            arms = np.array([[value - low, high - value], [cost - left, right - cost]])
            up, across = np.maximum(arms, 0)[:, :, None]  # rounding may put an end beyond the mean
            axes.errorbar(
                cost, value, up, across,
                fmt="o", color=colour, markersize=5, linewidth=1, label=point.contender.label,
            )  # fmt: skip
        best = means[front(means[:, 0], means[:, 1])]
        axes.step(
            best[:, 0], metric.score(best[:, 1]), where="post", color="0.5", linewidth=0.8, zorder=0
        )
        axes.set_xlabel(what)
        axes.set_ylabel(f"test {block.units.title}")
        axes.set_title(dataset, loc="left")
        axes.set_title("mean, 95 % bootstrap intervals; dots are runs", loc="right", fontsize=6,
                       color="0.45")  # fmt: skip
        sns.despine(ax=axes)
        figure.subplots_adjust(
            left=left_margin(axes) / width, right=1 - 0.12 / width, top=1 - 0.24 / height,
            bottom=(0.6 + 0.14 * rows + more) / height,
        )  # fmt: skip
        figure.legend(
            loc="lower center", bbox_to_anchor=(0.5, (0.16 + more) / height), ncols=columns,
            frameon=False, labelspacing=0.25, borderaxespad=0,
        )  # fmt: skip
        figure.text(0.01, 0.01, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
    return figure
