"""The style and layout of all figures: widths, colours, axes of regrets, margins and legends."""

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any, BinaryIO

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from nasbench.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.compare.units import Units

WIDTH = 5.5
"""Default width in inches: text of a one-column paper; a column of a two-column paper has 3.3."""
STYLES = {"paper": WIDTH, "talk": 4.0}
WIDTHS = {
    "column": 3.3, "neurips": 5.5, "iclr": 5.5, "icml": 6.75, "icml-column": 3.25, "cvpr": 6.875,
    "cvpr-column": 3.25, "jmlr": 6.0,
}  # fmt: skip
"""Text and column widths of venues' style files, in inches."""
_LEAST, _MOST = 2.5, 20.0
_PIXELS = 1100
"""Width of a raster figure in pixels."""
CHARACTER = 0.054
"""Width in inches of a character of 7 points."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OTHERS = ("#029e73", "#cc78bc", "#ca9161", "#56b4e9", "#fbafe4")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.2)), (0, (3, 1, 1, 1)), (0, (1, 1)))


def figure_width(style: str = "paper", width: float | str | None = None) -> float:
    """Return the width of figures in inches, from a name of `WIDTHS` or a number.

    Without `width`, it is that of the style. Letters have one size in inches, so they are larger
    relative to a narrow figure: figures for a talk are narrow because they are shown enlarged.
    Raises `InvalidInput` for an unknown style or name, and for a number below 2.5 or above 20.
    """
    if style not in tuple(STYLES):
        raise InvalidInput(f"style '{style}' is unknown: valid are {', '.join(STYLES)}")
    if width is None:
        return STYLES[style]
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    try:
        inches = float(width)
    except (TypeError, ValueError):
        inches = math.nan
    if not _LEAST <= inches <= _MOST:
        raise InvalidInput(
            f"width '{width}' is unknown: write {_LEAST:g} to {_MOST:g} inches or one of "
            f"{', '.join(WIDTHS)}"
        )
    return inches


def save_figure(figure: Figure, form: str, file: BinaryIO) -> None:
    """Write a figure as `pdf`, `png` or `svg`, without a date: equal figures have equal bytes."""
    stamps: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}
    }  # fmt: skip
    with mpl.rc_context({"pdf.fonttype": 42, "svg.hashsalt": "nasbench"}):
        dpi = _PIXELS / figure.get_figwidth()
        figure.savefig(file, format=form, dpi=dpi, metadata=stamps[form])


@contextmanager
def paper_style() -> Iterator[None]:
    """Set the style of figures that are made within the `with` block."""
    small: dict[Any, Any] = {
        "font.size": 8, "axes.labelsize": 8, "axes.titlesize": 10, "legend.fontsize": 7,
        "xtick.labelsize": 7, "ytick.labelsize": 7, "axes.linewidth": 0.6,
        "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 3,
        "ytick.major.size": 3, "text.color": "0.1",
        "text.parse_math": False,  # a name with two dollar signs is not a formula
    }  # fmt: skip
    with mpl.rc_context(), sns.axes_style("ticks"):
        mpl.rcParams.update(small)
        yield


def looks(contenders: "Sequence[Contender]") -> list[tuple[str, Any]]:
    """Return the colour and dashes of every contender.

    The hue identifies the strategy; shade and dashes identify its settings. The hue is the one that
    is stored with the strategy's runs, or else it is derived from the strategy's name.
    """
    strategies = [one.experiment.strategy for one in contenders]
    own = {one.experiment.strategy: one.runs.colour for one in contenders}
    taken = {name: colour for name, colour in own.items() if _COLOUR.fullmatch(colour)}
    for name in sorted(set(strategies) - set(taken)):
        start = zlib.crc32(name.encode())
        options = [_OTHERS[(start + step) % len(_OTHERS)] for step in range(len(_OTHERS))]
        free = [colour for colour in options if colour not in taken.values()]
        taken[name] = (free or options)[0]
    found = []
    for place, name in enumerate(strategies):
        number, of = strategies[:place].count(name), strategies.count(name)
        shade = _shade(taken[name], number / (of - 1) if of > 1 else 0.5)
        found.append((shade, DASHES[number % len(DASHES)]))
    return found


def _shade(colour: str, place: float) -> str:
    """Return a shade of a colour: dark for `place` 0, the colour itself for 0.5, light for 1."""
    rgb = np.array(to_rgb(colour))
    towards, far = (0.0, 0.9 * (0.5 - place)) if place < 0.5 else (1.0, 0.9 * (place - 0.5))
    red, green, blue = (rgb + (towards - rgb) * far).tolist()
    return to_hex((red, green, blue))


def regret_scale(axes: "Axes", name: str, values: NDArray[np.float64], units: "Units") -> None:
    """Set a logarithmic scale for regrets on the axis `name`, which is `x` or `y`.

    Where some regrets are below `Units.least_regret`, the scale is linear from there down to 0.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return
    least, top = float(values.min()), float(values.max())
    linear = units.least_regret(top)
    across = name == "x"
    axis = axes.xaxis if across else axes.yaxis
    set_scale = axes.set_xscale if across else axes.set_yscale
    set_limits = axes.set_xlim if across else axes.set_ylim
    if least < linear:
        set_scale("symlog", linthresh=linear, linscale=0.5)
        set_limits(0, max(top * 1.15, 2 * linear))
    else:
        set_scale("log")
        set_limits(least * 0.85, top * 1.15)
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def log_axis(axes: "Axes") -> None:
    """Make the y axis logarithmic, with ticks at 1, 2 and 5 written as plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def left_margin(axes: "Axes") -> float:
    """Return the left margin in inches that the y axis' tick labels and its label need."""
    axis = axes.yaxis
    labels = axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))
    return max(0.54, 0.38 + CHARACTER * max(map(len, labels), default=0))


def legend_shape(labels: Sequence[str], width: float) -> tuple[int, int]:
    """Return numbers of columns and rows of a legend that fits into `width` inches."""
    widest = max(map(len, labels)) * CHARACTER + 0.45
    columns = max(1, int((width - 0.2) // widest))
    return columns, -(-len(labels) // columns)


def wrapped(label: str, width: float) -> str:
    """Return a row's label, broken into lines that fit into `width` inches at 7 points."""
    return "\n".join(wrap(label, max(12, int(width / CHARACTER)), break_long_words=False))


def foot_lines(parts: Sequence[str], width: float) -> list[str]:
    """Return the lines below a figure, broken so that they fit into `width` inches."""
    inch = 0.0385  # width of a character of 5 points
    return wrap("; ".join(parts), int(0.98 * width / inch))
