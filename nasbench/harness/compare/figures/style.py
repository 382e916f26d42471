"""The style of all figures: fonts, sizes of letters, and scales of regrets."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.harness.compare.figures.options import FigureOptions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nasbench.harness.compare.units import Units

DPI = 200
"""Dots per inch at which texts are measured."""
TITLE, LABEL, TICK, SMALL, FOOT = 9.0, 8.0, 7.0, 6.0, 5.0
"""Sizes of letters in points."""
PALE = "0.45"
"""Colour of words that say how to read a figure."""
_FAMILIES = {"sans": "Nasbench Sans", "serif": "Nasbench Serif", "tex": "Nasbench Serif"}
_FALLBACK = "DejaVu Sans"
"""Font of characters that ours do not have; it comes with matplotlib."""
_FINDS = "_find_fonts_by_props"
"""Name of the method of matplotlib that finds the files of a font."""
_TICKS: dict[Any, Any] = {
    "lines.solid_capstyle": "round", "patch.edgecolor": "w", "patch.force_edgecolor": True,
}  # fmt: skip
"""seaborn's style `ticks` where it is not matplotlib's default, nor replaced by `_STYLE`.

seaborn itself is not loaded, since that takes longer than drawing a figure."""
_STYLE: dict[Any, Any] = {
    "font.size": LABEL, "axes.labelsize": LABEL, "axes.titlesize": TICK, "legend.fontsize": TICK,
    "xtick.labelsize": TICK, "ytick.labelsize": TICK, "axes.linewidth": 0.6, "axes.titlepad": 3,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 3,
    "ytick.major.size": 3, "xtick.major.pad": 2.5, "ytick.major.pad": 2.5, "axes.labelpad": 3,
    "text.color": "0.1", "axes.labelcolor": "0.1", "xtick.color": "0.15", "ytick.color": "0.15",
    "axes.edgecolor": "0.15", "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "legend.frameon": False,
    "text.parse_math": False,  # a name with two dollar signs is not a formula
}  # fmt: skip


@contextmanager
def drawing(options: FigureOptions) -> Iterator[None]:
    """Set the style of figures that are made within the `with` block."""
    register_fonts()
    with mpl.rc_context(), unseen_glyphs(), fonts_found_once():
        mpl.rcdefaults()
        family = [_FAMILIES[options.font], _FALLBACK]
        mpl.rcParams.update({**_TICKS, **_STYLE, "font.family": family})
        mpl.rcParams["text.hinting"] = "none"
        yield


@cache
def register_fonts() -> None:
    """Make our fonts known to matplotlib, in this process alone."""
    folder = resources.files("nasbench.harness.compare.figures") / "fonts"
    for name in ("NasbenchSans-Regular.ttf", "NasbenchSerif-Regular.ttf"):
        with resources.as_file(folder / name) as path:
            fontManager.addfont(path)


def blank(options: FigureOptions) -> Figure:
    """Return a figure of the wanted width; its height is found when it is laid out."""
    return Figure(figsize=(options.inches, 4.0), dpi=DPI)


@contextmanager
def latex_errors() -> Iterator[None]:
    """Turn what matplotlib says of a LaTeX that fails into one line."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        if "latex" not in str(error).lower():
            raise
        reason = next((one for one in str(error).splitlines() if one.startswith("!")), "")
        raise InvalidInput(
            f"LaTeX cannot typeset a figure{f' ({reason})' if reason else ''}: install "
            "texlive-latex-extra, cm-super and dvipng, or choose font sans or serif and no pgf"
        ) from error


@contextmanager
def fonts_found_once() -> Iterator[None]:
    """Look for the files of a font once per style and size, not for every text.

    A version of matplotlib that looks for them elsewhere looks for them every time.
    """
    usual: Any = getattr(fontManager, _FINDS, None)
    if usual is None or _FINDS in vars(fontManager):  # or within another `with` block
        yield
        return

    @cache
    def find(properties: FontProperties, **more: Any) -> Any:
        return usual(properties, **more)

    setattr(fontManager, _FINDS, find)
    try:
        yield
    finally:
        delattr(fontManager, _FINDS)


@contextmanager
def unseen_glyphs() -> Iterator[None]:
    """Leave out the warning that a font lacks a character, which is then drawn as a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


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
    set_scale = axes.set_xscale if across else axes.set_yscale
    set_limits = axes.set_xlim if across else axes.set_ylim
    if least < linear:
        set_scale("symlog", linthresh=linear, linscale=0.5)
        set_limits(0, max(top * 1.15, 2 * linear))
    else:
        set_scale("log")
        set_limits(least * 0.85, top * 1.15)
