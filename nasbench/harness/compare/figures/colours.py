"""Colours that can be told apart: distances in OKLab, and colours of operations by their names.

OKLab (Ottosson 2020) is a space of colours in which equal distances look about equally large. A
distance of 0.02 can just be seen side by side.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

REFERENCE = "#1a1a1a"
"""Colour of the expected random search, and of black letters."""
GREY = "#999999"
_READABLE = 0.66
"""Largest lightness of letters."""
_LIGHTNESS = (0.45, 0.58, 0.71, 0.82)
_CHROMAS = (0.2, 0.15, 0.1, 0.06)
_HUES = 24
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_FROM_CONES = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
OPERATIONS = {
    "none": GREY,
    "skip_connect": "#029e73",
    "nor_conv_1x1": "#c27a04",
    "nor_conv_3x3": "#d55e00",
    "avg_pool_3x3": "#0173b2",
}
"""Colours of NAS-Bench-201's operations."""
GROUPS = {
    "skip connections": OPERATIONS["skip_connect"],
    "convolutions": OPERATIONS["nor_conv_3x3"],
    "pooling": OPERATIONS["avg_pool_3x3"],
}
"""Colours of operations that are counted together."""


def oklab(colours: Sequence[str]) -> NDArray[np.float64]:
    """Return the OKLab coordinates of colours such as `#0173b2`, shape (colours, 3)."""
    codes = [[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in colours]
    rgb = np.array(codes, dtype=np.float64).reshape(-1, 3) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _FROM_CONES.T)


def distances(some: Sequence[str], others: Sequence[str]) -> NDArray[np.float64]:
    """Return the distance of every colour to every other, shape (some, others)."""
    return np.asarray(np.linalg.norm(oklab(some)[:, None] - oklab(others)[None], axis=-1))


def readable(colour: str) -> str:
    """Return a colour, darkened where letters in it would be too pale to read on white."""
    lightness = float(oklab([colour])[0, 0])
    if lightness <= _READABLE:
        return colour
    share = (_READABLE / lightness) ** 1.2  # about what the scale of `#rrggbb` is to lightness
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(share * part):02x}" for part in parts)


def farthest(taken: Iterable[str]) -> str:
    """Return the colour that is farthest from all taken ones, from a fixed set of about 250."""
    return _candidates()[int(distances(_candidates(), list(taken)).min(axis=1).argmax())]


@cache
def _candidates() -> tuple[str, ...]:
    """Return colours of several lightnesses and chromas around the circle of hues."""
    turns = np.arange(_HUES) * 2 * np.pi / _HUES
    found = [
        (light, chroma * np.cos(turn), chroma * np.sin(turn))
        for light in _LIGHTNESS
        for chroma in _CHROMAS
        for turn in turns
    ]
    cones = (np.array(found) @ np.linalg.inv(_FROM_CONES).T) ** 3
    linear = cones @ np.linalg.inv(_TO_CONES).T
    shown = linear[((linear >= 0) & (linear <= 1)).all(axis=1)]
    rgb = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    return tuple(
        "#" + "".join(f"{value:02x}" for value in one) for one in np.round(rgb * 255).astype(int)
    )


def operation_colour(name: str) -> str:
    """Return the colour of an operation: the same in every picture, whatever stands beside it.

    Names that are not in `OPERATIONS` have a colour that follows from the name alone.
    """
    known = OPERATIONS.get(name)
    if known is not None:
        return known
    candidates = _candidates()
    return candidates[int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % len(candidates)]
