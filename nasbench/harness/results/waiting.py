"""Which runs that trained waited for a busy machine, so that their real seconds are too many.

A run on the CPU computes all the time: its CPU seconds, those of all threads together, are its real
seconds or more. Where they are far fewer, the run stood still while the machine did other work.
"""

import numpy as np
from numpy.typing import NDArray

from nasbench.place import HERE

LEAST_SECONDS = 5.0
"""Real seconds of the shortest run that is looked at; shorter ones mostly read files."""
FACTOR = 1.5
"""Real seconds per CPU second above which a run counts as one that waited."""

Floats = NDArray[np.float64]


def waited(wall: Floats, cpu: Floats, devices: list[str]) -> NDArray[np.bool_]:
    """Return which runs waited, from their real and CPU seconds and their devices; shape (runs,).

    A run whose CPU seconds are not known (NaN) did not, nor one that trained on another device than
    a CPU, where the CPU waits for it.
    """
    here = np.array([device == HERE.device for device in devices], dtype=bool)
    return np.asarray(here & (wall >= LEAST_SECONDS) & (wall > FACTOR * cpu), dtype=bool)


def told(wall: Floats, cpu: Floats) -> str:
    """Return in words how long runs that waited took, and how much of that they computed."""
    return f"{wall.sum():,.0f} s passed, in which they computed for {cpu.sum():,.0f} s"
