r"""Figures whose texts LaTeX typesets: what a name may hold is escaped here, and nowhere else.

Texts of figures are plain until a figure is laid out. Then every text and tick label is
escaped, so that `_`, `%` or `\` in a name are letters of the name.
"""

import unicodedata

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, NullFormatter

from nasbench.harness.compare.tables.latex_text import escape_latex

_SIGNS = {
    "−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "…": r"\ldots{}", "—": "---",
    "→": r"$\rightarrow$", "←": r"$\leftarrow$", "≈": r"$\approx$", "≠": r"$\neq$", "·": r"$\cdot$",
    "“": "``", "”": "''", "‘": "`", "’": "'", "µ": r"$\mu$", "°": r"$^\circ$",
}  # fmt: skip
_GREEK = {
    unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}"): f"$\\{name}$"
    for name in (
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
        "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
    )
}  # fmt: skip
_LAST = 0x17F
"""Last character that LaTeX's Latin fonts have: the end of Latin Extended-A."""
_TEX = "nasbench-tex"
"""Mark of a text that is escaped already."""


def tex(text: str) -> str:
    r"""Return a text as LaTeX that gives the same letters; line breaks stay.

    Characters that LaTeX's Latin fonts lack are written by their numbers.

    >>> tex("a_b, 5 %")
    'a\\_b, 5 \\%'
    """
    return "\n".join("".join(map(_one, line)) for line in text.split("\n"))


def _one(character: str) -> str:
    known = _SIGNS.get(character) or _GREEK.get(character)
    if known is not None:
        return known
    escaped = escape_latex(character)
    if escaped != character or ord(character) <= _LAST:
        return escaped
    return f"U+{ord(character):04X}"


def typeset(figure: Figure) -> None:
    """Escape every text of a figure, once, and have LaTeX typeset it."""
    for text in _texts(figure):
        text.set_text(tex(text.get_text()))
        text.set_usetex(True)
    for axis in _axes(figure):
        axis.set_major_formatter(FixedFormatter([tex(one) for one in _labels(axis)]))
        for tick in axis.get_major_ticks():
            tick.label1.set_usetex(True)
            tick.label2.set_usetex(True)
    figure.set_gid(_TEX)


def is_tex(figure: Figure) -> bool:
    """Return whether `typeset` was called for a figure."""
    return figure.get_gid() == _TEX


def _axes(figure: Figure) -> list[Axis]:
    """Return the axes that show tick labels, each once: panels may share ticks."""
    found: dict[int, Axis] = {}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not isinstance(axis.get_major_formatter(), NullFormatter):
                found.setdefault(id(axis.major), axis)
    return list(found.values())


def _labels(axis: Axis) -> list[str]:
    """Return the tick labels as texts."""
    return list(axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs())))


def _texts(figure: Figure) -> list[Text]:
    """Return all texts of a figure but its tick labels."""
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.majorTicks, *axis.minorTicks)
        for label in (tick.label1, tick.label2)
    }
    return [one for one in figure.findobj(Text) if id(one) not in ticks and one.get_text()]
