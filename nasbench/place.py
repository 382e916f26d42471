"""Where a run trains: recorded with it, and no part of what is compared."""

import re
from typing import Any, NamedTuple

from nasbench.errors import InvalidInput
from nasbench.limits import per_core
from nasbench.text import shown

_DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")


MOST_THREADS = 4096
"""More than any machine has: what is stored beyond it is damage."""


class Place(NamedTuple):
    """A device and, of a CPU, how many threads torch uses there.

    It decides how long trainings take. On another device, or with another number of threads, sums
    are added in another order, so the last bits may differ.
    """

    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:1` or `mps`."""
    threads: int = 1

    @classmethod
    def read(cls, device: object, threads: int) -> "Place":
        """Return a place a user names; `InvalidInput` for one that no machine has."""
        return cls(known_device(device), per_core("threads").check(threads))


HERE = Place()
"""One thread of the CPU."""


def is_device(name: object) -> bool:
    """Whether a name is one that torch has for a device."""
    return isinstance(name, str) and bool(_DEVICE.fullmatch(name))


def known_device(name: Any) -> str:
    """Return the name of a device that torch may have; `InvalidInput` for any other."""
    if not is_device(name):
        raise InvalidInput(f"device {shown(name)} is unknown: use cpu, cuda, cuda:1 or mps")
    return str(name)
