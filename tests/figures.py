"""Figures for tests: drawn at once, without their PDFs, and measured."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from matplotlib.figure import Figure

from nasbench.harness.compare.figures import saving
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.picture import Picture


@contextmanager
def png_alone() -> Iterator[None]:
    """Draw every figure as ever and write its PNG; its PDF is there and holds a word.

    Fonts in PDFs take most of the time of a comparison. `test_tables.py` and `test_odd_input.py`
    see that PDFs are written, and what is in them.
    """

    def alone(figure: Figure, _dpi: float, *, png: bool) -> dict[str, bytes]:
        return {"pdf": b"a figure", **(saving.contents(figure, ("png",)) if png else {})}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "rendered", alone)
        yield


def drawn(
    pictures: Iterable[Picture], options: FigureOptions | None = None
) -> Iterator[tuple[str, Figure]]:
    """Yield the name of every picture, and its figure."""
    for picture in pictures:
        yield picture.name, picture.draw(options)
