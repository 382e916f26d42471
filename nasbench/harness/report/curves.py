"""Interactive regret curves, drawn by Bokeh in the reader's browser.

Bokeh was chosen because it is well maintained, its one script of 1.3 MB can be written into the
page, it draws steps, and the page's own controls can switch its models.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.harness.compare.figures.lines import Line
from nasbench.harness.compare.figures.plots import one_clock, regret_lines
from nasbench.harness.compare.references import EXPECTED

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

POINTS = 120
"""Largest number of points of a curve in the page; what is stored is not thinned."""
GREY = "#7f7f7f"
"""Colour of axes and letters, readable on white and on black."""
_TRUE = "true_"
"""Prefix of columns with true values, where a logarithmic axis can only show clipped ones."""
CLOCKS = {"seconds": "seconds of the clock", "evaluations": "evaluations"}
_SHARED = {"seconds": "seconds of shared training", "evaluations": "epochs of shared weights"}


def groups(block: "Block") -> "Iterator[tuple[str, Block]]":
    """Yield the parts of a block that have figures of their own, each after its suffix in names.

    The suffix of one-shot rows begins with `-shared`. Where real seconds are of several devices,
    each has a part, numbered from the second one on.
    """
    numbers: Counter[str] = Counter()
    for part in one_clock(block, "seconds"):
        kind = "-shared" if part.task.shared else ""
        numbers[kind] += 1
        yield kind + (f"-{numbers[kind]}" if numbers[kind] > 1 else ""), part


def block_figures(block: "Block", number: int) -> dict[str, Any]:
    """Return Bokeh figures by name: data set, clock and the suffix of their group, see `groups`."""
    found = {}
    for suffix, part in groups(block):
        shared = part.task.shared
        for clock in part.task.clocks:
            for dataset, lines in regret_lines(part, clock):
                drawn = [line for line in lines if np.isfinite(line.curve.centre).any()]
                if not drawn:
                    continue
                tops = [float(np.nanmax(line.curve.high, initial=0.0)) for line in drawn]
                least = block.units.least_regret(max(top for top in tops if np.isfinite(top)))
                sources = [_source(line, least) for line in drawn]
                label = (_SHARED if shared else CLOCKS)[clock]
                name = f"b{number}-{dataset}-{clock}{suffix}"
                found[name] = _figure(name, drawn, sources, label, block)
    return found


def _source(line: Line, least: float) -> Any:
    from bokeh.models import ColumnDataSource

    keep = np.unique(np.linspace(0, len(line.curve.grid) - 1, POINTS).round().astype(np.int64))
    columns = {"x": line.curve.grid, "y": line.curve.centre, "low": line.curve.low,
               "high": line.curve.high}  # fmt: skip
    clipped = float(line.curve.low[keep].min()) < least
    data: dict[str, Any] = {}
    for name, values in columns.items():
        shown = values[keep] if name == "x" else np.maximum(values[keep], least)
        data[name] = shown.astype(np.float32)
        if clipped:  # else the drawn values are the true ones
            data[f"{_TRUE}{name}"] = values[keep].astype(np.float32)
    return ColumnDataSource(data)


def _figure(
    name: str,
    lines: Sequence[Line],
    sources: Sequence[Any],
    label: str,
    block: "Block",
) -> Any:
    """Return a figure with logarithmic scales, and what the page needs for linear ones.

    Below and on the left it has a logarithmic axis and a hidden linear one. Its tags are both
    scales, and the ends of the range of regrets on a logarithmic and on a linear scale.
    """
    from bokeh.models import HoverTool, LinearScale, LogScale

    x = np.concatenate([source.data["x"] for source in sources])
    low, high = (
        values[np.isfinite(values)]
        for values in (
            np.concatenate([source.data[end] for source in sources]) for end in ("low", "high")
        )
    )
    across = float(x.min()), float(x.max())
    up = float(low.min()) * 0.85, float(high.max()) * 1.15
    made = empty_figure(
        name, across, up, x_axis_type="log", y_axis_type="log",
        tags=[LogScale(), LinearScale(), *up, 0.0, 1.05 / 1.15 * up[1]],
    )  # fmt: skip
    form = f"0.{'0' * (block.units.digits + 1)}"
    for line, source in zip(lines, sources, strict=True):
        colour = GREY if line.label == EXPECTED else line.colour  # black is invisible on black
        true = _TRUE if f"{_TRUE}y" in source.data else ""
        made.varea_step(
            "x", "low", "high", source=source, step_mode="after",
            fill_color=colour, fill_alpha=0.15, name=line.label,
        )  # fmt: skip
        steps = made.step(
            "x", "y", source=source, mode="after", line_color=colour, line_width=2,
            line_dash=bokeh_dash(line.dashes), name=line.label,
        )  # fmt: skip
        hover = HoverTool(
            renderers=[steps], mode="mouse",
            tooltips=[
                (line.label, f"@{true}y{{{form}}} [@{true}low{{{form}}}, @{true}high{{{form}}}]"),
                (label, "@x{0,0.[00]}"),
            ],
        )  # fmt: skip
        made.add_tools(hover)
    _add_axes(made, label, block, across, up)
    return made


def empty_figure(
    name: str, across: tuple[float, float], up: tuple[float, float], **more: Any
) -> Any:
    """Return a hidden figure with ranges, since a hidden one cannot find its own.

    `across` and `up` are the ends of its axes, `more` are Bokeh's options of a figure.
    """
    from bokeh.models import Range1d
    from bokeh.plotting import figure

    made = figure(
        x_range=Range1d(start=across[0], end=across[1]),
        y_range=Range1d(start=up[0], end=up[1]),
        name=name, height=380, sizing_mode="stretch_width", toolbar_location="right",
        tools="pan,box_zoom,wheel_zoom,reset,save", output_backend="canvas",
        background_fill_alpha=0, border_fill_alpha=0, outline_line_color=None, visible=False,
        **more,
    )  # fmt: skip
    made.toolbar.update(logo=None, autohide=True)
    return made


def _add_axes(
    made: Any, label: str, block: "Block", across: tuple[float, float], up: tuple[float, float]
) -> None:
    """Complete a figure's logarithmic axes, whose ends are given, and add hidden linear ones."""
    from bokeh.models import FixedTicker, Grid, LinearAxis, NumeralTickFormatter

    sides = (
        ("below", made.xaxis[0], label, across, "0,0.[00]"),
        ("left", made.yaxis[0], block.regret, up, f"0.[{'0' * (block.units.digits + 1)}]"),
    )
    for side, log, text, ends, form in sides:
        log.update(ticker=FixedTicker(ticks=_ticks(*ends)))
        linear = LinearAxis(visible=False)
        made.add_layout(linear, side)
        made.add_layout(Grid(dimension=0 if side == "below" else 1, axis=linear, visible=False))
        for axis in (log, linear):
            axis.formatter = NumeralTickFormatter(format=form)
            _label(axis, text)
    _pale_grid(made)


def add_axes(made: Any, across: str, up: str, log: tuple[float, float] | None) -> None:
    """Label a figure's axes; `log` are the ends of its x axis if that is logarithmic."""
    from bokeh.models import FixedTicker, NumeralTickFormatter

    if log is not None:
        form = NumeralTickFormatter(format="0,0.[0000]")
        made.xaxis[0].update(ticker=FixedTicker(ticks=_ticks(*log)), formatter=form)
    _label(made.xaxis[0], across)
    _label(made.yaxis[0], up)
    _pale_grid(made)


def _label(axis: Any, text: str) -> None:
    """Write the label of an axis, and make the axis readable on white and on black."""
    axis.axis_label = text
    axis.axis_label_text_color = axis.major_label_text_color = GREY
    axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = GREY
    axis.axis_label_text_font_style = "normal"


def _pale_grid(made: Any) -> None:
    for grid in (*made.xgrid, *made.ygrid):
        grid.grid_line_color, grid.grid_line_alpha = GREY, 0.2


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two numbers."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    every = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return [tick for tick in every if low <= tick <= high]


def bokeh_dash(dashes: Any) -> Any:
    """Return Bokeh's form of matplotlib's dashes."""
    if isinstance(dashes, str):
        return "solid"
    return [max(1, round(3 * length)) for length in dashes[1]]
