"""Figures for tests: drawn at once, without their PDFs, and measured."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest
from matplotlib.figure import Figure

from nasbench.harness.compare.figures import style as figure_style
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture


@contextmanager
def png_alone() -> Iterator[None]:
    """Draw every figure as ever and write its PNG; its PDF is there and holds a word.

    Fonts in PDFs take most of the time of a comparison. `test_tables.py` and `test_odd_input.py`
    see that PDFs are written, and what is in them.
    """
    whole = figure_style.save_figure

    def save(figure: Figure, form: str, file: BinaryIO) -> None:
        if form == "pdf":
            file.write(b"a figure")
        else:
            whole(figure, form, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_style, "save_figure", save)
        yield


def drawn(
    pictures: Iterable[Picture], options: FigureOptions | None = None
) -> Iterator[tuple[str, Figure]]:
    """Yield the name of every picture, and its figure."""
    for picture in pictures:
        yield picture.name, picture.draw(options)
