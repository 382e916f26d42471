"""Figures of the one test value of a run against a cost: that of its network, or of the search.

Sets of searches with several objectives are drawn by `fronts`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import interval, summarise
from nasbench.harness.compare.figures.captions import about, caption
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import entries
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.style import blank, drawing
from nasbench.harness.compare.figures.words import Words
from nasbench.harness.compare.final_sets import known_points
from nasbench.pareto.dominance import nondominated
from nasbench.trace import Trace, TraceKind

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender


_READ = "mean, 95 % bootstrap intervals; small marks are runs"
_HOLLOW = "hollow: shared weights"
_EPOCHS = "training epochs of the searched architectures, or shared epochs"
"""Cost of searches of both kinds, in the words of the tables."""
_KINDS = (
    "rows that evaluate train each architecture alone, which takes training epochs; hollow marks "
    "are one-shot rows, which train weights that architectures share, for shared epochs: an epoch "
    "of one kind is not the work of one of the other"
)


class Point(NamedTuple):
    """One contender: cost and final test score of each run, shape (runs,) each."""

    contender: "Contender"
    cost: NDArray[np.float64]
    test: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The final test values, in the metric's unit, shape (runs,)."""
        return self.contender.metric.score(self.test)


def pareto_pictures(block: "Block") -> Iterator[Picture]:
    """Yield a figure for every data set and unit of cost with two contenders or more.

    Costs are those of the derived cells' networks, as strategies recorded them. Where a block has
    one-shot and other searches, there is also a figure over the epochs of the searches: training
    epochs of architectures, or shared epochs, whose rows have hollow marks.
    """
    if block.of_sets and block.contenders[0].fronts is None:
        return  # sets have no one value
    finished = [one for one in block.contenders if len(one.runs)]
    sharing = [one.experiment.task.shared for one in finished]
    if any(sharing) and not all(sharing):
        costs = [one.runs.column("training_epochs").astype(np.float64) for one in finished]
        for dataset in block.datasets:
            points = _points(finished, costs, dataset)
            yield _picture(block, dataset, _EPOCHS, points, "epochs", both=True)
    units: dict[str, list[Contender]] = {}
    for one in finished:
        for trace in one.runs.traces(TraceKind.COST):
            units.setdefault(trace.words[0], []).append(one)
    for unit, contenders in units.items():
        if len(contenders) < 2:
            continue
        costs = [one.runs.trace(Trace.cost(unit)).last() for one in contenders]
        for dataset in block.datasets:
            points = _points(contenders, costs, dataset)
            what = f"cost of the derived architecture's network ({unit})"
            short = re.sub(r"[^a-z]+", "-", unit.lower())
            yield _picture(block, dataset, what, points, short, both=False)


def _points(
    contenders: "Sequence[Contender]", costs: Sequence[NDArray[np.float64]], dataset: str
) -> list[Point]:
    pairs = zip(contenders, costs, strict=True)
    return [Point(one, cost, one.final("test", dataset)) for one, cost in pairs]


def _picture(
    block: "Block", dataset: str, what: str, points: Sequence[Point], short: str, *, both: bool
) -> Picture:
    """Return the picture; `both` for a cost that is epochs of both kinds."""
    said = caption([
        f"{block.outcome} {block.units.title} on {block.title_of(dataset)} against {what}",
        f"large marks: {_READ}; grey line: means that no other mean is better than at equal or "
        f"lower cost{', for each kind of epochs' if both else ''}",
        *([_KINDS] if both else []), *about(block),
    ])  # fmt: skip
    draw, metric = partial(_draw, block, dataset, what, points, both), block.units.metric.name
    title = f"{block.outcome.capitalize()} {metric} on {block.title_of(dataset)} against {what}"
    return Picture(f"pareto-{dataset}-{short}", "pareto", title, said, draw)


def _draw(
    block: "Block",
    dataset: str,
    what: str,
    points: Sequence[Point],
    both: bool,
    options: FigureOptions,
) -> Figure:
    metric = block.units.metric
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        means = np.array(
            [(summarise(point.cost).mean, summarise(point.test).mean) for point in points]
        )
        styles = looks([one.contender for one in points])
        shared = [both and one.contender.experiment.task.shared for one in points]
        drawn = zip(points, means, styles, shared, strict=True)
        for point, (cost, test), look, hollow in drawn:
            inside = "white" if hollow else look.colour
            axes.plot(point.cost, point.values, look.marker, color=look.colour, markersize=2.4,
                      alpha=0.35, markeredgewidth=0)  # fmt: skip
            (left, right), (low, high) = interval(point.cost), interval(point.values)
            value = metric.score(test)
            arms = np.array([[value - low, high - value], [cost - left, right - cost]])
            up, across = np.maximum(arms, 0)[:, :, None]  # rounding may put an end beyond the mean
            axes.errorbar(
                cost, value, up, across, fmt=look.marker, color=look.colour, markersize=5,
                linewidth=1, markerfacecolor=inside, label=point.contender.label,
            )  # fmt: skip
        for kind in sorted(set(shared)):  # epochs of two kinds are not compared
            same = known_points(means[np.array(shared) == kind])
            best = same[nondominated(same * (-1.0, 1.0))]
            best = best[np.argsort(best[:, 0])]
            axes.step(best[:, 0], metric.score(best[:, 1]), where="post", color="0.5",
                      linewidth=0.8, zorder=0)  # fmt: skip
        if both:
            axes.set_xscale("log")
        words = Words(
            title=block.title_of(dataset),
            aside=f"{_READ}; {_HOLLOW}" if both else _READ,
            footer="; ".join(about(block)),
            xlabel=what,
            ylabel=f"{block.outcome} {block.units.title}",
            entries=entries(axes),
        )
        lay_out(figure, options, words, 0.36 * options.inches + 0.2)
    return figure
