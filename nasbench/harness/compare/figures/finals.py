"""Figures of final incumbents: every run's regret, and its position among all architectures."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import interval, known
from nasbench.harness.compare.figures.captions import about, caption
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.looks import Look, looks
from nasbench.harness.compare.figures.named_rows import NamedRows
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import regret_of
from nasbench.harness.compare.figures.style import blank, drawing, regret_scale
from nasbench.harness.compare.figures.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.references import Known
    from nasbench.problem import Metric

_GOLDEN = 0.6180339887498949
_ROWS = 3.2
"""Height in inches that the rows of a distribution share, each within the limits of `_ROW`."""
_ROW = (0.2, 0.36)
_READ = "dots: runs; black: quartiles; diamond: mean; colour below: its 95 % bootstrap interval"
_CIRCLES = "area of a mark: runs that end in the architecture"
_PANEL = (1.25, 0.95)
"""Width in inches of a panel of a landscape: the usual and the smallest."""
_SHOWN = 0.2
"""Share of all architectures, the best ones, that a landscape always shows."""


def final_pictures(block: "Block") -> Iterator[Picture]:
    """Yield two figures for every data set; none without a table.

    The second is left out where searches saw the very values that are reported, and for sets.
    """
    query, task = block.task.query, block.task
    told = not task.has_test and (query.schedule, query.epochs) == (task.final_schedule,) * 2
    shown = [one for one in block.contenders if len(one.runs)]
    for dataset in block.datasets if shown else ():
        best = block.best(dataset)
        regrets = [regret_of(best, known(one.final("test", dataset))) for one in shown]
        if np.isnan(best) or not any(map(len, regrets)):
            continue
        title, rest = block.title_of(dataset), about(block)
        answer = "set" if block.of_sets else "architecture"
        what = f"{block.regret} on {title} of every run's final {answer}"
        yield Picture(
            f"distribution-{dataset}", "distribution",
            f"{block.regrets} of every run on {title}",
            caption([what, _READ, block.about_measure, *rest]),
            partial(_distribution, block, shown, regrets, dataset),
        )  # fmt: skip
        if told or block.known is None:
            continue
        metric = block.units.metric
        what = (
            f"all architectures{block.among} by search signal and {block.outcome} {metric.name} on "
            f"{title}, a panel for each row with the final architectures of its runs; better is up "
            "and to the right"
        )
        yield Picture(
            f"landscape-{dataset}", "landscape", f"Where searches end among all on {title}",
            caption([what, _CIRCLES, *rest]),
            partial(_landscape, block, block.known, shown, dataset),
        )  # fmt: skip


def _distribution(
    block: "Block",
    shown: "Sequence[Contender]",
    regrets: Sequence[NDArray[np.float64]],
    dataset: str,
    options: FigureOptions,
) -> Figure:
    """Draw the regret of every run, the quartiles, and the mean with its interval."""
    with drawing(options):
        row = min(max(_ROWS / len(shown), _ROW[0]), _ROW[1])
        rows = NamedRows([one.label for one in shown], options.inches, row)
        figure = blank(options)
        axes = figure.subplots()
        for place, (sample, look) in enumerate(zip(regrets, looks(shown), strict=True)):
            if len(sample):
                _draw_runs(axes, partial(rows.at, place), np.sort(sample), look)
        regret_scale(axes, "x", np.concatenate(regrets), block.units)
        rows.write(axes)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        words = Words(
            title=block.title_of(dataset),
            footer="; ".join([_READ, *about(block)]),
            xlabel=block.regret,
        )
        lay_out(figure, options, words, (len(shown) + 0.1) * rows.height)
    return figure


def _draw_runs(
    axes: "Axes", at: Callable[[float], float], regret: NDArray[np.float64], look: Look
) -> None:
    """Draw one row of a distribution from its sorted regrets; `at` places what is in the row."""
    # steps of the golden ratio fill the row evenly, and the same way every time
    shift = 0.52 * ((np.arange(len(regret)) * _GOLDEN) % 1 - 0.5)
    axes.plot(regret, at(0) + shift * (at(1) - at(0)), look.marker, color=look.colour,
              markersize=2.4, alpha=0.5, markeredgewidth=0, clip_on=False,
              rasterized=len(regret) > 1000)  # fmt: skip
    first, middle, third = np.quantile(regret, [0.25, 0.5, 0.75])
    axes.plot([first, third], [at(0)] * 2, color="0.15", linewidth=1.1)
    axes.plot([middle, middle], [at(-0.15), at(0.15)], color="0.15", linewidth=1.1)
    low, high = interval(regret)
    axes.plot(regret.mean(), at(0), "D", color="white", markeredgecolor="0.15",
              markersize=3.5, markeredgewidth=0.8)  # fmt: skip
    axes.plot([low, high], [at(0.32)] * 2, color=look.colour, linewidth=1.8,
              solid_capstyle="butt")  # fmt: skip


def _landscape(
    block: "Block",
    table: "Known",
    shown: "Sequence[Contender]",
    dataset: str,
    options: FigureOptions,
) -> Figure:
    """Draw all architectures by search signal and test value, with each strategy's final ones.

    Better is always up and to the right: where less is better, the axes are reversed.
    """
    seen, what = _seen(block, table, dataset)
    test, metric = table.test[dataset], block.units.metric
    ends = [_ends(one, table) for one in shown]
    drawn = [cell for cells, _ in ends for cell in cells]
    columns = _columns(len(shown), options.inches)
    rows = -(-len(shown) // columns)
    with drawing(options):
        figure = blank(options)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        _zoom(panels[0], metric, seen, test, np.array(drawn, dtype=np.int64))
        across, up = metric.score(seen), metric.score(test)
        near = _within(across, panels[0].get_xlim()) & _within(up, panels[0].get_ylim())
        styles = zip(panels, shown, ends, looks(shown), strict=False)
        for axes, one, (cells, runs), look in styles:
            axes.plot(across[near], up[near], "o", color="0.6", markersize=0.5,
                      markeredgewidth=0, rasterized=True)  # fmt: skip
            axes.scatter(across[cells], up[cells], s=4 + 90 * runs / runs.sum(), color=look.colour,
                         marker=look.marker, alpha=0.65, linewidth=0)  # fmt: skip
            axes.set_title(one.label)
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(shown))
            axes.tick_params(labelbottom=place + columns >= len(shown))  # nothing stands below it
        words = Words(
            footer="; ".join([*about(block), _CIRCLES]),
            xlabel=what,
            ylabel=_named(metric, f"{block.outcome} {metric.name} on {block.title_of(dataset)}"),
        )
        side = (options.inches - 0.6) / columns
        lay_out(figure, options, words, min(max(0.8 * side, 0.7), 0.36 * options.inches + 0.2))
    return figure


def _within(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which values are within an axis' limits, in either direction."""
    return (values >= min(limits)) & (values <= max(limits))


def _columns(panels: int, inches: float) -> int:
    """Return into how many columns panels go: about as many as rows, unless they get too small."""
    columns, most = (max(1, int(inches / side)) for side in _PANEL)
    while -(-panels // columns) > columns + 1 and columns < most:
        columns += 1
    return -(-panels // -(-panels // columns))  # of which the last row lacks as few as can be


def _seen(block: "Block", table: "Known", dataset: str) -> tuple[NDArray[np.float64], str]:
    """Return the search signal of every architecture, as a score, and the label of its axis.

    It is the mean over the answers that a query can give. For one-shot searches, which query
    nothing, it is the final validation score.
    """
    query, metric = block.task.query, block.units.metric
    if block.task.shared:
        return table.valid[dataset], _named(
            metric, f"validation {metric.name} on {block.title_of(dataset)}"
        )
    name = (
        f"search signal: validation {metric.name} on {block.title_of(query.dataset)} after "
        f"{query.epochs} epochs"
    )
    return table.mean_signal(len(table.test[dataset])), _named(metric, name)


def _named(metric: "Metric", what: str) -> str:
    """Return the label of an axis of values."""
    return f"{what} ({metric.unit})" if metric.unit else what


def _ends(one: "Contender", table: "Known") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct final architectures of the runs, and how many runs end with each."""
    last = table.space.positions(one.incumbents.indices.last())
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
