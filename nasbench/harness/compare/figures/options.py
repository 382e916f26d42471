"""What a user may choose about figures: size, fonts, words, file formats and kinds."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nasbench.arguments import require_names, require_type
from nasbench.errors import InvalidInput

WIDTH = 5.5
"""Default width in inches: text of a one-column paper; a column of a two-column paper has 3.3."""
STYLES = {"paper": WIDTH, "talk": 4.0}
WIDTHS = {
    "column": 3.3, "neurips": 5.5, "iclr": 5.5, "icml": 6.75, "icml-column": 3.25, "cvpr": 6.875,
    "cvpr-column": 3.25, "jmlr": 6.0,
}  # fmt: skip
"""Text and column widths of venues' style files, in inches."""
KINDS = (
    "regret", "distribution", "landscape", "critical-difference", "profile", "front", "limit",
    "sets",
    "pareto", "alphas", "operations", "losses", "ranking",
)  # fmt: skip
FORMATS = ("pdf", "png", "svg", "pgf")
FONTS = ("sans", "serif", "tex")
NONE = "none"
"""What a user writes for no kind of figure at all."""
_LEAST, _MOST = 2.5, 20.0
_PROGRAMS = {"pgf": ("pdflatex", "latex"), "tex": ("latex", "dvipng")}
_PACKAGES = "on Debian and Ubuntu apt install texlive-latex-extra cm-super dvipng"


@dataclass(frozen=True)
class FigureOptions:
    """How figures are drawn and written.

    Names may be given as a text with commas or as a sequence. Raises `InvalidInput` for unknown
    names, and for formats and fonts that need LaTeX where it is not installed.
    """

    style: str = "paper"
    """`paper` or `talk`: the width where none is given."""
    width: float | str | None = None
    """Inches, or a name of `WIDTHS`."""
    title: bool = True
    """Whether a figure says what it shows, above the axes."""
    footer: bool = True
    """Whether protocol, table, number of runs and version stand below a figure."""
    font: str = "sans"
    """`sans`, `serif`, or `tex` for LaTeX's own."""
    formats: Sequence[str] = ("pdf", "png")
    kinds: Sequence[str] = KINDS

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for what cannot be used."""
        figure_width(self.style, self.width)
        for name in ("title", "footer"):
            require_type(name, getattr(self, name), bool, "True or False")
        if self.font not in FONTS:
            raise InvalidInput(f"font '{self.font}' is unknown: valid are {', '.join(FONTS)}")
        formats = _chosen("figure format", self.formats, FORMATS)
        if not formats:
            raise InvalidInput(f"no figure format is given: valid are {', '.join(FORMATS)}")
        object.__setattr__(self, "formats", formats)
        object.__setattr__(self, "kinds", chosen_kinds(self.kinds))
        for use, what in ((self.font, "font"), *((one, "figure format") for one in formats)):
            missing = [name for name in _PROGRAMS.get(use, ()) if shutil.which(name) is None]
            if missing:
                raise InvalidInput(
                    f"{what} '{use}' needs LaTeX, but {' and '.join(missing)} is not found: "
                    f"install it ({_PACKAGES}) or choose another {what}"
                )

    @property
    def inches(self) -> float:
        """The width of a figure in inches."""
        return figure_width(self.style, self.width)


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


def chosen_kinds(value: Any) -> tuple[str, ...]:
    """Return kinds of figures in the order of `KINDS`; raises `InvalidInput` for unknown ones."""
    return () if value == NONE else _chosen("kind of figure", value, KINDS)


def _chosen(what: str, value: Any, valid: Sequence[str]) -> tuple[str, ...]:
    """Return the names in `value`, in the order of the valid ones; raises `InvalidInput`."""
    names = require_names(what, value)
    for name in names:
        if name not in valid:
            also = f", or {NONE}" if valid is KINDS else ""
            raise InvalidInput(f"{what} '{name}' is unknown: valid are {', '.join(valid)}{also}")
    return tuple(name for name in valid if name in names)
