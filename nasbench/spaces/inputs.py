"""The size of the images and the number of classes that networks are built for."""

from typing import NamedTuple


class Input(NamedTuple):
    """Images and labels: image side (pixels), image channels, number of classes."""

    side: int
    channels: int
    classes: int
