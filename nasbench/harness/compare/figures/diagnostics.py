"""Figures of the course of one-shot searches: alphas, operations, losses, ranking.

They draw what every epoch stored, as means over the runs with 95 % bootstrap intervals. Only
`ranking` computes more: Kendall's tau, and the gap to the table.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.curves import band
from nasbench.harness.compare.figures.captions import about, caption
from nasbench.harness.compare.figures.colours import GROUPS, REFERENCE, operation_colour
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import Line, draw_lines, entries
from nasbench.harness.compare.figures.looks import DASHES, MARKERS
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import only
from nasbench.harness.compare.figures.style import blank, drawing
from nasbench.harness.compare.figures.words import Words
from nasbench.harness.results.ragged import Ragged
from nasbench.spaces import get_categorical
from nasbench.trace import TRAIN_LOSS, VALIDATION_LOSS, Trace, TraceKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.references import Known

_LOSSES = {TRAIN_LOSS: REFERENCE, VALIDATION_LOSS: "#0173b2"}
"""Losses and their colours."""
_COUNTED = {"skip connections": ("skip",), "convolutions": ("conv",), "pooling": ("pool",)}
"""Groups of operations that are counted together, and the parts of names that identify them."""
_PANEL = 1.7
"""Smallest width in inches of a panel of alphas."""
_WORDS = {
    "alphas": "probability of each operation for every decision",
    "operations": "number of operations of the derived architecture",
    "losses": "mean cross entropy (nats)",
    "ranking": "left: Kendall's tau of accuracies with the shared weights and in the table; right: "
    "points by which the derived architecture's accuracy with the shared weights is below that in "
    "the table",
}


_TITLES = {
    "alphas": "Probabilities of operations",
    "operations": "Operations of the derived architecture",
    "losses": "Losses",
    "ranking": "Ranking by shared weights",
}


def diagnostic_pictures(block: "Block") -> Iterator[Picture]:
    """Yield the figures of every one-shot contender that has finished runs."""
    seen: Counter[str] = Counter()
    for one in block.contenders:
        if not one.experiment.task.shared or not len(one.runs):
            continue
        own = only(block, [one])
        strategy = re.sub(r"[^\w.-]+", "-", one.experiment.strategy)
        seen[strategy] += 1  # rows of one strategy are numbered in their order
        name = strategy if seen[strategy] == 1 else f"{strategy}-{seen[strategy]}"
        if one.runs.traces(TraceKind.PROBABILITY):
            yield _picture("alphas", name, own, partial(_alphas, own))
        yield _picture("operations", name, own, partial(_operations, own))
        yield _picture("losses", name, own, partial(_losses, own))
        if block.known is not None and one.runs.traces(TraceKind.RANKED):
            yield _picture("ranking", name, own, partial(_ranking, own, block.known))


def _picture(
    kind: str, name: str, own: "Block", draw: Callable[[FigureOptions], Figure]
) -> Picture:
    """Return a figure of the block's only row."""
    one = own.contenders[0]
    said = caption([
        f"{_WORDS[kind]}, over the epochs of shared weights of {one.label} on "
        f"{own.title_of(one.experiment.task.query.dataset)}",
        _over(one), *about(own),
    ])  # fmt: skip
    return Picture(f"{kind}-{name}", kind, f"{_TITLES[kind]} of {one.label}", said, draw)


def _over(one: "Contender") -> str:
    return f"mean and 95 % bootstrap interval over {len(one.runs)} runs"


def _words(own: "Block", ylabel: str = "", axes: "Axes | None" = None) -> Words:
    """Return the words around a figure of the block's only row, with a legend of `axes`."""
    one = own.contenders[0]
    return Words(
        title=f"{one.label} on {own.title_of(one.experiment.task.query.dataset)}",
        aside=_over(one),
        footer="; ".join(about(own)),
        xlabel="epochs of shared weights",
        ylabel=ylabel,
        entries=() if axes is None else entries(axes),
    )


def matrix(lists: Ragged) -> NDArray[np.float64]:
    """Return runs of different lengths as one array (runs, longest), NaN after a run's end."""
    lengths = lists.lengths
    whole = np.full((len(lists), int(lengths.max(initial=0))), np.nan)
    for run in range(len(lists)):
        whole[run, : lengths[run]] = lists[run]
    return whole


def _alphas(own: "Block", options: FigureOptions) -> Figure:
    """Draw every decision's probabilities over the epochs, one panel per decision."""
    one = own.contenders[0]
    decisions = get_categorical(one.experiment.task.space).decisions
    columns = min(max(2, min(int(options.inches / _PANEL), 5)), len(decisions))
    rows = -(-len(decisions) // columns)
    with drawing(options):
        figure = blank(options)
        panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(decisions))
            axes.tick_params(labelbottom=place + columns >= len(decisions))
        for axes, decision in zip(panels, decisions, strict=False):
            drawn = [
                (choice, operation_colour(choice),
                 matrix(one.runs.trace(Trace.probability(decision.name, choice))))
                for choice in decision.choices
            ]  # fmt: skip
            axes.set_ylim(0, 1)
            _draw_epochs(axes, drawn)
            axes.set_title(decision.name)
        words = _words(own, "probability of each operation", figure.axes[0])
        lay_out(figure, options, words, min(0.85, 0.75 * options.inches / rows), whole="x")
    return figure


def _operations(own: "Block", options: FigureOptions) -> Figure:
    """Draw how many operations of each kind the derived cell has, over the epochs."""
    one = own.contenders[0]
    space = get_categorical(one.experiment.task.space)
    kinds = {
        name: np.array(
            [[any(part in c for part in parts) for c in d.choices] for d in space.decisions]
        )
        for name, parts in _COUNTED.items()
    }
    cells = one.runs.architectures.indices
    codes = space.codes[cells.values].astype(np.intp)
    drawn = []
    for name, wanted in kinds.items():
        counts = wanted[np.arange(codes.shape[1]), codes].sum(axis=1).astype(np.float64)
        drawn.append((name, GROUPS[name], matrix(Ragged(counts, cells.offsets))))
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        axes.set_ylim(-0.1, len(space.decisions) + 0.1)
        _draw_epochs(axes, drawn)
        words = _words(own, "operations of the derived architecture", axes)
        lay_out(figure, options, words, 0.33 * options.inches + 0.2, whole="xy")
    return figure


def _losses(own: "Block", options: FigureOptions) -> Figure:
    """Draw the training loss of the shared weights and the derived cell's validation loss."""
    one = own.contenders[0]
    there = one.runs.traces()
    drawn = [
        (loss.words[0], colour, matrix(one.runs.trace(loss)))
        for loss, colour in _LOSSES.items()
        if loss in there
    ]
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        axes.set_yscale("log")
        _draw_epochs(axes, drawn)
        words = _words(own, _WORDS["losses"], axes)
        lay_out(figure, options, words, 0.33 * options.inches + 0.2, whole="x")
    return figure


def _draw_epochs(axes: "Axes", drawn: Sequence[tuple[str, str, NDArray[np.float64]]]) -> None:
    """Draw curves over the epochs, each with its name, its colour and values (runs, epochs)."""
    lines = []
    for place, (name, colour, values) in enumerate(drawn):
        epochs = np.arange(1, values.shape[1] + 1, dtype=np.float64)
        look = DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)]
        lines.append(Line(name, band(epochs, values), colour, *look))
    last = max((line.curve.grid[-1] for line in lines if len(line.curve.grid)), default=1.0)
    axes.set_xlim(1, 1 + max(last - 1, 1) * 1.02)
    draw_lines(axes, lines)


def ranking(one: "Contender", known: "Known") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how well shared weights rank architectures: two arrays of shape (runs, epochs).

    The first is Kendall's tau, over a fixed sample of architectures, between the accuracy with the
    shared weights and the table's final validation accuracy. The second is how far, in points, the
    derived cell's accuracy with the shared weights lies below the table's. Both are NaN after a
    run's end.
    """
    from scipy.stats import kendalltau  # takes a second to load, which few comparisons need

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
    derived = known.space.positions(one.runs.architectures.indices.values)
    gap = matrix(Ragged(truth[derived] - one.runs.signal.values, one.runs.signal.offsets))
    return tau, gap


def _ranking(own: "Block", known: "Known", options: FigureOptions) -> Figure:
    """Draw both arrays of `ranking`: Kendall's tau with the table, and points below the table."""
    names = ("Kendall's tau with the table", "points below the table, derived architecture")
    with drawing(options):
        figure = blank(options)
        panels = figure.subplots(1, 2)
        both = ranking(own.contenders[0], known)
        for axes, values, name in zip(panels, both, names, strict=True):
            _draw_epochs(axes, [(name, "#0173b2", values)])
            axes.set_title(name)
            axes.axhline(0, color="0.6", linewidth=0.5)
        lay_out(figure, options, _words(own), 0.26 * options.inches + 0.2, whole="x")
    return figure
