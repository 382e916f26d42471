"""Fonts within PDFs: figures share a part of a font, whose name depends on its letters alone.

Matplotlib embeds of a font what a figure needs, and divides the font anew for every figure, which
takes as long as drawing it. Here figures that need usual characters only embed the same part.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase, printable
from typing import Any, NamedTuple

from matplotlib.backends import _backend_pdf_ps as library
from matplotlib.backends.backend_pdf import PdfFile
from matplotlib.ft2font import FT2Font

FOLDER = Path(__file__).parent / "fonts"
_USUAL = f"{printable.strip()} ±×–—…−≤≥→"
"""Characters that every figure in our fonts embeds."""
_PREFIX, _DIVIDE, _WRITE = "_get_subset_prefix", "get_glyphs_subset", "font_as_file"
"""Names of matplotlib's own functions, which name, divide and write fonts."""


class Part(NamedTuple):
    """A part of a font."""

    font: bytes
    glyph_index_map: dict[int, int]
    """Glyphs of the part by glyphs of the font."""


@contextmanager
def shared_fonts() -> Iterator[None]:
    """Embed parts of fonts that figures share, in PDFs that are written within the `with` block.

    A version of matplotlib without the functions that are replaced embeds fonts in its own way.
    """
    with ExitStack() as stack:
        if _PREFIX in vars(PdfFile):
            stack.enter_context(_replaced(PdfFile, _PREFIX, staticmethod(_prefix)))
        if hasattr(library, "SubsetResults"):  # from matplotlib 3.11 on, glyphs have numbers
            stack.enter_context(_replaced(library, _DIVIDE, _kept))
            stack.enter_context(_replaced(library, _WRITE, _written))
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    usual = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, usual)


def _prefix(letters: Iterable[object]) -> str:
    """Return the name of a part of a font by the letters that it holds.

    Matplotlib 3.11 names parts of LaTeX's fonts by the address of an object, so that no two files
    are equal.
    """
    number = int(sha256(repr(sorted(map(str, letters))).encode()).hexdigest(), 16)
    return "".join(ascii_uppercase[number // 26**place % 26] for place in range(6)) + "+"


@contextmanager
def _kept(file: Any, glyphs: Iterable[int]) -> Iterator[Part]:
    """Yield a part of a font that has at least the glyphs."""
    yield _part(file, frozenset(glyphs) | _usual(file))


def _written(font: Any) -> BytesIO:
    """Return a part of a font as a file."""
    return BytesIO(font) if isinstance(font, bytes) else _WRITTEN(font)


@lru_cache(maxsize=16)
def _usual(file: Any) -> frozenset[int]:
    """Return the usual glyphs of one of our fonts; none of another, which may be large."""
    if Path(file).parent != FOLDER:
        return frozenset()
    font = FT2Font(str(file))
    return frozenset(filter(None, map(font.get_char_index, map(ord, _USUAL))))


@lru_cache(maxsize=32)
def _part(file: Any, glyphs: frozenset[int]) -> Part:
    with _DIVIDED(file, set(glyphs)) as found:
        return Part(_WRITTEN(found.font).getvalue(), dict(found.glyph_index_map))


_DIVIDED: Any = getattr(library, _DIVIDE, None)  # older versions have not both
_WRITTEN: Any = getattr(library, _WRITE, None)
