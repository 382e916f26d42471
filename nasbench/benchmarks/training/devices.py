"""Devices of this machine: what `auto` stands for, and the names of GPUs.

torch is imported inside the functions, as a search on a table needs none.
"""

import warnings
from collections.abc import Callable

from nasbench.place import AUTO, known_device


def resolve_device(name: object, say: Callable[[str], None] = lambda _: None) -> str:
    """Return the device that a user names: for `auto` the first CUDA GPU, or the CPU without one.

    `say` receives a line on what `auto` stands for. Raises `InvalidInput` for an unknown name.
    """
    if name != AUTO:
        return known_device(name)
    import torch

    with warnings.catch_warnings(record=True) as caught:  # of a driver that is too old, say
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if there:
        say(f"device auto: cuda, {torch.cuda.get_device_name(0)}")
        return "cuda"
    why = str(caught[0].message).strip().splitlines()[0] if caught else "there is no CUDA GPU"
    say(f"device auto: cpu, as {why}")
    return "cpu"


def accelerator(device: str) -> str:
    """Return the name of a CUDA device of this machine; empty for any other device."""
    if not device.startswith("cuda"):
        return ""
    import torch

    return str(torch.cuda.get_device_name(device))
