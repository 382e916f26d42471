"""How the rows of a comparison look: colours, dashes and markers, the same in all figures."""

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np

from nasbench.harness.compare.appearance import LineStyle
from nasbench.harness.compare.figures.colours import REFERENCE, distances, farthest

if TYPE_CHECKING:
    from nasbench.harness.compare.contender import Contender

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OTHERS = ("#029e73", "#cc78bc", "#ca9161", "#56b4e9")
DASHES: tuple[Any, ...] = (
    "solid", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (9, 1.5)), (0, (4, 1, 1, 1, 1, 1)),
)  # fmt: skip
LINES = dict(zip(get_args(LineStyle), DASHES, strict=False))
"""Dashes by the names that a style file gives them."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SHADES = 5
"""Largest number of rows of one strategy that are told apart by shades of its colour."""
_APART = 0.1
"""Distance in OKLab that a colour of `_OTHERS` has from all others, or it is not taken."""


class Look(NamedTuple):
    """How a row is drawn, also told apart without colours."""

    colour: str
    dashes: Any
    marker: str


def looks(contenders: "Sequence[Contender]") -> list[Look]:
    """Return how every contender looks.

    The colour identifies the strategy, and shades of it its settings, if these are not many. The
    colour is the one that is stored with the strategy's runs, or else it is derived from the
    strategy's name and what is taken. Dashes and markers follow from the place among the rows: no
    two of 42 rows have both in common. A colour and a line that a user chose go before all this.
    """
    strategies = [one.experiment.strategy for one in contenders]
    own = {one.experiment.strategy: one.runs.colour for one in contenders}
    taken = {name: colour for name, colour in own.items() if _COLOUR.fullmatch(colour)}
    for name in sorted(set(strategies) - set(taken)):
        start = zlib.crc32(name.encode())
        options = [_OTHERS[(start + step) % len(_OTHERS)] for step in range(len(_OTHERS))]
        others = [*taken.values(), REFERENCE]
        free = [one for one in options if distances([one], others).min() >= _APART]
        taken[name] = free[0] if free else farthest(others)
    found, used = [], [*taken.values(), REFERENCE]
    for place, name in enumerate(strategies):
        number, of = strategies[:place].count(name), strategies.count(name)
        if of <= _SHADES:
            colour = _shade(taken[name], number / (of - 1) if of > 1 else 0.5)
        else:
            colour = taken[name] if number == 0 else farthest(used)
            used.append(colour)
        found.append(Look(colour, DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)]))
    return [
        Look(one.colour or usual.colour, LINES.get(one.line, usual.dashes), usual.marker)
        for one, usual in zip(contenders, found, strict=True)
    ]


def _shade(colour: str, place: float) -> str:
    """Return a shade of a colour: dark for `place` 0, the colour itself for 0.5, light for 1."""
    rgb = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    towards, far = (0.0, 0.9 * (0.5 - place)) if place < 0.5 else (1.0, 0.9 * (place - 0.5))
    shaded = np.round((rgb + (towards - rgb) * far) * 255).astype(int)
    return "#" + "".join(f"{value:02x}" for value in shaded.tolist())
