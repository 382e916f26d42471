"""Figures over several data sets: mean ranks with critical differences, performance profiles."""

from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from nasbench.harness.compare.across import profile
from nasbench.harness.compare.curves import Band
from nasbench.harness.compare.families import Family
from nasbench.harness.compare.figure_style import (
    CHARACTER,
    DASHES,
    WIDTH,
    foot_lines,
    legend_shape,
    looks,
    paper_style,
    wrapped,
)
from nasbench.harness.compare.plots import Line, draw_line

_ROW = 0.19
"""Height in inches of a strategy's row, which is scaled by the lines of the labels."""
_LABEL = 0.28
"""Largest share of the figure's width for labels."""
_THRESHOLDS = 200


def family_figures(family: Family, *, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield a figure of mean ranks and, where regrets are known, one of profiles, with names."""
    yield "critical-difference", _ranks(family, width)
    if all(one.regret for one in family.datasets):
        yield "profile", _profile(family, width)


def _ranks(family: Family, width: float) -> Figure:
    """Draw every strategy's mean rank with its interval, and a bar over each clique.

    A clique is a set of strategies whose mean ranks differ by less than the critical difference.
    """
    found = family.standings
    order = [int(row) for row in found.ranks.argsort(kind="stable")]
    names = [wrapped(label, _LABEL * width) for label in found.labels]
    colours = looks(family.contenders)
    lines = 0.4 + 0.6 * max(name.count("\n") + 1 for name in names)
    with paper_style():
        foot = foot_lines([family.footer, *family.notes], width)
        height = 0.9 + _ROW * (lines * len(order) + 0.6 * len(found.cliques)) + 0.08 * len(foot)
        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        for place, row in enumerate(order):
            (low, high), colour = found.rank_intervals[row], colours[row][0]
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6, alpha=0.5)
            axes.plot(found.ranks[row], place, "o", color=colour, markersize=4.5)
        for number, clique in enumerate(found.cliques):
            ends = found.ranks[list(clique)]
            level = len(order) - 0.35 + 0.6 * number
            axes.plot([ends.min(), ends.max()], [level, level], color="0.2", linewidth=2.5,
                      solid_capstyle="butt")  # fmt: skip
        axes.plot([1, min(1 + found.critical_difference, len(order))], [-0.8, -0.8], color="0.2",
                  linewidth=1)  # fmt: skip
        wide = f"{found.critical_difference:.2f}" if found.telling else "beyond all ranks"
        axes.text(1, -0.95, f"critical difference {wide}", fontsize=6, va="bottom",
                  color="0.2")  # fmt: skip
        axes.set_ylim(len(order) - 0.2 + 0.6 * len(found.cliques), -1.4)
        axes.set_yticks(range(len(order)), [names[row] for row in order])
        axes.set_xlim(0.9, len(order) + 0.1)
        axes.set_xticks(range(1, len(order) + 1))
        axes.set_xlabel(f"mean rank of test {family.metric.name}, 1 is best")
        axes.tick_params(axis="y", length=0)
        sns.despine(ax=axes, left=True)
        left = 0.15 + max(len(line) for name in names for line in name.split("\n")) * CHARACTER
        figure.subplots_adjust(left=left / width, right=1 - 0.12 / width,
                               top=1 - 0.05 / height,
                               bottom=(0.46 + 0.08 * len(foot)) / height)  # fmt: skip
        figure.text(0.01, 0.01, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
    return figure


def _profile(family: Family, width: float) -> Figure:
    """Draw each strategy's performance profile over normalised regret, see `across.profile`."""
    styles = looks(family.contenders)
    values = np.concatenate([np.concatenate(one.regret) for one in family.datasets])
    values = values[np.isfinite(values)]
    top = float(np.quantile(values, 0.99)) if len(values) else 0.0
    grid = np.linspace(0, max(top, 1e-3), _THRESHOLDS)
    with paper_style():
        foot = foot_lines([family.footer], width)
        columns, rows = legend_shape([one.label for one in family.contenders], width)
        below = 0.5 + 0.14 * rows + 0.08 * len(foot)
        height = 0.5 * width + below
        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        for row, (one, look) in enumerate(zip(family.contenders, styles, strict=True)):
            band = Band(grid, *profile(family.datasets, row, grid))
            draw_line(axes, Line(one.label, band, look[0], DASHES[row % len(DASHES)]))
        axes.set_xlim(0, grid[-1])
        axes.set_ylim(0, 1)
        axes.set_xlabel("normalised test regret: 0 is the best architecture, 1 the mean of all")
        axes.set_ylabel("share of runs at least as good")
        axes.set_title("mean over data sets, 95 % bootstrap intervals", loc="right", fontsize=6,
                       color="0.45")  # fmt: skip
        sns.despine(ax=axes)
        figure.subplots_adjust(left=0.54 / width, right=1 - 0.12 / width, top=1 - 0.2 / height,
                               bottom=below / height)  # fmt: skip
        figure.legend(loc="lower center", bbox_to_anchor=(0.5, 0.08 * (1 + len(foot)) / height),
                      ncols=columns, frameon=False, handlelength=2.2, labelspacing=0.25,
                      borderaxespad=0)  # fmt: skip
        figure.text(0.01, 0.01, "\n".join(foot), fontsize=5, color="0.45", va="bottom")
    return figure
