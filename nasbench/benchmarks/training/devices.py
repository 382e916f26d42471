"""Devices of this machine: what `auto` stands for, and the names of GPUs.

torch is imported inside the functions, as a search on a table needs none.
"""

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from nasbench.place import AUTO, known_device

if TYPE_CHECKING:
    import torch

    from nasbench.spaces.networks.base import Networks
    from nasbench.spaces.networks.recordings import Rerun

GRAPHS = "NASBENCH_CUDA_GRAPHS"
"""Environment variable that switches CUDA graphs off where it is `off` or `0`."""


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


def recorder(device: "torch.device", networks: "Networks") -> "type[Rerun] | None":
    """Return how repeated passes are recorded: as CUDA graphs, or not at all.

    They are recorded on CUDA, if the networks say that they may be, unless the environment variable
    `NASBENCH_CUDA_GRAPHS` is `off`.
    """
    from nasbench.spaces.networks.recordings import CudaGraph

    off = os.environ.get(GRAPHS, "").strip().lower() in ("off", "0")
    return CudaGraph if device.type == "cuda" and networks.recordable and not off else None
