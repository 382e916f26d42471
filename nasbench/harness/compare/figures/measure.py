"""How wide texts are, by the fonts they are drawn with, and texts broken into lines by that."""

from functools import lru_cache

import matplotlib as mpl
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from nasbench.harness.compare.figures.style import DPI

_TRIED = (1.02, 1.08, 1.15, 1.25, 1.4, 1.6)
"""Widths of lines that are tried, as multiples of what equal lines would have."""
LINE = 1.18 / 72
"""Height of a line in inches, per point of its letters."""


@lru_cache(maxsize=1)
def renderer() -> RendererAgg:
    """Return what measures: a renderer of no picture, at `DPI`."""
    return RendererAgg(8, 8, DPI)  # type: ignore[no-untyped-call]


def width_of(text: str, size: float) -> float:
    """Return the width of a line in inches, in the font of the style that is set."""
    return _width(text, size, tuple(mpl.rcParams["font.family"]))


@lru_cache(maxsize=20_000)
def _width(text: str, size: float, family: tuple[str, ...]) -> float:
    properties = FontProperties(family=list(family), size=size)
    measured = renderer().get_text_width_height_descent
    wide, _, _ = measured(text, properties, ismath=False)  # type: ignore[no-untyped-call]
    return float(wide) / DPI


def broken(text: str, inches: float, size: float) -> str:
    """Return a text with line breaks, so that no line is wider than `inches`.

    Lines are broken at spaces and after hyphens, commas, slashes and the like; where a word alone
    is too wide, anywhere in it.
    """
    lines, line, used = [], "", 0.0
    for word in _words(text):
        if used + width_of(word.rstrip(), size) <= inches:
            line += word
            used += _with_spaces(word, size)
            continue
        if line:
            lines.append(line.rstrip())
        line = word
        while width_of(line.rstrip(), size) > inches and len(line) > 1:
            cut = _fitting(line, inches, size)
            lines.append(line[:cut])
            line = line[cut:]
        used = _with_spaces(line, size)
    return "\n".join([*lines, line.rstrip()])


def _with_spaces(word: str, size: float) -> float:
    """Return the width of a word and of the spaces after it.

    Lines are as wide as their words together, up to the kerning between them. A letter takes as
    long to measure in a word as in a line, so words are measured, and each once.
    """
    letters = word.rstrip()
    return width_of(letters, size) + (len(word) - len(letters)) * _space(size)


def _space(size: float) -> float:
    """Return the width of a space between words."""
    return width_of("n n", size) - 2 * width_of("n", size)


def balanced(text: str, inches: float, size: float) -> str:
    """Return `broken` with as few lines, but of about equal width."""
    lines = broken(text, inches, size)
    number = lines.count("\n") + 1
    if number == 1:
        return lines
    width = width_of(text, size)
    for share in _TRIED:
        tried = broken(text, min(inches, share * width / number), size)
        if tried.count("\n") + 1 == number:
            return tried
    return lines


def _words(text: str) -> list[str]:
    """Return the parts of a text between which a line may be broken; joined, they are the text."""
    found = [""]
    for place, character in enumerate(text):
        found[-1] += character
        following = text[place + 1 : place + 2]
        if (character == " " and following != " ") or (
            character in "-_/:,;+=" and following.isalnum()
        ):
            found.append("")
    return [word for word in found if word]


def _fitting(word: str, inches: float, size: float) -> int:
    """Return how many characters of a word fit into a line, at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(word[:middle], size) <= inches:
            low = middle
        else:
            high = middle - 1
    return low
