"""Figures of a block's test regret.

Curves are computed in `curves` and `references`. Figures are made without pyplot, so that drawing
leaves no state behind. Without the table, regrets are not known and no figure is drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nasbench.harness.compare.curves import Band, answers, band, common_grid, step_values
from nasbench.harness.compare.draws import Draws
from nasbench.harness.compare.figures.captions import CENTRES, about, caption
from nasbench.harness.compare.figures.colours import REFERENCE
from nasbench.harness.compare.figures.layout import lay_out
from nasbench.harness.compare.figures.lines import Line, draw_lines, entries, name_lines
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.style import blank, drawing, regret_scale
from nasbench.harness.compare.figures.words import Words
from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.search.budget import Stop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.units import Units

_ROUNDING = 1e-11
"""Rounding error of a regret of 0, relative to the best value."""
CLOCKS = ("seconds", "evaluations")
_AXIS = {
    "seconds": "simulated training time (s)",
    "evaluations": "evaluations",
}
_SHARED_AXIS = {
    "seconds": "training time of shared weights (s, real)",
    "evaluations": "epochs of shared weights",
}
_INTERVAL = 1.96
"""Standard errors on each side of a mean in its 95 % interval."""
_MARGIN = 1.03
"""How far the time axis goes beyond the last end of a search."""


def regret_pictures(
    block: "Block", *, centre: str = "mean", clock: str | None = None
) -> Iterator[Picture]:
    """Yield a figure of test regret for every data set.

    `centre` is `mean`, `median` or `iqm`, see `curves.band`. `clock` is the x axis: `seconds`,
    `evaluations`, or None for one figure over each. One-shot rows have figures of their own; with a
    calibration, a further figure shows all rows over seconds.
    """
    for part, one, name in by_clock(block, clock):
        yield from _on_one_clock(part, centre, one, name)
    parts = one_clock(block, "evaluations")
    if len(parts) > 1 and block.calibration is not None and clock != "evaluations":
        factor = block.calibration.factor  # of one place, where all one-shot rows trained
        scaled = [replace(one, scale=factor) for one in parts[1].contenders]
        both = only(block, [*parts[0].contenders, *scaled])
        for picture in _on_one_clock(both, centre, "seconds"):
            title = f"{picture.title}, all rows"
            yield replace(picture, name=f"{picture.name}-calibrated", title=title)


def by_clock(block: "Block", clock: str | None) -> "Iterator[tuple[Block, str, str]]":
    """Yield rows that share an axis, their clock, and the devices where they trained.

    `clock` is that of `regret_pictures`. Devices are named only if other rows trained elsewhere.
    """
    for one in block.task.clocks if clock is None else {clock} & set(block.task.clocks):
        parts = one_clock(block, one)
        for part in parts:  # two clocks never share an axis
            alike = [other for other in parts if other.task.shared == part.task.shared]
            yield part, one, ", ".join(part.contenders[0].devices(one)) if len(alike) > 1 else ""


def name_over(block: "Block", dataset: str, clock: str, at: str) -> str:
    """Return the end of the name of a figure over a clock; `at` names devices, or is empty."""
    return f"{dataset}-{'shared-' if block.task.shared else ''}{clock}{at and f'-{at}'}"


def _on_one_clock(block: "Block", centre: str, clock: str, at: str = "") -> Iterator[Picture]:
    """Yield the figures of contenders that have the same clock or were scaled to one.

    `at` names the devices where they trained, if other rows trained elsewhere.
    """
    if not _can_be_drawn(block):
        return

    @cache
    def lines() -> dict[str, list[Line]]:
        return dict(regret_lines(block, clock, centre=centre))

    for dataset in block.datasets:
        yield Picture(
            f"regret-{name_over(block, dataset, clock, at)}",
            "regret",
            f"{block.regrets} on {block.title_of(dataset)} over "
            f"{time_axis(block, clock)}{at and f' on {at}'}",
            _caption(block, dataset, centre, clock),
            partial(_draw, block, dataset, clock, centre, lines),
        )


def _can_be_drawn(block: "Block") -> bool:
    known = any(not np.isnan(block.best(dataset)) for dataset in block.datasets)
    return known and any(len(one.runs) for one in block.contenders)


def regret_lines(
    block: "Block", clock: str, *, centre: str = "mean"
) -> Iterator[tuple[str, list[Line]]]:
    """Yield every data set with its curves of test regret over a clock.

    With the centre `mean`, the curve of the expected random search is the last. The block's rows
    must share the clock, see `one_clock`. Yields nothing where no regret is known.
    """
    if not _can_be_drawn(block):
        return
    styles = looks(block.contenders)
    ends = [end_of(one, clock) for one in block.contenders]
    grid, positions = drawn_when(block, clock, max(ends))
    for dataset in block.datasets:
        best = block.best(dataset)
        lines = []
        rows = zip(block.contenders, positions, ends, styles, strict=True)
        for one, where, end, look in rows:
            if len(one.runs):
                regret = regret_of(best, step_values(where, one.scores("test", dataset)))
                curve = band(grid, regret, centre=centre).until(end)
                lines.append(Line(one.label, curve, *look))
        expected = _expected(block, dataset, clock, grid) if centre == "mean" else None
        if expected is not None:
            lines.append(Line(EXPECTED, expected, REFERENCE, (0, (2.5, 1.5)), ""))
        yield dataset, lines


def one_clock(block: "Block", clock: str) -> "list[Block]":
    """Return the block divided into rows that can share an axis of `seconds` or `evaluations`.

    Rows that evaluate on a benchmark come first, then one-shot rows. Real seconds of different
    devices share no axis. A block whose rows all can is returned whole.
    """
    found: dict[tuple[bool, tuple[str, ...]], list[Contender]] = {}
    for one in sorted(block.contenders, key=lambda one: one.experiment.task.shared):
        found.setdefault((one.experiment.task.shared, one.devices(clock)), []).append(one)
    return [only(block, some) for some in found.values()] if len(found) > 1 else [block]


def only(block: "Block", contenders: "Sequence[Contender]") -> "Block":
    """Return the block with only some contenders, and with the task of the first of them."""
    task = contenders[0].experiment.task
    return replace(block, contenders=tuple(contenders), task=task)


def regret_of(
    best: float | NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far scores are below the best one, or each its own; rounding errors become 0."""
    regret = best - scores
    return np.where(np.abs(regret) <= _ROUNDING * np.abs(best), 0.0, regret)


def end_of(one: "Contender", clock: str) -> float:
    """Return when a contender's last run ended; 0 without runs.

    A run that a limit of seconds ended lasted until that limit: the time of the evaluation that
    would have overshot it has passed.
    """
    spent = one.spent(clock)
    limit = one.experiment.task.budget.seconds
    if clock != "seconds" or limit is None or not len(one.runs):
        return spent
    stopped = Stop.SECONDS in one.runs.table["stop"].to_pylist()
    return max(spent, one.scale * limit) if stopped else spent


def drawn_when(
    block: "Block", clock: str, end: float
) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Return the times at which curves are drawn, and each run's incumbent at these times."""
    times = [one.when(clock) for one in block.contenders]
    limit = block.task.budget.seconds if clock == "seconds" else block.task.budget.evaluations
    end = end if limit is None else max(end, float(limit))
    if clock == "evaluations":
        grid = np.unique(np.round(np.geomspace(1, max(end, 1), 200)))
    else:
        grid = common_grid(np.concatenate([one.values for one in times]), end)
    return grid, [answers(one, grid) for one in times]


def _expected(block: "Block", dataset: str, clock: str, grid: NDArray[np.float64]) -> Band | None:
    """Return the expected regret of random search, None where it is not known.

    It is in closed form, or of drawn searches, with a 95 % interval.

    The curve begins where every simulated worker can afford one evaluation.
    """
    draws, budget = _draws(block), block.task.budget
    if draws is None or not draws.has_expectation:
        return None
    seconds = np.inf if budget.seconds is None else budget.seconds
    grid = grid[grid <= (seconds if clock == "seconds" else draws.most)]
    grid = grid[draws.affords(grid) if clock == "seconds" else grid >= 1]
    if not len(grid):
        return None
    n = draws.evaluations(grid) if clock == "seconds" else grid
    known, sets = block.known, block.known_sets
    if sets is not None:
        drawn = sets.expect("test", dataset, n)
        there = ~np.isnan(drawn.mean)
        centre, around = regret_of(block.best(dataset), drawn.mean), _INTERVAL * drawn.error
        return Band(*(one[there] for one in (grid, centre, centre - around, centre + around)))
    assert known is not None  # noqa: S101
    outcome = known.test[dataset]
    found = known.search.expect(outcome[draws.cells], n, replacement=draws.replacement)
    regret = float(np.nanmax(outcome)) - found.mean
    return Band(grid, regret, regret, regret)


def _draws(block: "Block") -> Draws | None:
    """Return what random search draws; None where the table is not known."""
    known = block.known or block.known_sets
    return None if known is None else known.draws


def _about_expected(block: "Block") -> str:
    """Return what the curve of the expected random search is; empty where there is none."""
    draws, sets = _draws(block), block.known_sets
    if draws is None or not draws.has_expectation:
        return ""
    if sets is None or all(sets.in_closed_form("test", name) for name in block.datasets):
        return "dashed black line: expected random search in closed form"
    return (
        f"dashed black line: expected random search, the mean over {sets.searches:,} searches "
        "drawn from the table with its 95 % interval"
    )


def _draw(
    block: "Block",
    dataset: str,
    clock: str,
    centre: str,
    lines: Callable[[], dict[str, list[Line]]],
    options: FigureOptions,
) -> Figure:
    drawn = lines()[dataset]
    with drawing(options):
        figure = blank(options)
        axes = figure.subplots()
        height = 0.36 * options.inches + 0.2
        _scale(axes, block.units, [line.curve for line in drawn])
        draw_lines(axes, drawn)
        named = name_lines(figure, axes, drawn, options, height)
        words = Words(
            title=block.title_of(dataset),
            aside=", ".join(CENTRES[centre]),
            footer="; ".join([*about(block), *about_clock(block, clock)]),
            xlabel=time_axis(block, clock),
            ylabel=block.regret,
            entries=() if named else entries(axes),
        )
        lay_out(figure, options, words, height)
    return figure


def _scale(axes: "Axes", units: "Units", curves: Sequence[Band]) -> None:
    """Set logarithmic axes: the clock on x, regrets on y (see `regret_scale`)."""
    scale_time(axes, curves)
    centres = np.concatenate([curve.centre for curve in curves])
    edges = np.concatenate([curve.low for curve in curves] + [centres])
    if not len(centres):
        return
    tops = np.concatenate([curve.high for curve in curves])
    highest = tops[np.isfinite(tops)].max(initial=edges.max())
    regret_scale(axes, "y", np.append(edges, highest), units)


def scale_time(axes: "Axes", curves: Sequence[Band]) -> None:
    """Set a logarithmic x axis from the first point of some curves to a little after their last."""
    axes.set_xscale("log")
    grids = [curve.grid for curve in curves if len(curve.grid)]
    if grids:
        start, end = min(one[0] for one in grids), max(one[-1] for one in grids)
        axes.set_xlim(start, end * max((end / start) ** 0.01, _MARGIN))


def time_axis(block: "Block", clock: str) -> str:
    """Return the label of the time axis."""
    return (_SHARED_AXIS if block.task.shared else _AXIS)[clock]


def about_clock(block: "Block", clock: str) -> list[str]:
    """Return what a reader must know of a clock."""
    if clock != "seconds":
        return []
    scaled = block.calibration is not None and any(one.scale != 1 for one in block.contenders)
    label = f"shared weights: {block.calibration.label}" if scaled and block.calibration else ""
    devices = sorted({name for one in block.contenders for name in one.devices(clock)})
    real = f"real seconds of {' and '.join(devices)}" if devices else ""
    return [part for part in (block.about_seconds, real, label) if part]


def _caption(block: "Block", dataset: str, centre: str, clock: str) -> str:
    line, around = CENTRES[centre]
    return caption([
        f"{block.regret} on {block.title_of(dataset)} over "
        f"{time_axis(block, clock)}; both axes "
        "are logarithmic",
        f"lines: {line} over the runs of a row, bands: {around}; a line ends with a mark where the "
        "row's last search ended",
        _about_expected(block) if centre == "mean" else "",
        block.about_measure, *about(block), *about_clock(block, clock),
    ])  # fmt: skip
