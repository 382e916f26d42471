"""Figures of the course of one-shot searches: alphas, operations, losses, ranking.

They draw what every epoch stored, as means over the runs with 95 % bootstrap intervals. Only
`ranking` computes more: Kendall's tau, and the gap to the table.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import kendalltau

from nasbench.harness.compare.curves import band
from nasbench.harness.compare.figure_style import WIDTH, foot_lines, log_axis, paper_style
from nasbench.harness.compare.plots import Line, draw_line, only
from nasbench.harness.results.ragged import Ragged
from nasbench.spaces import get_categorical
from nasbench.trace import TRAIN_LOSS, VALIDATION_LOSS, Trace, TraceKind

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.references import Known

_PALETTE = sns.color_palette("colorblind").as_hex()
_LOSSES = (TRAIN_LOSS, VALIDATION_LOSS)
_COUNTED = {"skip connections": ("skip",), "convolutions": ("conv",), "pooling": ("pool",)}
"""Groups of operations that are counted together, and the parts of names that identify them."""


def diagnostic_figures(block: "Block", *, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield the names and figures of every one-shot contender that has finished runs."""
    seen: Counter[str] = Counter()
    for one in block.contenders:
        if not one.experiment.task.shared or not len(one.runs):
            continue
        footer = only(block, [one]).footer
        strategy = re.sub(r"[^\w.-]+", "-", one.experiment.strategy)
        seen[strategy] += 1  # rows of one strategy are numbered in their order
        name = strategy if seen[strategy] == 1 else f"{strategy}-{seen[strategy]}"
        if one.runs.traces(TraceKind.PROBABILITY):
            yield f"alphas-{name}", _alphas(one, footer, width)
        yield f"operations-{name}", _operations(one, footer, width)
        yield f"losses-{name}", _losses(one, footer, width)
        if block.known is not None and one.runs.traces(TraceKind.RANKED):
            yield f"ranking-{name}", _ranking(one, block.known, footer, width)


def matrix(lists: Ragged) -> NDArray[np.float64]:
    """Return runs of different lengths as one array (runs, longest), NaN after a run's end."""
    lengths = lists.lengths
    whole = np.full((len(lists), int(lengths.max(initial=0))), np.nan)
    for run in range(len(lists)):
        whole[run, : lengths[run]] = lists[run]
    return whole


def _alphas(one: "Contender", footer: str, width: float) -> Figure:
    """Draw every decision's probabilities over the epochs, one panel per decision."""
    decisions = get_categorical(one.experiment.task.space).decisions
    columns = 3
    rows = -(-len(decisions) // columns)
    with paper_style():
        figure = Figure(figsize=(width, 0.6 + 1.25 * rows))
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
        for axes, decision in zip(panels, decisions, strict=False):
            for choice, colour in zip(decision.choices, _PALETTE, strict=False):
                values = matrix(one.runs.trace(Trace.probability(decision.name, choice)))
                _draw_epochs(axes, choice, values, colour)
            axes.set_title(decision.name, fontsize=7)
            sns.despine(ax=axes)
        names = figure.axes[0].get_legend_handles_labels()
        _finish(figure, one, footer, "probability of each operation", *names)
    return figure


def _operations(one: "Contender", footer: str, width: float) -> Figure:
    """Draw how many operations of each kind the derived cell has, over the epochs."""
    space = get_categorical(one.experiment.task.space)
    kinds = {
        name: np.array(
            [[any(part in c for part in parts) for c in d.choices] for d in space.decisions]
        )
        for name, parts in _COUNTED.items()
    }
    cells = one.runs.architectures.indices
    codes = space.codes[cells.values].astype(np.intp)
    with paper_style():
        figure = Figure(figsize=(width, 0.5 * width))
        axes = figure.subplots()
        for (name, wanted), colour in zip(kinds.items(), _PALETTE, strict=False):
            counts = wanted[np.arange(codes.shape[1]), codes].sum(axis=1).astype(np.float64)
            _draw_epochs(axes, name, matrix(Ragged(counts, cells.offsets)), colour)
        axes.set_ylim(-0.1, len(space.decisions) + 0.1)
        sns.despine(ax=axes)
        names = axes.get_legend_handles_labels()
        _finish(figure, one, footer, "operations of the derived architecture", *names)
    return figure


def _losses(one: "Contender", footer: str, width: float) -> Figure:
    """Draw the training loss of the shared weights and the derived cell's validation loss."""
    with paper_style():
        figure = Figure(figsize=(width, 0.5 * width))
        axes = figure.subplots()
        there = one.runs.traces()
        for loss, colour in zip(_LOSSES, _PALETTE, strict=False):
            if loss in there:
                _draw_epochs(axes, loss.words[0], matrix(one.runs.trace(loss)), colour)
        log_axis(axes)
        sns.despine(ax=axes)
        _finish(figure, one, footer, "mean cross entropy (nats)", *axes.get_legend_handles_labels())
    return figure


def _draw_epochs(axes: "Axes", name: str, values: NDArray[np.float64], colour: str) -> None:
    """Draw one number per run and epoch, shape (runs, epochs), as a curve over the epochs."""
    epochs = np.arange(1, values.shape[1] + 1, dtype=np.float64)
    draw_line(axes, Line(name, band(epochs, values), colour, "-"))


def ranking(one: "Contender", known: "Known") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how well shared weights rank architectures: two arrays of shape (runs, epochs).

    The first is Kendall's tau, over a fixed sample of architectures, between the accuracy with the
    shared weights and the table's final validation accuracy. The second is how far, in points, the
    derived cell's accuracy with the shared weights lies below the table's. Both are NaN after a
    run's end.
    """
    dataset = one.experiment.task.query.dataset
    truth = known.valid[dataset]
    sample = sorted(int(trace.words[0]) for trace in one.runs.traces(TraceKind.RANKED))
    shared = np.stack([matrix(one.runs.trace(Trace.ranked(index))) for index in sample])
    there = np.isfinite(truth[sample])
    tau = np.full(shared.shape[1:], np.nan)
    for run, epoch in np.ndindex(*tau.shape):
        values = shared[there, run, epoch]
        if np.isfinite(values).all():
            tau[run, epoch] = kendalltau(values, truth[sample][there]).statistic
    gap = matrix(
        Ragged(
            truth[one.runs.architectures.indices.values] - one.runs.signal.values,
            one.runs.signal.offsets,
        )
    )
    return tau, gap


def _ranking(one: "Contender", known: "Known", footer: str, width: float) -> Figure:
    """Draw both arrays of `ranking`: Kendall's tau with the table, and points below the table."""
    with paper_style():
        figure = Figure(figsize=(width, 0.42 * width))
        panels = figure.subplots(1, 2)
        names = ("Kendall's tau with the table", "points below the table, derived architecture")
        for axes, values, name in zip(panels, ranking(one, known), names, strict=True):
            _draw_epochs(axes, name, values, _PALETTE[0])
            axes.set_title(name, fontsize=7)
            axes.axhline(0, color="0.6", linewidth=0.5)
            sns.despine(ax=axes)
        _finish(figure, one, footer, "", [], [])
    return figure


def _finish(
    figure: Figure,
    one: "Contender",
    footer: str,
    what: str,
    handles: "list[Artist]",
    names: list[str],
) -> None:
    """Add axis labels, a legend, the title and the lines below the figure."""
    about = f"mean and 95 % bootstrap interval over {len(one.runs)} runs"
    foot = foot_lines([about, footer], figure.get_figwidth())
    deep = 0.08 * (len(foot) - 1) - (0 if names else 0.2)
    height = figure.get_figheight() + deep
    figure.set_figheight(height)
    figure.subplots_adjust(left=0.1, right=0.98, top=1 - 0.38 / height,
                           bottom=(0.72 + deep) / height, hspace=0.4)  # fmt: skip
    figure.supxlabel("epochs of shared weights", y=(0.36 + deep) / height, fontsize=8)
    figure.supylabel(what, x=0.01, fontsize=8)
    if names:
        figure.legend(
            handles, names, loc="lower center", bbox_to_anchor=(0.5, (0.12 + deep) / height),
            ncols=len(names), frameon=False, handlelength=1.5, columnspacing=1.2,
        )  # fmt: skip
    figure.suptitle(
        f"{one.label} on {one.experiment.task.query.dataset}", x=0.1, ha="left", fontsize=9
    )
    figure.text(0.01, 0.03 / height, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
