"""Where a run trains (device and threads): stored with the run, but not part of its experiment."""

import re
from typing import Any, NamedTuple

from nasbench.errors import InvalidInput
from nasbench.limits import per_core
from nasbench.text import shown

_DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")
AUTO = "auto"
"""What a user writes for a GPU if there is one, and the CPU otherwise; it is never stored."""

MOST_THREADS = 4096
"""More threads than any machine has: a stored number above it means that the file is damaged."""


class Place(NamedTuple):
    """A torch device and, for a CPU, the number of threads that torch uses.

    The place decides how long trainings take. On another device, or with another number of threads,
    sums are added in another order, so the last bits of a result may differ.
    """

    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:1` or `mps`."""
    threads: int = 1

    @classmethod
    def read(cls, device: object, threads: int) -> "Place":
        """Return the place that a user names.

        Raises `InvalidInput` for an unknown device and for a number of threads outside the limits
        of this machine.
        """
        return cls(known_device(device), per_core("threads").check(threads))


HERE = Place()
"""The default place: one thread of the CPU."""


def is_device(name: object) -> bool:
    """Whether `name` is `cpu`, `mps`, `cuda` or `cuda:` and a number; the device may be absent."""
    return isinstance(name, str) and bool(_DEVICE.fullmatch(name))


def known_device(name: Any) -> str:
    """Return `name` if `is_device` accepts it; raise `InvalidInput` otherwise."""
    if not is_device(name):
        raise InvalidInput(f"device {shown(name)} is unknown: use auto, cpu, cuda, cuda:1 or mps")
    return str(name)
