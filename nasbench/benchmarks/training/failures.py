"""Failures of a device as errors of one line: too little memory, and a device that was lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasbench.errors import InvalidInput, NasbenchError

_LOST: tuple[type[Exception], ...] = tuple(
    filter(None, (getattr(torch, "AcceleratorError", None),))  # torch has it from 2.8 on
)
_OF_A_GPU = ("CUDA error", "cuDNN error", "CUBLAS")
"""How torch's messages on a GPU begin where it has no class for them."""
_LASTING = ("no kernel image", "device-side assert", "invalid device")
"""Words of failures that come again with the same command."""
_MEMORY = ("allocate memory", "ALLOC_FAILED", "CUDA error: out of memory")
"""Words of failed allocations for which torch has no class."""
_NOTICEABLE = 0.05
"""Share of a GPU's memory above which other processes are named as a reason."""


@contextmanager
def device_failures(device: torch.device | str, lower: str) -> Iterator[None]:
    """Turn failures of `device` into errors of one line.

    Raises `InvalidInput` where memory is too small; `lower` are the settings that need less of it.
    Raises `NasbenchError` where the device has stopped working.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if _is_out_of_memory(error):
            raise InvalidInput(
                f"out of memory on {device}: lower {lower}{_others(device)}"
            ) from error
        if isinstance(error, _LOST) or reason.startswith(_OF_A_GPU):
            goes_on = not any(words in reason for words in _LASTING)
            then = "; what was finished is stored, and the same command goes on from there"
            raise NasbenchError(f"{device} failed: {reason}{then if goes_on else ''}") from error
        raise


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _MEMORY)


def _others(device: torch.device | str) -> str:
    """Return how much of a GPU's memory other processes have; empty where it is little."""
    place = torch.device(device)
    if place.type != "cuda":
        return ""
    try:
        free, total = torch.cuda.mem_get_info(place)
        others = total - free - torch.cuda.memory_reserved(place)
    except RuntimeError:  # the device answers no more
        return ""
    if others < _NOTICEABLE * total:
        return ""
    of = f"{others / 2**30:.0f} of {total / 2**30:.0f} GiB"
    return f", or end other processes on it, which have {of}"
