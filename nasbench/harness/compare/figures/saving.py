"""Files of figures: here, and nowhere else, a figure becomes bytes.

Equal figures have equal bytes. A PDF and a PNG of one figure are rendered together, see `both`.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import matplotlib as mpl
from matplotlib.figure import Figure

from nasbench.harness.compare.figures.both import rendered
from nasbench.harness.compare.figures.embedded import shared_fonts
from nasbench.harness.compare.figures.style import fonts_found_once, latex_errors, unseen_glyphs
from nasbench.harness.compare.figures.tex import is_tex

_PIXELS = 1100
"""Width of a raster figure in pixels."""
_PREAMBLE = r"\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage{textcomp}"
_STAMPS: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def contents(figure: Figure, forms: Sequence[str]) -> dict[str, bytes]:
    """Return the file of a figure in each of some of `options.FORMATS`, without `pgf`.

    Raises `InvalidInput` where LaTeX cannot write it.
    """
    made: dict[str, bytes] = {}
    with _saving(figure):
        if "pdf" in forms and not is_tex(figure):
            made = rendered(figure, _dpi(figure), png="png" in forms)
        for form in (one for one in forms if one not in made):
            file = io.BytesIO()
            _save(figure, form, file)
            made[form] = file.getvalue()
    return {form: made[form] for form in forms}


def save_figure(figure: Figure, form: str, file: BinaryIO) -> None:
    """Write a figure in one of `options.FORMATS`, without `pgf`; raises as `contents` does."""
    file.write(contents(figure, (form,))[form])


def save_pgf(figure: Figure, name: str) -> list[tuple[str, bytes]]:
    """Return the name and content of every file of a figure as PGF: the figure, then its rasters.

    The figure must have been drawn with the font `tex`: a document sets its letters. A raster is
    where thousands of points are drawn. `name` has no suffix.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.pgf"
        with path.open("wb") as file, _saving(figure):
            _save(figure, "pgf", file)
        rasters = sorted(one for one in Path(folder).iterdir() if one != path)
        return [(one.name, one.read_bytes()) for one in (path, *rasters)]


def _save(figure: Figure, form: str, file: BinaryIO) -> None:
    given: dict[str, Any] = {"metadata": _STAMPS[form]} if form in _STAMPS else {}
    figure.savefig(file, format=form, dpi=_dpi(figure), **given)


def _dpi(figure: Figure) -> float:
    """Return the dots per inch of what is saved as pixels."""
    return float(_PIXELS / figure.get_figwidth())


@contextmanager
def _saving(figure: Figure) -> Iterator[None]:
    """Set matplotlib's settings for files of a figure that are written within the `with` block."""
    settings: dict[Any, Any] = {
        "pdf.fonttype": 42, "svg.hashsalt": "nasbench", "text.hinting": "none",
        "pgf.texsystem": "pdflatex", "pgf.rcfonts": False, "pgf.preamble": _PREAMBLE,
    }  # fmt: skip
    if is_tex(figure):
        settings["font.family"] = "serif"  # LaTeX's own
    with (
        mpl.rc_context(settings),
        unseen_glyphs(),
        latex_errors(),
        shared_fonts(),
        fonts_found_once(),
    ):
        yield
